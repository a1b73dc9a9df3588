//! The address: chosen, taken, off. What is answered there: `ready` and `text`.

use super::*;
use crate::config::ADMIN_DEFAULT;

fn chosen(address: &str) -> AdminAddress {
    AdminAddress::Chosen(address.to_owned())
}

#[tokio::test]
async fn a_chosen_address_that_is_taken_is_an_error_until_it_is_free() {
    let first = AdminServer::start(&chosen("127.0.0.1:0")).await;
    let first = first.unwrap().unwrap();
    let address = chosen(&first.address().to_string());
    let taken = AdminServer::start(&address).await.unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    first.stop().await;
    let again = AdminServer::start(&address).await;
    again.unwrap().unwrap().stop().await;
}

#[tokio::test]
async fn a_default_address_that_is_taken_is_done_without() {
    // an error means that another process has it, which is as good
    let _holder = TcpListener::bind(ADMIN_DEFAULT).await;
    let server = AdminServer::start(&AdminAddress::Default).await;
    assert!(server.unwrap().is_none());
}

#[tokio::test]
async fn an_address_that_is_off_is_not_listened_on() {
    let off = AdminServer::start(&AdminAddress::Off).await;
    assert!(off.unwrap().is_none());
}

#[tokio::test]
async fn a_collector_that_is_being_put_together_lives_and_is_not_ready() {
    let server = AdminServer::start(&chosen("127.0.0.1:0")).await;
    let server = server.unwrap().unwrap();
    assert_eq!(server.shared.live(), Ok("ok\n".to_owned()));
    assert!(server.shared.ready().is_err());
    assert!(
        server
            .shared
            .metrics()
            .contains("radiograph_collector_ready 0\n")
    );
    server.stop().await;
}
