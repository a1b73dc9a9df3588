//! Writes log lines to systemd's journal, with priority and fields.
//!
//! Source: systemd's "Native Journal Protocol": a datagram per line. `MESSAGE` is the text as it stands on
//! standard output; each field beside it is `RADIOGRAPH_<NAME>`, so `journalctl RADIOGRAPH_DESTINATION=aws`
//! finds its lines. What the journal does not take goes to standard output, which leads there too.
//! Bounds: 32 KiB of text, 8 KiB of a field; what is longer is cut and ends with `…`.

use std::fmt;
use std::io::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::peer::Peer;
use crate::push_escaped;

/// Where the journal takes datagrams.
const SOCKET: &str = "/run/systemd/journal/socket";

const MESSAGE_BYTES_MAX: usize = 32 << 10;
const FIELD_BYTES_MAX: usize = 8 << 10;

/// Characters of a field's name, prefix included; the journal drops longer ones.
const NAME_CHARS_MAX: usize = 64;

/// A layer that writes to the journal.
#[derive(Debug)]
pub struct Journal {
    peer: Peer,
    /// `SYSLOG_IDENTIFIER`, which `journalctl -t` selects by.
    identifier: &'static str,
}

impl Journal {
    /// The journal, if standard output leads there.
    #[must_use]
    pub fn of_stdout(identifier: &'static str) -> Option<Self> {
        let stream = super::variable("JOURNAL_STREAM")?;
        if stdout_identity()? != stream {
            return None;
        }
        Self::at(SOCKET, identifier).ok()
    }

    fn at(socket: &str, identifier: &'static str) -> io::Result<Self> {
        let peer = Peer::at(socket)?;
        Ok(Self { peer, identifier })
    }
}

/// Device and inode as in `JOURNAL_STREAM`.
#[cfg(unix)]
fn stdout_identity() -> Option<String> {
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;

    let copy = io::stdout().as_fd().try_clone_to_owned().ok()?;
    let metadata = std::fs::File::from(copy).metadata().ok()?;
    Some(format!("{}:{}", metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn stdout_identity() -> Option<String> {
    None
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let priority = priority(*metadata.level());
        let mut text = Text::default();
        event.record(&mut text);
        let Text {
            mut message,
            fields,
            rest,
        } = text;
        message.push_str(&rest);
        let entry = entry(self.identifier, priority, metadata, &message, &fields);
        if self.peer.send(&entry).is_err() {
            let line = format!("<{priority}>{message}\n");
            // nobody is left to be told where this fails too
            drop(io::stdout().write_all(line.as_bytes()));
        }
    }
}

fn entry(
    identifier: &str,
    priority: u8,
    metadata: &Metadata<'_>,
    message: &str,
    fields: &[(String, String)],
) -> Vec<u8> {
    let mut entry = Vec::with_capacity(512);
    put(&mut entry, "MESSAGE", cut(message, MESSAGE_BYTES_MAX));
    put(&mut entry, "PRIORITY", priority.to_string());
    put(&mut entry, "SYSLOG_IDENTIFIER", identifier.to_owned());
    put(&mut entry, "SYSLOG_PID", std::process::id().to_string());
    put(
        &mut entry,
        "RADIOGRAPH_TARGET",
        metadata.target().to_owned(),
    );
    for (name, value) in fields {
        put(&mut entry, name, cut(value, FIELD_BYTES_MAX));
    }
    entry
}

/// Always with the length, so that a value may hold anything.
fn put(entry: &mut Vec<u8>, name: &str, value: String) {
    let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
    entry.extend_from_slice(name.as_bytes());
    entry.push(b'\n');
    entry.extend_from_slice(&length.to_le_bytes());
    entry.extend_from_slice(&value.into_bytes());
    entry.push(b'\n');
}

fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at));
    format!(
        "{}…",
        text.get(..end.unwrap_or_default()).unwrap_or_default()
    )
}

/// As syslog counts them.
const fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// An event's message, and its fields as journal fields and as they stand behind the message.
#[derive(Default)]
struct Text {
    message: String,
    fields: Vec<(String, String)>,
    rest: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field.name(), value.to_owned(), &format!("{value:?}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        self.take(field.name(), value.clone(), &value);
    }
}

impl Text {
    fn take(&mut self, name: &str, value: String, shown: &str) {
        if name == "message" {
            push_escaped(&mut self.message, &value);
            return;
        }
        push_escaped(&mut self.rest, &format!(" {name}={shown}"));
        self.fields.push((field_name(name), value));
    }
}

/// Upper case letters, digits and underscores.
fn field_name(name: &str) -> String {
    let valid = |each: char| match each {
        'a'..='z' | 'A'..='Z' | '0'..='9' => each.to_ascii_uppercase(),
        _ => '_',
    };
    let mut text = "RADIOGRAPH_".to_owned();
    text.extend(name.chars().map(valid));
    text.truncate(NAME_CHARS_MAX);
    text
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::net::UnixDatagram;

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// The fields of an entry.
    fn read(journal: &UnixDatagram) -> BTreeMap<String, String> {
        let mut buffer = vec![0; 256 << 10];
        let length = journal.recv(&mut buffer).unwrap();
        let mut rest = &buffer[..length];
        let mut fields = BTreeMap::new();
        while !rest.is_empty() {
            let end = rest.iter().position(|each| *each == b'\n').unwrap();
            let name = String::from_utf8(rest[..end].to_vec()).unwrap();
            let (size, value) = rest[end + 1..].split_at(8);
            let size = usize::try_from(u64::from_le_bytes(size.try_into().unwrap())).unwrap();
            let text = String::from_utf8(value[..size].to_vec()).unwrap();
            assert_eq!(value[size], b'\n');
            assert_eq!(fields.insert(name, text), None);
            rest = &value[size + 1..];
        }
        fields
    }

    #[test]
    fn a_line_arrives_with_its_priority_its_text_and_its_fields() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let socket = UnixDatagram::bind(&path).unwrap();
        let journal = Journal::at(path.to_str().unwrap(), "radiograph-daemon").unwrap();
        let subscriber = tracing_subscriber::registry().with(journal);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(reason = "a\nb", trace.id = 7, "Datagram\nrejected");
            tracing::error!("{}", "é".repeat(MESSAGE_BYTES_MAX));
            tracing::info!("i");
            tracing::debug!("d");
        });
        let first = read(&socket);
        let own = std::process::id().to_string();
        let expected = [
            ("MESSAGE", r#"Datagram\nrejected reason="a\nb" trace.id=7"#),
            ("PRIORITY", "4"),
            ("RADIOGRAPH_REASON", "a\nb"),
            ("RADIOGRAPH_TARGET", module_path!()),
            ("RADIOGRAPH_TRACE_ID", "7"),
            ("SYSLOG_IDENTIFIER", "radiograph-daemon"),
            ("SYSLOG_PID", &own),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(first, expected.into());
        let long = read(&socket);
        assert_eq!(long["PRIORITY"], "3");
        assert_eq!(long["MESSAGE"].len(), MESSAGE_BYTES_MAX + "…".len());
        assert_eq!(read(&socket)["PRIORITY"], "6");
        assert_eq!(read(&socket)["PRIORITY"], "7");
    }

    #[test]
    fn names_are_such_as_the_journal_takes() {
        assert_eq!(field_name("delay_ms"), "RADIOGRAPH_DELAY_MS");
        assert_eq!(field_name("log.é-x"), "RADIOGRAPH_LOG___X");
        assert_eq!(field_name(&"x".repeat(99)).len(), NAME_CHARS_MAX);
    }
}
