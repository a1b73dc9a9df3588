//! `/livez`, `/readyz` and `/metrics` of a running daemon.

use std::process::ExitCode;

use radiograph_daemon::{Daemon, health};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Sink, daemon, send, within};

const DOCUMENT: &str = "{\"format\":\"json\",\"version\":1}\n{\"id\":\"1\"}";

async fn get(daemon: &Daemon, path: &str) -> String {
    within(async {
        let address = daemon.admin_address().unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    })
    .await
}

/// The value of a sample.
fn sample(metrics: &str, name: &str) -> String {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}"))
        .to_owned()
}

#[tokio::test]
async fn a_daemon_that_delivers_is_alive_ready_and_counts() {
    let sink = Sink::start().await;
    let daemon = daemon(sink.url()).await;
    send(&daemon, &[DOCUMENT, DOCUMENT, "no frame"]).await;
    assert!(
        get(&daemon, "/livez")
            .await
            .starts_with("HTTP/1.1 200 OK\r\n")
    );
    assert!(
        get(&daemon, "/readyz")
            .await
            .starts_with("HTTP/1.1 200 OK\r\n")
    );
    let metrics = get(&daemon, "/metrics").await;
    for (name, value) in [
        (
            "radiograph_daemon_segments_received_total{transport=\"udp\"}",
            "3",
        ),
        (
            "radiograph_daemon_destination_up{destination=\"default\"}",
            "1",
        ),
    ] {
        assert_eq!(sample(&metrics, name), value, "{name}");
    }
    #[cfg(target_os = "linux")]
    {
        let resident = sample(&metrics, "process_resident_memory_bytes");
        assert!(resident.parse::<u64>().unwrap() > 0);
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_succeeds_while_the_daemon_runs_and_fails_once_it_has_stopped() {
    let sink = Sink::start().await;
    let daemon = daemon(sink.url()).await;
    let address = daemon.admin_address().unwrap().to_string();
    let check = |address: String| tokio::task::spawn_blocking(move || health::check(&address));
    let code = within(check(address.clone())).await.unwrap();
    assert_eq!(code, ExitCode::SUCCESS);
    daemon.stop().await;
    // The server ends a moment after the daemon.
    within(async {
        while check(address.clone()).await.unwrap() == ExitCode::SUCCESS {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
