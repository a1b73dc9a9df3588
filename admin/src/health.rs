//! `--healthcheck`: asks the server beside it whether it lives.
//!
//! Source: `spec/daemon.md` section 13: an image from scratch has no other program to ask with. No
//! runtime and no HTTP client, so that it costs a container next to nothing. Two seconds at most.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::with_causes;

/// From connecting to the answer's first line.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Bytes of an answer that are read; its first line is a hundredth of it.
const ANSWER_BYTES_MAX: usize = 1024;

/// Why the server is not known to live.
#[derive(Debug, thiserror::Error)]
enum HealthError {
    #[error("{address}: no host:port")]
    Address { address: String, source: io::Error },
    #[error("{address}: no answer")]
    NoAnswer {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("answered with {line:?}")]
    Unwell { line: String },
}

/// Asks `/livez` of the admin address, `host:port` as configured. 0 when the server lives, else 1 and
/// a line on standard error. `now` is the monotonic clock.
#[must_use]
pub fn check(address: &str, now: fn() -> Instant) -> ExitCode {
    let Err(error) = ask(address, now) else {
        return ExitCode::SUCCESS;
    };
    let error = with_causes(&error);
    match writeln!(io::stderr(), "health check: {error}") {
        // Whether or not anybody reads it, the answer is no.
        Ok(()) | Err(_) => ExitCode::FAILURE,
    }
}

fn ask(address: &str, now: fn() -> Instant) -> Result<(), HealthError> {
    let target = target(address)?;
    let line = first_line(target, now).map_err(|source| HealthError::NoAnswer {
        address: target,
        source,
    })?;
    if line.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(HealthError::Unwell { line })
}

/// Where to ask: a server that listens everywhere listens on this host's own address.
fn target(address: &str) -> Result<SocketAddr, HealthError> {
    let with_host = match address.strip_prefix(':') {
        Some(_) => format!("127.0.0.1{address}"),
        None => address.to_owned(),
    };
    let unusable = |source| HealthError::Address {
        address: address.to_owned(),
        source,
    };
    let mut found = with_host.to_socket_addrs().map_err(unusable)?;
    let first = found
        .next()
        .ok_or_else(|| unusable(io::ErrorKind::AddrNotAvailable.into()))?;
    let host = match first.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(SocketAddr::new(host, first.port()))
}

fn first_line(target: SocketAddr, now: fn() -> Instant) -> io::Result<String> {
    let until = now() + ANSWER_MAX;
    let mut stream = TcpStream::connect_timeout(&target, ANSWER_MAX)?;
    stream.set_write_timeout(Some(ANSWER_MAX))?;
    let request = format!("GET /livez HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = [0; 256];
    while !answer.contains(&b'\n') && answer.len() < ANSWER_BYTES_MAX {
        let left = until.saturating_duration_since(now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        answer.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "a crate without a clock of its own; its users hand theirs in"
    )]
    fn clock() -> fn() -> Instant {
        Instant::now
    }

    /// Asks a server that answers with these bytes.
    fn answered(answer: &'static [u8]) -> Result<(), HealthError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            stream.write_all(answer).unwrap();
            request
        });
        let result = ask(&address, clock());
        let request = String::from_utf8(serving.join().unwrap()).unwrap();
        assert!(request.starts_with("GET /livez HTTP/1.1\r\n"), "{request}");
        result
    }

    #[test]
    fn only_the_status_200_is_health() {
        answered(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n").unwrap();
        let cases: [(&[u8], &str); 5] = [
            (
                b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
                "HTTP/1.1 503 Service Unavailable",
            ),
            (b"HTTP/1.1 2000 OK\r\n", "HTTP/1.1 2000 OK"),
            (b"SSH-2.0-OpenSSH_9.9\r\n", "SSH-2.0-OpenSSH_9.9"),
            (b"", ""),
            (b"\xff\n", "\u{fffd}"),
        ];
        for (answer, line) in cases {
            let error = answered(answer).unwrap_err();
            assert_eq!(error.to_string(), format!("answered with {line:?}"));
        }
        let endless = answered(&[b'x'; 10_000]).unwrap_err();
        assert!(endless.to_string().len() < 2_000, "{endless}");
    }

    #[test]
    fn a_server_that_is_not_there_or_never_answers_is_not_healthy() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let silent = ask(&address.to_string(), clock()).unwrap_err();
        assert_eq!(silent.to_string(), format!("{address}: no answer"));
        drop(listener);
        let refused = ask(&address.to_string(), clock()).unwrap_err();
        assert_eq!(refused.to_string(), format!("{address}: no answer"));
    }

    #[test]
    fn the_address_is_read_as_the_server_reads_it() {
        let cases = [
            ("127.0.0.1:2001", "127.0.0.1:2001"),
            ("0.0.0.0:2001", "127.0.0.1:2001"),
            (":2001", "127.0.0.1:2001"),
            ("[::]:2001", "[::1]:2001"),
            ("[::1]:2001", "[::1]:2001"),
        ];
        for (text, expected) in cases {
            assert_eq!(target(text).unwrap(), expected.parse().unwrap(), "{text}");
        }
        for text in ["", "2001", "127.0.0.1", "127.0.0.1:x"] {
            let error = target(text).unwrap_err();
            assert_eq!(error.to_string(), format!("{text}: no host:port"));
        }
    }
}
