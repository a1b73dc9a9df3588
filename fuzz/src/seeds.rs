//! What the engine starts from: recordings of real clients, golden files, and `fuzz/seeds`, which
//! also keeps every input that once failed.

use std::fs;
use std::path::Path;

use radiograph_proto_fixtures::recordings;
use radiograph_protocol::{datagram, framing};

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
        "spool" => seeds.extend(files(&golden.join("spool"))),
        "filter" => seeds = seeds.iter().flat_map(|file| lines(file)).collect(),
        _ => {}
    }
    seeds
}

fn datagrams() -> impl Iterator<Item = Vec<u8>> {
    let datagrams = recordings()
        .into_iter()
        .flat_map(|recording| recording.datagrams);
    datagrams.map(String::into_bytes)
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

/// The files below a folder; none when it is not there.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let below = paths.iter().flat_map(|path| match fs::read(path) {
        Ok(bytes) => vec![bytes],
        Err(_) => files(path),
    });
    below.collect()
}
