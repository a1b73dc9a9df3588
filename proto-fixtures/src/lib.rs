//! Recorded payloads of real X-Ray clients, and where the golden outputs beside them lie.
//!
//! What was recorded, with which client versions and when: `README.md` in this folder. Data only:
//! nothing here knows what a segment is.

#![expect(
    clippy::expect_used,
    reason = "fixtures are part of the source; only tests call this"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// The folder of the recordings.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One scenario of one client: datagrams in order of arrival.
#[derive(Debug, Clone)]
pub struct Recording {
    /// `client/scenario`, for instance `aws-xray-sdk-python/chain3`.
    pub name: String,
    /// Each datagram whole, header line and body.
    pub datagrams: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    datagram_utf8: String,
}

/// Every recording under `udp/`, sorted by name.
///
/// # Panics
/// When a recording cannot be read: the fixtures are part of the source.
#[must_use]
pub fn recordings() -> Vec<Recording> {
    let mut recordings: Vec<Recording> = sorted(&root().join("udp"))
        .iter()
        .flat_map(|client| sorted(client))
        .filter(|path| path.extension().is_some_and(|ext| ext == "jsonl"))
        .map(|path| Recording {
            name: name_of(&path),
            datagrams: datagrams_in(&path),
        })
        .collect();
    recordings.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!recordings.is_empty(), "no recordings found");
    recordings
}

/// One recording by name.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn recording(name: &str) -> Recording {
    recordings()
        .into_iter()
        .find(|recording| recording.name == name)
        .expect("a known recording")
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a readable folder of fixtures");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

fn name_of(path: &Path) -> String {
    let scenario = path.file_stem().expect("a file name").to_string_lossy();
    let client = path
        .parent()
        .and_then(Path::file_name)
        .expect("a folder")
        .to_string_lossy();
    format!("{client}/{scenario}")
}

fn datagrams_in(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a readable recording");
    let lines = text.lines().map(serde_json::from_str::<Line>);
    lines
        .map(|line| line.expect("a recorded datagram").datagram_utf8)
        .collect()
}

/// A worked example by its number: input documents beside what the operations answer
/// (`spec/traces-and-graph.md` section 11).
///
/// # Panics
/// When there is none of that number.
#[must_use]
pub fn example(number: u32) -> Value {
    let path = root().join(format!("golden/examples/{number}.json"));
    let text = fs::read_to_string(path).expect("an example of that number");
    serde_json::from_str(&text).expect("an example is JSON")
}

/// The input documents of a worked example.
///
/// # Panics
/// When it has none.
#[must_use]
pub fn documents_of(example: &Value) -> Vec<String> {
    let documents = example.get("documents").and_then(Value::as_array);
    let documents = documents.expect("an example has documents").iter();
    documents
        .map(|document| document.as_str().expect("a text").to_owned())
        .collect()
}

/// JSON without the difference between 1 and 1.0.
#[must_use]
pub fn same_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => serde_json::json!(number.as_f64()),
        Value::Array(list) => list.iter().map(same_numbers).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), same_numbers(value)))
            .collect(),
        other => other.clone(),
    }
}
