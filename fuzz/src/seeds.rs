//! What the engine starts from: recordings of real clients, golden files, `fuzz/seeds`, which also keeps
//! every input that once failed, and `fuzz/corpus`: the fewest inputs that cover what earlier runs did.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use radiograph_proto_fixtures::{documents_of, example, recordings};
use radiograph_protocol::{datagram, framing};

use crate::document::BETWEEN;

/// Worked examples in the golden files.
const EXAMPLES: u32 = 5;

/// Documents of a recording that go into one framed body.
const FRAMED_TOGETHER: usize = 5;

/// The seeds of a target; empty for an unknown one.
#[must_use]
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = files(&crate::root().join("seeds").join(target));
    let golden = radiograph_proto_fixtures::root();
    match target {
        "datagram" => seeds.extend(datagrams()),
        "framing" => {
            seeds.extend(files(&golden.join("golden/framed")));
            seeds.extend(framed_bodies());
        }
        "bundle" => seeds.extend(crate::bundle::seeds(&framed_bodies())),
        "spool" => seeds.extend(files(&golden.join("spool"))),
        "document" => seeds.extend(calls()),
        "store" => {
            let logs = paths(&golden.join("store"));
            let logs = logs
                .iter()
                .filter(|path| path.extension().is_some_and(|ext| ext == "log"));
            seeds.extend(logs.flat_map(|log| crate::store::seeds(log)));
        }
        "filter" => seeds = seeds.iter().flat_map(|file| lines(file)).collect(),
        _ => {}
    }
    // a target without any is found by the tests
    seeds.extend(kept(target).unwrap_or_default());
    seeds
}

/// What was kept of earlier runs.
///
/// # Errors
/// There is nothing, or it cannot be unpacked.
pub fn kept(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let path = crate::root().join(format!("corpus/{target}.tar.gz"));
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path)?));
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            files.push(bytes);
        }
    }
    Ok(files)
}

fn datagrams() -> impl Iterator<Item = Vec<u8>> {
    let datagrams = recordings()
        .into_iter()
        .flat_map(|recording| recording.datagrams);
    datagrams.map(String::into_bytes)
}

/// The bodies of each recording's datagrams one by one and all together, and the worked examples.
fn calls() -> Vec<Vec<u8>> {
    let mut calls = Vec::new();
    for recording in recordings() {
        let datagrams = recording.datagrams.iter();
        let bodies: Vec<&[u8]> = datagrams
            .filter_map(|each| datagram::split(each.as_bytes()).ok())
            .collect();
        calls.extend(bodies.iter().map(|body| body.to_vec()));
        calls.push(bodies.join(&BETWEEN));
    }
    for number in 1..=EXAMPLES {
        let example = documents_of(&example(number));
        let texts: Vec<&[u8]> = example.iter().map(String::as_bytes).collect();
        calls.push(texts.join(&BETWEEN));
    }
    calls
}

fn framed_bodies() -> Vec<Vec<u8>> {
    let datagrams: Vec<Vec<u8>> = datagrams().collect();
    let body_of = |datagrams: &[Vec<u8>]| {
        let mut body = Vec::new();
        let documents = datagrams
            .iter()
            .filter_map(|each| datagram::split(each).ok());
        for document in documents {
            assert!(framing::push(&mut body, document), "a datagram is short");
        }
        body
    };
    datagrams.chunks(FRAMED_TOGETHER).map(body_of).collect()
}

fn lines(file: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    file.split(|byte| *byte == b'\n').map(<[u8]>::to_vec)
}

/// What the files below a folder hold; nothing when it is not there.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let paths = paths(folder).into_iter();
    paths.flat_map(fs::read).collect()
}

/// The files below a folder; none when it is not there.
fn paths(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let below = entries.into_iter().flat_map(|path| {
        if path.is_dir() {
            paths(&path)
        } else {
            vec![path]
        }
    });
    below.collect()
}
