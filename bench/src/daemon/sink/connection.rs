//! One connection of the sink: requests one after another, as much of HTTP/1.1 as the daemons speak.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use memchr::memmem;
use radiograph_protocol::framing;

use super::super::clock;
use super::super::mark::Marks;
use super::{LOOK, Mode, Shared, locked};

/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Bytes of a request's body, and of what it decompresses to.
const BODY_BYTES_MAX: usize = 16 << 20;
/// What a Radiograph collector says in every answer (`docs/framed-segments.md`).
static OFFER: LazyLock<String> =
    LazyLock::new(|| format!("{}: {}\r\n", framing::OFFER_HEADER, framing::Offer::LARGEST));

/// What a request's head says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Head {
    is_for_segments: bool,
    body_bytes: Option<usize>,
    is_framed: bool,
    is_compressed: bool,
}

/// Answers the requests of one connection until it ends or the sink refuses.
pub(super) fn serve(stream: TcpStream, shared: &Shared) {
    // Ends of connections are the daemon's business; what it resends is counted.
    drop(try_serve(stream, shared));
}

fn try_serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOOK))?;
    let mut connection = Connection {
        stream,
        bytes: vec![0; 256 << 10],
        filled: 0,
    };
    let marks = Marks::default();
    let mut decompressed = Vec::new();
    while let Some(head_bytes) = connection.read_head(shared)? {
        let head = connection.bytes.get(..head_bytes).unwrap_or_default();
        let head = parse(&String::from_utf8_lossy(head));
        let Some(body_bytes) = head.body_bytes.filter(|bytes| *bytes <= BODY_BYTES_MAX) else {
            locked(&shared.tally).note_refused();
            return connection.answer(411, "", "{}");
        };
        connection.read_until(head_bytes + body_bytes, shared)?;
        match shared.mode() {
            Mode::Answer => {}
            Mode::Delay(milliseconds) => thread::sleep(Duration::from_millis(milliseconds)),
            Mode::Hang => {
                shared.wait_while_hanging();
                return Ok(());
            }
            Mode::Refuse => return Ok(()),
        }
        let body = connection.bytes.get(head_bytes..head_bytes + body_bytes);
        let body = body.unwrap_or_default();
        let is_good = !head.is_for_segments || take(&head, body, &marks, &mut decompressed, shared);
        let offer = if shared.offers_framed {
            OFFER.as_str()
        } else {
            ""
        };
        match (is_good, head.is_for_segments) {
            (true, true) => connection.answer(200, offer, r#"{"UnprocessedTraceSegments":[]}"#)?,
            (true, false) => connection.answer(200, offer, "{}")?,
            (false, _) => connection.answer(400, offer, "{}")?,
        }
        connection.forget(head_bytes + body_bytes);
    }
    Ok(())
}

/// Counts the documents of a body; false when it is none.
fn take(
    head: &Head,
    body: &[u8],
    marks: &Marks,
    decompressed: &mut Vec<u8>,
    shared: &Shared,
) -> bool {
    let now = clock::now_nanos();
    let mut documents = body;
    let mut is_good = !head.is_framed || shared.offers_framed;
    if head.is_compressed {
        decompressed.clear();
        is_good &= decompress(body, decompressed).is_ok();
        documents = decompressed;
    }
    is_good &= !head.is_framed || are_frames(documents);
    let mut tally = locked(&shared.tally);
    if is_good {
        tally.note_request(body.len(), head.is_framed);
        marks.each(documents, |number, sent| tally.note(number, sent, now));
    } else {
        tally.note_refused();
    }
    is_good
}

fn decompress(body: &[u8], decompressed: &mut Vec<u8>) -> io::Result<()> {
    let decoder = zstd::Decoder::with_buffer(body)?;
    let limit = u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX);
    decoder.take(limit).read_to_end(decompressed)?;
    Ok(())
}

/// Whether these are whole frames: length, little-endian, and so many bytes, again and again.
fn are_frames(mut bytes: &[u8]) -> bool {
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        match rest.get(length..) {
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    bytes.is_empty()
}

fn parse(text: &str) -> Head {
    let mut lines = text.split("\r\n");
    let request = lines.next().unwrap_or_default();
    let mut head = Head {
        is_for_segments: request
            .split(' ')
            .nth(1)
            .is_some_and(|path| path.ends_with("/TraceSegments")),
        body_bytes: request.starts_with("GET ").then_some(0),
        ..Head::default()
    };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => head.body_bytes = value.parse().ok(),
            "content-type" => head.is_framed = value == framing::CONTENT_TYPE,
            "content-encoding" => head.is_compressed = value == "zstd",
            _ => {}
        }
    }
    head
}

struct Connection {
    stream: TcpStream,
    bytes: Vec<u8>,
    filled: usize,
}

impl Connection {
    /// Bytes of the next request's head; `None` at the connection's end.
    fn read_head(&mut self, shared: &Shared) -> io::Result<Option<usize>> {
        loop {
            let so_far = self.bytes.get(..self.filled).unwrap_or_default();
            if let Some(place) = memmem::find(so_far, b"\r\n\r\n") {
                return Ok(Some(place + 4));
            }
            if self.filled > HEAD_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if !self.read(shared)? {
                return Ok(None);
            }
        }
    }

    fn read_until(&mut self, bytes: usize, shared: &Shared) -> io::Result<()> {
        if self.bytes.len() < bytes {
            self.bytes.resize(bytes, 0);
        }
        while self.filled < bytes {
            if !self.read(shared)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Reads what is there; false at the end, or when the sink has begun to refuse.
    fn read(&mut self, shared: &Shared) -> io::Result<bool> {
        loop {
            let free = self.bytes.get_mut(self.filled..).unwrap_or_default();
            match self.stream.read(free) {
                Ok(count) => {
                    self.filled += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if shared.mode() == Mode::Refuse {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn answer(&mut self, status: u16, offer: &str, body: &str) -> io::Result<()> {
        let answer = format!(
            "HTTP/1.1 {status} Sink\r\nContent-Type: application/json\r\n{offer}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(answer.as_bytes())
    }

    /// Drops a request that was answered; what follows is the beginning of the next.
    fn forget(&mut self, bytes: usize) {
        self.bytes.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::daemon::mark;
    use crate::daemon::sink::tally::Summary;
    use radiograph_protocol::framing::CONTENT_TYPE;

    #[test]
    fn a_head_is_understood_whatever_its_case() {
        let plain = "POST /prefix/TraceSegments HTTP/1.1\r\nCONTENT-LENGTH: 12\r\n\r\n";
        let framed = format!(
            "POST /TraceSegments HTTP/1.1\r\ncontent-length:5\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Encoding: zstd\r\n\r\n"
        );
        let expected = Head {
            is_for_segments: true,
            body_bytes: Some(12),
            ..Head::default()
        };
        assert_eq!(parse(plain), expected);
        let expected = Head {
            is_for_segments: true,
            body_bytes: Some(5),
            is_framed: true,
            is_compressed: true,
        };
        assert_eq!(parse(&framed), expected);
        assert_eq!(
            parse("POST /TelemetryRecords HTTP/1.1\r\n\r\n"),
            Head::default()
        );
    }

    #[test]
    fn frames_are_whole_or_refused() {
        let frames = [2, 0, 0, 0, b'a', b'b', 0, 0, 0, 0];
        assert!(are_frames(&frames) && are_frames(&[]));
        for cut in [1, 4, 5, 7, 9] {
            assert!(!are_frames(&frames[..cut]), "{cut} bytes");
        }
    }

    /// Two marked documents, framed and compressed.
    fn framed() -> Vec<u8> {
        let mut frames = Vec::new();
        for number in [4, 9] {
            let mut document = mark::blank().into_bytes();
            mark::write(&mut document, number);
            let length = u32::try_from(document.len()).unwrap();
            frames.extend_from_slice(&length.to_le_bytes());
            frames.extend_from_slice(&document);
        }
        zstd::encode_all(frames.as_slice(), 1).unwrap()
    }

    /// What the sink answers to these requests on one connection, and what it has counted then.
    fn served(requests: &[u8], offers_framed: bool) -> (String, Summary) {
        let shared: &Shared = Box::leak(Box::new(Shared::new(offers_framed)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let server = thread::spawn(move || serve(stream, shared));
        client.write_all(requests).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).unwrap();
        server.join().unwrap();
        (answers, locked(&shared.tally).summary(0, 100))
    }

    fn request(headers: &str, body: &[u8]) -> Vec<u8> {
        let bytes = body.len();
        let head =
            format!("POST /TraceSegments HTTP/1.1\r\n{headers}Content-Length: {bytes}\r\n\r\n");
        [head.as_bytes(), body].concat()
    }

    const OF_FRAMED: &str = "Content-Type: application/vnd.radiograph.segments.v1\r\n\
                             Content-Encoding: zstd\r\n";

    #[test]
    fn plain_and_framed_requests_are_counted_on_one_connection() {
        let plain = mark::blank().replace("00000000-", "00000007-");
        let mut requests = request("", plain.as_bytes());
        requests.extend(request(OF_FRAMED, &framed()));
        let (answers, counted) = served(&requests, true);
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 2);
        assert_eq!(answers.matches(OFFER.as_str()).count(), 2);
        assert_eq!((counted.delivered, counted.requests), (3, 2));
        assert_eq!((counted.framed, counted.refused), (1, 0));
    }

    #[test]
    fn what_is_no_framed_body_is_refused_and_not_counted() {
        let body = framed();
        let cut = &body[..body.len() - 3];
        let torn = zstd::encode_all([9_u8, 0, 0, 0, 1].as_slice(), 1).unwrap();
        for (name, body, offers) in [
            ("cut off", cut, true),
            ("torn frame", &torn, true),
            ("not offered", &body, false),
        ] {
            let (answers, counted) = served(&request(OF_FRAMED, body), offers);
            assert!(answers.starts_with("HTTP/1.1 400"), "{name}: {answers}");
            assert_eq!((counted.delivered, counted.refused), (0, 1), "{name}");
        }
    }
}
