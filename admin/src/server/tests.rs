//! The server over real sockets, with plain requests. Time-outs are shortened; nothing is timed.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::*;

/// Far beyond what any wait here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

struct Unready;

impl Answers for Unready {
    fn live(&self) -> Verdict {
        Ok("ok\n".to_owned())
    }

    fn ready(&self) -> Verdict {
        Err("destination default: down\n".to_owned())
    }

    fn metrics(&self) -> String {
        "x_total 5\n".to_owned()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a crate without a clock of its own; its users hand theirs in"
)]
async fn admin() -> Admin {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Admin::new(listener, Instant::now)
}

/// Ends when the sender is dropped.
async fn start(change: impl FnOnce(&mut Admin)) -> (SocketAddr, oneshot::Sender<()>) {
    let mut admin = admin().await;
    change(&mut admin);
    let address = admin.address().unwrap();
    let (running, over) = oneshot::channel();
    tokio::spawn(admin.serve(Unready, async move { drop(over.await) }));
    (address, running)
}

/// Everything that comes back for these bytes until the server closes.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(&mut stream).await
    };
    tokio::time::timeout(DEADLINE, exchange).await.unwrap()
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset ends an answer, too.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8(answer).unwrap()
}

async fn ask(address: SocketAddr, line: &str) -> String {
    exchange(address, &format!("{line} HTTP/1.1\r\nhost: x\r\n\r\n")).await
}

#[tokio::test]
async fn each_path_and_method_has_its_answer() {
    let (address, _running) = start(|_| {}).await;
    let cases = [
        ("GET /livez", "HTTP/1.1 200 OK\r\n", "\r\n\r\nok\n"),
        (
            "GET /readyz",
            "HTTP/1.1 503 Service Unavailable\r\n",
            "\r\n\r\ndestination default: down\n",
        ),
        (
            "GET /livez?verbose=1",
            "HTTP/1.1 200 OK\r\n",
            "\r\n\r\nok\n",
        ),
        (
            "POST /livez",
            "HTTP/1.1 405 Method Not Allowed\r\n",
            "use GET\n",
        ),
        (
            "HEAD /metrics",
            "HTTP/1.1 405 Method Not Allowed\r\n",
            "\r\n\r\n",
        ),
        ("GET /", "HTTP/1.1 404 Not Found\r\n", "/metrics\n"),
        ("DELETE /livez/", "HTTP/1.1 404 Not Found\r\n", "/metrics\n"),
        ("GARBAGE", "HTTP/1.1 400 Bad Request\r\n", "\r\n\r\n"),
    ];
    for (line, status, end) in cases {
        let answer = ask(address, line).await;
        assert!(answer.starts_with(status), "{line}: {answer}");
        assert!(answer.ends_with(end), "{line}: {answer}");
    }
    assert!(
        ask(address, "POST /livez")
            .await
            .contains("\r\nallow: GET\r\n")
    );
}

#[tokio::test]
async fn metrics_have_the_type_of_the_format_and_the_counters_of_the_moment() {
    let (address, _running) = start(|_| {}).await;
    let answer = ask(address, "GET /metrics").await;
    let content_type = "\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(answer.contains(content_type), "{answer}");
    assert!(answer.ends_with("\r\n\r\nx_total 5\n"), "{answer}");
}

#[tokio::test]
async fn the_server_ends_when_it_is_told_to() {
    let admin = admin().await;
    let (running, over) = oneshot::channel::<()>();
    let serving = tokio::spawn(admin.serve(Unready, async move { drop(over.await) }));
    drop(running);
    tokio::time::timeout(DEADLINE, serving)
        .await
        .unwrap()
        .unwrap();
}

#[test]
fn a_text_with_a_line_break_stays_one_line() {
    let texts = ["a\nok", "b"].map(str::to_owned);
    assert_eq!(lines(texts.into_iter()), "a ok\nb\n");
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let (address, _running) = start(|admin| admin.head_max = Duration::from_millis(1)).await;
    let answer = exchange(address, "GET /livez HTTP/1.1\r\nhost").await;
    assert!(!answer.contains("200"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_takes_too_long_is_ended() {
    let (address, _running) = start(|admin| admin.connection_max = Duration::from_millis(1)).await;
    assert_eq!(exchange(address, "").await, "");
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_a_place() {
    let (address, _running) = start(|_| {}).await;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
        held.push(stream);
    }
    let mut late = TcpStream::connect(address).await.unwrap();
    late.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    // Everything runs on this one thread: the server has had its turns, and would have answered.
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
    let early = late.try_read(&mut [0; 1]).unwrap_err();
    assert_eq!(early.kind(), io::ErrorKind::WouldBlock);
    // The first of those that hold a place gives it up, by being answered.
    let mut first = held.remove(0);
    first.write_all(b"host: x\r\n\r\n").await.unwrap();
    let both = async { (rest(&mut first).await, rest(&mut late).await) };
    let (first, late) = tokio::time::timeout(DEADLINE, both).await.unwrap();
    assert!(first.ends_with("\r\n\r\nok\n"), "{first}");
    assert!(late.ends_with("\r\n\r\nok\n"), "{late}");
}
