//! The least HTTP client: one request a connection, every header under the test's control.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

/// What was answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `x-radiograph-segments`.
    pub(crate) offer: Option<String>,
    /// `x-amzn-errortype`.
    pub(crate) error: Option<String>,
    pub(crate) body: Value,
}

/// Headers of a request.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

/// Sends a request and reads the answer.
pub(crate) fn post(to: SocketAddr, path: &str, headers: Headers<'_>, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(to).expect("connects");
    let length = body.len();
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nHost: {to}\r\nContent-Length: {length}\r\nConnection: close\r\n"
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).expect("sends the head");
    stream.write_all(body).expect("sends the body");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers in text");
    read(&answer)
}

fn read(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    let header = |wanted: &str| {
        let mut pairs = head.lines().filter_map(|line| line.split_once(": "));
        let found = pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.to_owned())
    };
    let status = head.split(' ').nth(1).expect("a status line");
    Answer {
        status: status.parse().expect("a status"),
        offer: header("x-radiograph-segments"),
        error: header("x-amzn-errortype"),
        body: serde_json::from_str(body).expect("a JSON body"),
    }
}
