//! The configuration file, in the format of AWS's daemon (`spec/daemon.md` section 9), with our own
//! settings under the key `Radiograph`.
//!
//! Every key is known and its type checked. Empty text and, for AWS's numbers, 0 mean the default. A
//! file in a default location is checked like one that was named; there is no merging of files.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::config::key::{Key, Kind};
use crate::config::layer::{Entry, Layer, List, Source};
use crate::config::{ConfigError, LogLevel, mask, nearest};

/// Read when no file is named: the first that exists.
pub(crate) const DEFAULT_PATHS: [&str; 2] = ["/etc/amazon/xray/cfg.yaml", "cfg.yaml"];

/// Bytes of a file at most; AWS's own has 2 KB.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Keys that hold others.
const SECTIONS: [&str; 4] = ["Socket", "Logging", "Radiograph", "Radiograph.Spool"];

const LIST: &str = "Radiograph.Destinations";

/// Keys of the AWS daemon's first versions, and what to write instead.
const REMOVED: [(&str, &str); 10] = [
    ("LogRotation", "Logging.LogRotation"),
    ("Processor.Region", "Region"),
    ("Processor.Endpoint", "Endpoint"),
    ("Processor.Routine", "Concurrency"),
    ("Processor.BatchProcessorQueueSize", "nothing"),
    ("MemoryLimit", "TotalBufferSizeMB"),
    ("Profile.CPU", "nothing"),
    ("Profile.Memory", "nothing"),
    ("Socket.BufferSizeKB", "TotalBufferSizeMB"),
    ("Logging.LogFormat", "nothing"),
];

/// Reads the named file, else the first default one that exists; its path comes first.
pub(crate) fn read(
    named: Option<PathBuf>,
    defaults: &[PathBuf],
) -> Result<(Option<PathBuf>, Layer), ConfigError> {
    let is_named = named.is_some();
    let paths = named.map_or_else(|| defaults.to_vec(), |path| vec![path]);
    for path in paths {
        match text(&path) {
            Ok(text) => {
                return match parse(&text, &path) {
                    Ok(layer) => Ok((Some(path), layer)),
                    Err(problem) => Err(ConfigError::File { path, problem }),
                };
            }
            Err(error) if !is_named && is_absent(&error) => {}
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        }
    }
    Ok((None, Layer::default()))
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// One byte beyond the limit at most, which [`parse`] then refuses.
fn text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let bytes_max = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    File::open(path)?
        .take(bytes_max.saturating_add(1))
        .read_to_string(&mut text)?;
    Ok(text)
}

/// Reads a file's text; the error is one line.
pub(crate) fn parse(text: &str, path: &Path) -> Result<Layer, String> {
    let source = Source::File(path.into());
    let members: Option<Map<String, Value>> = yaml(text)?;
    let settings = flattened(members.unwrap_or_default());
    let mut layer = Layer::default();
    let mut has_version = false;
    for (name, value) in &settings {
        if let Some(key) = Key::of_name(name) {
            let text = value_text(name, key, value)?;
            let text = log_level(&mut layer, key, text);
            layer.say(key, text, source.clone());
        } else if name == LIST {
            layer.list = Some(list(name, value, source.clone())?);
        } else if name == "Version" {
            version(value)?;
            has_version = true;
        } else {
            return Err(unknown(name));
        }
    }
    if has_version {
        Ok(layer)
    } else {
        Err("Version is missing; write Version: 2".to_owned())
    }
}

/// Reads a list of destinations that stands alone, as in a variable.
pub(crate) fn destinations(text: &str, source: Source) -> Result<List, String> {
    list(LIST, &yaml(text)?, source)
}

fn yaml<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    if text.len() > FILE_BYTES_MAX {
        return Err(format!("longer than {FILE_BYTES_MAX} bytes"));
    }
    serde_saphyr::from_str(text).map_err(|error| {
        // Below the first line it quotes the text, secrets included.
        let error = error.to_string();
        error.lines().next().unwrap_or_default().to_owned()
    })
}

/// Keys with their sections, `Socket.UDPAddress`; null counts as absent.
fn flattened(members: Map<String, Value>) -> Vec<(String, Value)> {
    let mut settings = Vec::new();
    for (name, value) in members {
        match value {
            Value::Null => {}
            Value::Object(section) if is_section(&name) => {
                let inner = section.into_iter();
                let named = inner.map(|(each, value)| (format!("{name}.{each}"), value));
                // As deep as the known sections: two.
                settings.extend(flattened(named.collect()));
            }
            value => settings.push((name, value)),
        }
    }
    settings
}

fn is_section(name: &str) -> bool {
    let removed = REMOVED.iter().map(|(removed, _)| *removed);
    names().chain(removed).any(|each| {
        each.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// Every key that the format has.
fn names() -> impl Iterator<Item = &'static str> {
    let keys = Key::ALL.into_iter().map(|key| key.known().name);
    keys.chain(["Version", LIST])
}

/// A value as text; empty when it means the default.
fn value_text(name: &str, key: Key, value: &Value) -> Result<String, String> {
    let kind = key.known().kind;
    let text = match (kind, value) {
        (Kind::Integer, Value::Number(number)) if number.as_i64() == Some(0) => Some(String::new()),
        (Kind::Integer, Value::Number(number)) => number.as_i64().map(|each| each.to_string()),
        (Kind::Size | Kind::Time, Value::Number(number)) => {
            number.as_u64().map(|each| each.to_string())
        }
        (Kind::Boolean, Value::Bool(each)) => Some(each.to_string()),
        // Some readers of YAML take the word off for false.
        (Kind::Switch, Value::Bool(false)) => Some("off".to_owned()),
        (Kind::Text | Kind::Size | Kind::Time | Kind::Switch, Value::String(text)) => {
            Some(text.clone())
        }
        _ => None,
    };
    let wanted = match kind {
        Kind::Integer => "a whole number",
        Kind::Text | Kind::Switch => "text",
        Kind::Boolean => "true or false",
        Kind::Size => "a whole number or text with a unit, 4GiB",
        Kind::Time => "a whole number of seconds or text with a unit, 3d",
    };
    text.ok_or_else(|| {
        // A list of proxies has passwords, too.
        let value = mask::url(&value.to_string());
        format!("{name}: {value} is not {wanted}")
    })
}

/// AWS's daemon takes an unknown word for the most detailed level.
fn log_level(layer: &mut Layer, key: Key, text: String) -> String {
    if key != Key::LogLevel || text.is_empty() || LogLevel::parse(&text).is_ok() {
        return text;
    }
    let warning = format!("Logging.LogLevel: {text} is unknown and means dev");
    layer.warnings.push(warning);
    "dev".to_owned()
}

fn version(value: &Value) -> Result<(), String> {
    match value.as_i64() {
        Some(1 | 2) => Ok(()),
        Some(_) => Err(format!("Version: {value} is not allowed; write 1 or 2")),
        None => Err(format!("Version: {value} is not a whole number")),
    }
}

fn list(name: &str, value: &Value, source: Source) -> Result<List, String> {
    let Value::Array(values) = value else {
        return Err(format!(
            "{name}: write a list of destinations, each with its keys"
        ));
    };
    let entries = values.iter().enumerate();
    let entries = entries.map(|(index, value)| entry(&format!("{name}[{index}]"), value));
    Ok(List {
        entries: entries.collect::<Result<_, _>>()?,
        source,
    })
}

fn entry(name: &str, value: &Value) -> Result<Entry, String> {
    let Value::Object(members) = value else {
        return Err(format!(
            "{name}: write the destination's keys, Name: …, Endpoint: …"
        ));
    };
    let mut entry = Entry::default();
    for (member, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let name = format!("{name}.{member}");
        let key = Key::OF_DESTINATION
            .into_iter()
            .find(|key| key.member() == member);
        if let Some(key) = key {
            let text = value_text(&name, key, value)?;
            if !text.is_empty() {
                entry.members.insert(key, text);
            }
        } else if member == "Name" {
            let text = value
                .as_str()
                .ok_or_else(|| format!("{name}: {value} is not text"))?;
            entry.name = Some(text.to_owned()).filter(|text| !text.is_empty());
        } else {
            let known = Key::OF_DESTINATION
                .into_iter()
                .map(Key::member)
                .chain(["Name"]);
            return Err(nearest_known(&name, member, known));
        }
    }
    Ok(entry)
}

fn unknown(name: &str) -> String {
    if let Some((_, instead)) = REMOVED.iter().find(|(removed, _)| *removed == name) {
        return format!("{name}: this key no longer exists; write {instead} instead");
    }
    if is_section(name) {
        return format!("{name}: this is a section; write its keys below it, indented");
    }
    nearest_known(name, name, names().chain(SECTIONS))
}

fn nearest_known(place: &str, name: &str, known: impl Iterator<Item = &'static str>) -> String {
    let nearest = nearest::nearest(name, known).map_or("", |(nearest, _)| nearest);
    format!("{place}: unknown key; the nearest known one is {nearest}")
}

#[cfg(test)]
mod tests;
