//! A collector inside the test, and bodies for it.

use std::net::SocketAddr;

use radiograph_collector::metrics::Snapshot;
use radiograph_collector::{Collector, Config};
use radiograph_protocol::framing;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Answer, post};

/// The trace of every [`segment`].
pub(crate) const TRACE: &str = "1-6592008a-0f1e2d3c4b5a69788796a5b4";

/// A collector on a free port, with a directory that goes away.
pub(crate) struct Running {
    collector: Collector,
    _data: TempDir,
}

impl Running {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: data.path().to_owned(),
            ..Config::default()
        };
        let collector = radiograph_collector::start(config).await.expect("starts");
        Self {
            collector,
            _data: data,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.collector.address()
    }

    pub(crate) fn metrics(&self) -> Snapshot {
        self.collector.metrics()
    }

    pub(crate) async fn stop(self) {
        self.collector.stop().await;
    }

    /// Sends JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let headers = [("Content-Type", "application/json")];
        post(self.address(), path, &headers, body.to_string().as_bytes())
    }

    /// `Traces` of up to five ids; they are read from the documents, which are stored once a call has
    /// been answered.
    pub(crate) fn traces(&self, ids: &[String]) -> Value {
        let mut answer = self.post("/Traces", &json!({"TraceIds": ids}));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["Traces"].take()
    }
}

/// A segment of [`TRACE`].
pub(crate) fn segment(id: u64) -> String {
    format!(
        r#"{{"name":"shop","id":"{id:016x}","trace_id":"{TRACE}","start_time":1704067210.1,"end_time":1704067210.4}}"#
    )
}

/// A framed body.
pub(crate) fn framed(documents: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for document in documents {
        assert!(framing::push(&mut body, document));
    }
    body
}

/// Compressed as a daemon does it.
pub(crate) fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(body, 1).expect("compresses")
}

/// Bytes from `lowest` on, of eight values in no order: they compress to some third, as no repeated byte does.
pub(crate) fn noise(length: usize, lowest: u8) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        lowest + (state >> 29) as u8
    };
    (0..length).map(|_| next()).collect()
}
