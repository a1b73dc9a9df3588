//! The numbered documents: each is a function of the seed, the trace's number and its place in it.
//!
//! Pure. A document carries its number as an annotation, and its ids are made of it, so that an
//! answer tells which documents it was made of. A trace is a chain of up to four services; each
//! segment is sent whole, with subsegments streamed before it, or announced unfinished first.

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Value, json};

/// Documents of a trace, at most; numbers of traces lie so far apart.
pub(super) const DOCUMENTS_MAX: u64 = 32;

/// Entities of a segment, at most.
const ENTITIES_MAX: u64 = 8;

/// The services in the order in which they call each other.
const SERVICES: [&str; 4] = [
    "torture-web",
    "torture-orders",
    "torture-stock",
    "torture-mail",
];

/// The name of every streamed subsegment.
const STEP: &str = "torture-step";

/// The annotation with the document's number.
pub(super) const NUMBER: &str = "number";

/// How far in the past traces may lie: their hours are not written to any more.
const PAST_SECONDS: i64 = 2 * 3600;

/// One document to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its number, which no other document has.
    pub(super) number: u64,
    /// The segment or streamed subsegment that it describes; its id.
    pub(super) entity: u64,
    /// The entity that it names as its parent.
    pub(super) parent: Option<u64>,
    /// Its name: the service, or that of a step.
    pub(super) name: &'static str,
    /// A segment; else a subsegment sent on its own.
    pub(super) is_segment: bool,
    /// It has ended; else it is in progress.
    pub(super) is_complete: bool,
    /// It says that it is a fault.
    pub(super) is_fault: bool,
    /// Milliseconds from the trace's start to its own.
    start_ms: i64,
    /// Subsegments inside it.
    embedded: u64,
    /// Bytes of metadata.
    filler_bytes: usize,
}

/// All documents of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traffic {
    seed: u64,
    base: Timestamp,
}

impl Traffic {
    /// The traffic of this seed around `base`, which is now.
    pub(super) const fn new(seed: u64, base: Timestamp) -> Self {
        Self { seed, base }
    }

    /// The trace of a document's number.
    pub(super) const fn trace_of(number: u64) -> u64 {
        number / DOCUMENTS_MAX
    }

    /// The trace's documents in the order in which they are sent.
    pub(super) fn pieces(&self, trace: u64) -> Vec<Piece> {
        let mut rng = self.rng(trace);
        let mut pieces = Vec::new();
        let mut caller = None;
        let services = rng.usize(1..=SERVICES.len());
        for (place, name) in (0_u64..).zip(SERVICES.into_iter().take(services)) {
            let first = (trace * 4 + place) * ENTITIES_MAX + 1;
            let mut segment = Piece {
                number: 0,
                entity: first,
                parent: caller,
                name,
                is_segment: true,
                is_complete: true,
                is_fault: rng.u8(0..8) == 0,
                start_ms: i64::try_from(place).unwrap_or(0) * 10,
                embedded: 0,
                filler_bytes: rng.usize(0..1_500),
            };
            caller = Some(first);
            match rng.u8(0..3) {
                0 => segment.embedded = rng.u64(0..4),
                1 => {
                    for step in 1..=rng.u64(1..4) {
                        pieces.push(Piece {
                            entity: first + step,
                            parent: Some(first),
                            name: STEP,
                            is_segment: false,
                            is_fault: false,
                            filler_bytes: rng.usize(0..300),
                            ..segment
                        });
                        // half of the calls go out from a streamed subsegment
                        if rng.bool() {
                            caller = Some(first + step);
                        }
                    }
                }
                _ => pieces.push(Piece {
                    is_complete: false,
                    is_fault: false,
                    filler_bytes: 0,
                    ..segment
                }),
            }
            pieces.push(segment);
        }
        for (place, piece) in (0_u64..).zip(&mut pieces) {
            piece.number = trace * DOCUMENTS_MAX + place;
        }
        pieces
    }

    /// The trace's id; it carries the time of its start.
    pub(super) fn trace_id(&self, trace: u64) -> TraceId {
        let seconds = u32::try_from(self.start(trace).seconds_floor()).unwrap_or(0);
        let rest = (u128::from(self.seed & 0xffff_ffff) << 64) | u128::from(trace);
        TraceId::from_bits((u128::from(seconds) << 96) | rest)
    }

    /// The trace that has this id; `None` for one that is not of this traffic.
    pub(super) fn trace_with(&self, id: &str) -> Option<u64> {
        let parsed = TraceId::parse(id).ok()?;
        let trace = u64::try_from(parsed.bits() & u128::from(u64::MAX)).ok()?;
        (self.trace_id(trace) == parsed).then_some(trace)
    }

    /// The document as it is sent.
    pub(super) fn document(&self, piece: &Piece) -> String {
        let trace = Self::trace_of(piece.number);
        let start = self.start(trace).plus_micros(piece.start_ms * 1_000);
        let end = start.plus_micros(7_000);
        let mut document = json!({
            "trace_id": self.trace_id(trace).to_string(),
            "id": id(piece.entity),
            "name": piece.name,
            "start_time": start.seconds_f64(),
            "annotations": {NUMBER: piece.number},
        });
        let mut set = |key: &str, value: Value| {
            if let Some(members) = document.as_object_mut() {
                members.insert(key.to_owned(), value);
            }
        };
        if let Some(parent) = piece.parent {
            set("parent_id", json!(id(parent)));
        }
        if !piece.is_segment {
            set("type", json!("subsegment"));
        }
        if piece.is_fault {
            set("fault", json!(true));
        }
        if piece.is_complete {
            set("end_time", json!(end.seconds_f64()));
        } else {
            set("in_progress", json!(true));
        }
        if piece.embedded > 0 {
            let embedded = (0..piece.embedded).map(|place| {
                json!({"id": id(piece.entity + 4 + place), "name": "embedded",
                    "start_time": start.seconds_f64(), "end_time": end.seconds_f64()})
            });
            set("subsegments", embedded.collect());
        }
        if piece.filler_bytes > 0 {
            let mut rng = self.rng(piece.number.wrapping_add(1 << 40));
            let filler = std::iter::repeat_with(|| rng.alphanumeric()).take(piece.filler_bytes);
            set("metadata", json!({"filler": filler.collect::<String>()}));
        }
        document.to_string()
    }

    /// A window that holds the first `traces` traces.
    pub(super) fn window(&self, traces: u64) -> (Timestamp, Timestamp) {
        let last = i64::try_from(traces).unwrap_or(i64::MAX / 1_000_000);
        let margin = 120_000_000;
        let start = self.base.plus_micros(-PAST_SECONDS * 1_000_000 - margin);
        (start, self.base.plus_micros(last * 1_000 + margin))
    }

    /// When the trace begins: one of five in the past, the others one after another.
    fn start(&self, trace: u64) -> Timestamp {
        let mut rng = self.rng(trace.wrapping_add(1 << 50));
        if rng.u8(0..5) == 0 {
            return self.base.plus_micros(-rng.i64(0..PAST_SECONDS) * 1_000_000);
        }
        let millis = i64::try_from(trace).unwrap_or(0);
        self.base.plus_micros(millis * 1_000)
    }

    fn rng(&self, salt: u64) -> fastrand::Rng {
        // an odd factor, so that neighbours in `salt` are far apart in the generator's seed
        fastrand::Rng::with_seed(self.seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// An entity's number as the id in documents.
pub(super) fn id(entity: u64) -> String {
    format!("{entity:016x}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use radiograph_protocol::segment::parse;

    use super::*;

    const BASE: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn traffic(seed: u64) -> Traffic {
        Traffic::new(seed, BASE)
    }

    #[test]
    fn the_same_seed_gives_the_same_documents_and_another_seed_others() {
        let texts = |seed| -> Vec<String> {
            let traffic = traffic(seed);
            let pieces = (0..50).flat_map(|trace| traffic.pieces(trace));
            pieces.map(|piece| traffic.document(&piece)).collect()
        };
        assert_eq!(texts(1), texts(1));
        assert_ne!(texts(1), texts(2));
    }

    #[test]
    fn every_document_is_one_that_a_collector_takes() {
        let traffic = traffic(5);
        for trace in 0..300 {
            for piece in traffic.pieces(trace) {
                let text = traffic.document(&piece);
                let parsed = parse(&text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
                assert_eq!(parsed.trace_id, traffic.trace_id(trace));
            }
        }
    }

    #[test]
    fn numbers_and_ids_are_used_once_but_for_announced_segments() {
        let traffic = traffic(9);
        let mut numbers = BTreeSet::new();
        let mut complete = BTreeSet::new();
        for trace in 0..2_000 {
            let pieces = traffic.pieces(trace);
            assert!(!pieces.is_empty() && pieces.len() <= 32);
            for piece in pieces {
                assert!(numbers.insert(piece.number), "{piece:?}");
                assert_eq!(Traffic::trace_of(piece.number), trace);
                assert!(!piece.is_complete || complete.insert(piece.entity));
            }
        }
    }

    #[test]
    fn every_way_of_sending_occurs() {
        let traffic = traffic(2);
        let pieces: Vec<Piece> = (0..200).flat_map(|trace| traffic.pieces(trace)).collect();
        assert!(pieces.iter().any(|piece| !piece.is_complete));
        assert!(pieces.iter().any(|piece| !piece.is_segment));
        assert!(pieces.iter().any(|piece| piece.embedded > 0));
        assert!(pieces.iter().any(|piece| piece.is_fault));
        let calls = pieces.iter().filter(|piece| piece.is_segment);
        assert!(calls.clone().any(|piece| piece.parent.is_none()));
        assert!(calls.clone().any(|piece| piece.parent.is_some()));
    }

    #[test]
    fn a_trace_is_known_by_its_id_and_lies_in_the_window() {
        let traffic = traffic(11);
        let (start, end) = traffic.window(1_000);
        for trace in 0..1_000 {
            let id = traffic.trace_id(trace).to_string();
            assert_eq!(traffic.trace_with(&id), Some(trace));
            assert!(traffic.start(trace) >= start && traffic.start(trace) < end);
        }
        assert_eq!(
            traffic.trace_with("1-5759e988-bd862e3fe1be46a994272793"),
            None
        );
        assert_eq!(traffic.trace_with("none"), None);
    }
}
