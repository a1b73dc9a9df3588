//! The relay against a server that echoes.

use super::*;

/// Far beyond what any wait here takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// A server that sends back what it gets, behind a relay.
async fn echo() -> Relay {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                tokio::io::copy(&mut reader, &mut writer).await
            });
        }
    });
    let relay = Relay::listen().await.unwrap();
    relay.set_collector(Some(address));
    relay
}

async fn connect(relay: &Relay) -> TcpStream {
    TcpStream::connect(relay.address()).await.unwrap()
}

/// Sends, and reads as much back; what came until the connection ended or all was there.
async fn asked(stream: &mut TcpStream, text: &str) -> String {
    if stream.write_all(text.as_bytes()).await.is_err() {
        return String::new();
    }
    let mut answer = Vec::new();
    let reading = async {
        let mut byte = [0];
        while answer.len() < text.len() && matches!(stream.read(&mut byte).await, Ok(1)) {
            answer.push(byte[0]);
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn bytes_pass_while_nothing_is_cut() {
    let relay = echo().await;
    let mut stream = connect(&relay).await;
    assert_eq!(asked(&mut stream, "one").await, "one");
    assert_eq!(asked(&mut stream, "two").await, "two");
}

#[tokio::test]
async fn refused_connections_end_at_once_until_the_cut_is_over() {
    let relay = echo().await;
    let mut before = connect(&relay).await;
    assert_eq!(asked(&mut before, "a").await, "a");
    relay.cut(CutMode::Refuse, FOR_EVER);
    assert_eq!(asked(&mut before, "b").await, "");
    assert_eq!(asked(&mut connect(&relay).await, "c").await, "");
    relay.heal();
    assert_eq!(asked(&mut connect(&relay).await, "d").await, "d");
}

#[tokio::test]
async fn a_reset_ends_the_connections_that_are_there_and_no_others() {
    let relay = echo().await;
    let mut before = connect(&relay).await;
    assert_eq!(asked(&mut before, "a").await, "a");
    relay.cut(CutMode::Reset, FOR_EVER);
    assert_eq!(asked(&mut before, "b").await, "");
    assert_eq!(asked(&mut connect(&relay).await, "c").await, "c");
}

#[tokio::test]
async fn an_answer_is_cut_after_so_many_bytes() {
    let relay = echo().await;
    let mut stream = connect(&relay).await;
    assert_eq!(asked(&mut stream, "before").await, "before");
    relay.cut(CutMode::MidAnswer { bytes: 4 }, FOR_EVER);
    let answer = asked(&mut stream, "0123456789").await;
    // a reset may overtake what was sent before it
    assert!("0123".starts_with(&answer), "{answer}");
}

#[tokio::test]
async fn a_stalled_connection_goes_on_where_it_was() {
    let relay = echo().await;
    let mut stream = connect(&relay).await;
    assert_eq!(asked(&mut stream, "a").await, "a");
    relay.cut(CutMode::Stall, Duration::from_millis(20));
    assert_eq!(asked(&mut stream, "late").await, "late");
    assert_eq!(relay.state.borrow().cut, None, "no byte passed before");
}

#[test]
fn the_end_of_a_cut_does_not_end_the_next() {
    let mut state = State {
        cut: Some(CutMode::Refuse),
        cuts: 2,
        ..State::default()
    };
    assert!(!state.end(1));
    assert_eq!(state.cut, Some(CutMode::Refuse));
    assert!(state.end(2));
    assert_eq!(state.cut, None);
}

#[tokio::test]
async fn without_a_collector_nothing_is_answered() {
    let relay = echo().await;
    relay.set_collector(None);
    assert_eq!(asked(&mut connect(&relay).await, "a").await, "");
}
