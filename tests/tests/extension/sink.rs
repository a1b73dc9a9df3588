//! A stand-in for the collector, which counts documents and can be down.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::http::{Answer, serve};

/// What it has taken; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Sink {
    ids: Arc<Mutex<BTreeSet<String>>>,
    is_down: Arc<AtomicBool>,
}

impl Sink {
    /// Serves; the URL is its own.
    pub(crate) fn start() -> (Self, String) {
        let sink = Self::default();
        let serving = sink.clone();
        let address = serve(move |request| {
            if serving.is_down.load(Ordering::SeqCst) {
                return Answer(503, Vec::new(), "{}".to_owned());
            }
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            for document in body["TraceSegmentDocuments"].as_array().unwrap() {
                let document: Value = serde_json::from_str(document.as_str().unwrap()).unwrap();
                let id = document["id"].as_str().unwrap().to_owned();
                serving.ids.lock().unwrap().insert(id);
            }
            Answer(
                200,
                Vec::new(),
                r#"{"UnprocessedTraceSegments":[]}"#.to_owned(),
            )
        });
        (sink, format!("http://{address}"))
    }

    /// How many different documents it has taken.
    pub(crate) fn documents(&self) -> usize {
        self.ids.lock().unwrap().len()
    }

    /// From now on it refuses, or no longer does.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }
}
