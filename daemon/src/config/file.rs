//! The configuration file, in the format of AWS's daemon (`spec/daemon.md` section 9).
//!
//! Every key is known and its type checked, also those that have no effect yet. Empty text and 0
//! mean the default. A file in a default location is checked like one that was named.

use std::io::ErrorKind;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::config::layer::Layer;
use crate::config::{ConfigError, LogLevel};

/// Read when no file is named: the first that exists.
const DEFAULT_PATHS: [&str; 2] = ["/etc/amazon/xray/cfg.yaml", "cfg.yaml"];

/// Bytes of a file at most; AWS's own has 2 KB.
const FILE_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Text,
    Boolean,
}

/// Every key that the format has.
const KEYS: [(&str, Kind); 15] = [
    ("Version", Kind::Integer),
    ("TotalBufferSizeMB", Kind::Integer),
    ("Concurrency", Kind::Integer),
    ("Region", Kind::Text),
    ("ResourceARN", Kind::Text),
    ("RoleARN", Kind::Text),
    ("ProxyAddress", Kind::Text),
    ("Endpoint", Kind::Text),
    ("Socket.UDPAddress", Kind::Text),
    ("Socket.TCPAddress", Kind::Text),
    ("Logging.LogRotation", Kind::Boolean),
    ("Logging.LogPath", Kind::Text),
    ("Logging.LogLevel", Kind::Text),
    ("LocalMode", Kind::Boolean),
    ("NoVerifySSL", Kind::Boolean),
];

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

/// Reads the named file, else the first default one that exists.
pub(crate) fn read(named: Option<PathBuf>) -> Result<Layer, ConfigError> {
    let paths = match named {
        Some(path) => {
            let text = std::fs::read_to_string(&path);
            let text = text.map_err(|source| ConfigError::Unreadable {
                path: path.clone(),
                source,
            })?;
            return parse(&text).map_err(|problem| ConfigError::File { path, problem });
        }
        None => DEFAULT_PATHS.map(PathBuf::from),
    };
    for path in paths {
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                return parse(&text).map_err(|problem| ConfigError::File { path, problem });
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        }
    }
    Ok(Layer::default())
}

/// Reads a file's text; the error is one line.
pub(crate) fn parse(text: &str) -> Result<Layer, String> {
    if text.len() > FILE_BYTES_MAX {
        return Err(format!("longer than {FILE_BYTES_MAX} bytes"));
    }
    let parsed: Result<Option<Map<String, Value>>, _> = serde_saphyr::from_str(text);
    let members = parsed
        .map_err(|error| error.to_string())?
        .unwrap_or_default();
    let settings = flattened(members);
    let mut layer = Layer::default();
    for (key, value) in &settings {
        check(key, value)?;
        apply(&mut layer, key, value)?;
    }
    if settings.iter().any(|(key, _)| key == "Version") {
        Ok(layer)
    } else {
        Err("Version is missing; write Version: 2".to_owned())
    }
}

/// Keys with their section, `Socket.UDPAddress`; null counts as absent.
fn flattened(members: Map<String, Value>) -> Vec<(String, Value)> {
    let mut settings = Vec::new();
    for (key, value) in members {
        match value {
            Value::Object(section) => {
                let inner = section
                    .into_iter()
                    .map(|(name, value)| (format!("{key}.{name}"), value));
                settings.extend(inner);
            }
            value => settings.push((key, value)),
        }
    }
    settings.retain(|(_, value)| !value.is_null());
    settings
}

fn check(key: &str, value: &Value) -> Result<(), String> {
    let Some((_, kind)) = KEYS.iter().find(|(known, _)| *known == key) else {
        return Err(unknown(key));
    };
    let (is_right, wanted) = match kind {
        Kind::Integer => (value.is_i64(), "a whole number"),
        Kind::Text => (value.is_string(), "text"),
        Kind::Boolean => (value.is_boolean(), "true or false"),
    };
    if is_right {
        Ok(())
    } else {
        Err(format!("{key}: {value} is not {wanted}"))
    }
}

fn unknown(key: &str) -> String {
    if let Some((_, instead)) = REMOVED.iter().find(|(removed, _)| *removed == key) {
        return format!("{key}: this key no longer exists; write {instead} instead");
    }
    let section = format!("{key}.");
    if KEYS.iter().any(|(known, _)| known.starts_with(&section)) {
        return format!("{key}: this is a section; write its keys below it, indented");
    }
    let nearest = KEYS
        .iter()
        .map(|(known, _)| *known)
        .min_by_key(|known| distance(key, known));
    let nearest = nearest.unwrap_or_default();
    format!("{key}: unknown key; the nearest known one is {nearest}")
}

fn apply(layer: &mut Layer, key: &str, value: &Value) -> Result<(), String> {
    let text = value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned);
    let number = value.as_i64();
    match key {
        "Version" if !matches!(number, Some(1 | 2)) => {
            return Err(format!("Version: {value} is not allowed; write 1 or 2"));
        }
        "TotalBufferSizeMB" => layer.buffer_mb = number.filter(|number| *number != 0),
        "Concurrency" => layer.concurrency = number,
        "Endpoint" => layer.endpoint = text,
        "Socket.UDPAddress" => layer.bind = text,
        "Socket.TCPAddress" => layer.bind_tcp = text,
        "Logging.LogLevel" => layer.log_level = text.map(|word| log_level(layer, &word)),
        "Region" => {
            layer.region.clone_from(&text);
            warn_if(layer, key, text.is_some());
        }
        "Logging.LogRotation" => warn_if(layer, key, value == &Value::Bool(false)),
        _ => warn_if(layer, key, text.is_some() || value == &Value::Bool(true)),
    }
    Ok(())
}

/// AWS's daemon takes an unknown word for the most detailed level.
fn log_level(layer: &mut Layer, word: &str) -> LogLevel {
    LogLevel::parse(word).unwrap_or_else(|| {
        let warning = format!("Logging.LogLevel: {word} is unknown and means dev");
        layer.warnings.push(warning);
        LogLevel::Trace
    })
}

fn warn_if(layer: &mut Layer, key: &str, is_set: bool) {
    if is_set {
        layer.warn_without_effect(key);
    }
}

/// Edits between two keys, whatever the case (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.to_lowercase().chars().enumerate() {
        let mut next = vec![line + 1];
        for ((b, above), diagonal) in other.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            let replaced = diagonal + usize::from(a != *b);
            next.push(replaced.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
