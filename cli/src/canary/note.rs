//! The canary's trace, and whether an answer shows it. Pure.

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Value, json};

/// The service that the canary's segments belong to.
pub(super) const SERVICE: &str = "radiograph-canary";

/// The annotation that summaries are searched for.
const ANNOTATION: &str = "canary";

/// How far around a trace it is looked for.
const MARGIN_MICROS: i64 = 60_000_000;

/// How long its request takes.
const LASTS_MICROS: i64 = 1_000;

/// One trace: a segment that carries a word which no other does, with a subsegment in it.
#[derive(Debug, Clone)]
pub(super) struct Note {
    at: Timestamp,
    word: String,
    segment: String,
    subsegment: String,
    trace: TraceId,
}

impl Note {
    /// A trace of this moment; `draw` gives random numbers.
    pub(super) fn new(at: Timestamp, mut draw: impl FnMut() -> u64) -> Self {
        let seconds = u32::try_from(at.seconds_floor()).unwrap_or(0);
        let random = (u128::from(draw()) << 32) | u128::from(draw() & 0xffff_ffff);
        // 0 is no id, and the two are different
        let segment = draw() | 1;
        Self {
            at,
            word: format!("{:016x}", draw()),
            segment: format!("{segment:016x}"),
            subsegment: format!("{:016x}", segment ^ (2 << 62 | 2)),
            trace: TraceId::from_bits((u128::from(seconds) << 96) | random),
        }
    }

    /// Its id.
    pub(super) fn trace_id(&self) -> String {
        self.trace.to_string()
    }

    /// Its one document.
    pub(super) fn document(&self) -> String {
        let start = self.at.seconds_f64();
        let end = self.at.plus_micros(LASTS_MICROS).seconds_f64();
        json!({
            "trace_id": self.trace_id(), "id": self.segment, "name": SERVICE,
            "start_time": start, "end_time": end, "annotations": {ANNOTATION: self.word},
            "subsegments": [{"id": self.subsegment, "name": "song",
                "start_time": start, "end_time": end}],
        })
        .to_string()
    }

    /// The request for it by its id.
    pub(super) fn by_id(&self) -> Value {
        json!({"TraceIds": [self.trace_id()]})
    }

    /// The request for its summary, by its annotation.
    pub(super) fn by_annotation(&self) -> Value {
        let mut request = self.window();
        if let Some(members) = request.as_object_mut() {
            let expression = format!("annotation.{ANNOTATION} = \"{}\"", self.word);
            members.insert("FilterExpression".to_owned(), json!(expression));
        }
        request
    }

    /// The request for the graph of the minutes around it.
    pub(super) fn window(&self) -> Value {
        json!({"StartTime": self.at.plus_micros(-MARGIN_MICROS).seconds_f64(),
            "EndTime": self.at.plus_micros(MARGIN_MICROS).seconds_f64()})
    }

    /// Whether this trace of BatchGetTraces is it, whole and once.
    pub(super) fn is_whole(&self, trace: &Value) -> bool {
        let segments = trace.get("Segments").and_then(Value::as_array);
        let Some([segment]) = segments.map(Vec::as_slice) else {
            return false;
        };
        let document = segment.get("Document").and_then(Value::as_str);
        let document = document.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let word = format!("/annotations/{ANNOTATION}");
        let text = |pointer: &str| {
            let document = document.as_ref()?;
            document.pointer(pointer)?.as_str()
        };
        trace.get("Id").and_then(Value::as_str) == Some(&self.trace_id())
            && text("/id") == Some(&self.segment)
            && text(&word) == Some(&self.word)
            && text("/subsegments/0/id") == Some(&self.subsegment)
    }

    /// Whether these summaries are its one.
    pub(super) fn is_found(&self, summaries: &[Value]) -> bool {
        let [summary] = summaries else {
            return false;
        };
        let is_partial = summary.get("IsPartial").and_then(Value::as_bool);
        summary.get("Id").and_then(Value::as_str) == Some(&self.trace_id())
            && is_partial == Some(false)
    }
}

/// Requests of the canary in the services of a graph.
pub(super) fn requests(services: &[Value]) -> u64 {
    let ours = services.iter().filter(|service| {
        service.get("Name").and_then(Value::as_str) == Some(SERVICE)
            && service.get("Type").is_none_or(Value::is_null)
    });
    ours.filter_map(|service| service.pointer("/SummaryStatistics/TotalCount")?.as_u64())
        .sum()
}

#[cfg(test)]
mod tests {
    use radiograph_protocol::segment::parse;

    use super::*;

    fn note() -> Note {
        let mut numbers = 7_u64..;
        let at = Timestamp::from_seconds(1_795_000_000);
        Note::new(at, || numbers.next().unwrap())
    }

    fn trace(note: &Note, document: &str) -> Value {
        json!({"Id": note.trace_id(), "Segments": [{"Id": note.segment, "Document": document}]})
    }

    #[test]
    fn the_document_is_one_that_a_collector_takes() {
        let document = note().document();
        let parsed = parse(&document).unwrap();
        assert_eq!(parsed.trace_id, note().trace);
    }

    #[test]
    fn the_trace_is_known_again_and_a_damaged_one_is_not() {
        let note = note();
        let document = note.document();
        assert!(note.is_whole(&trace(&note, &document)));
        for (name, damaged) in [
            (
                "another word",
                document.replace(&note.word, "0000000000000000"),
            ),
            (
                "another id",
                document.replace(&note.segment, "0000000000000001"),
            ),
            ("no subsegment", document.replace("subsegments", "other")),
            ("no JSON", document.replace('{', "")),
        ] {
            assert!(!note.is_whole(&trace(&note, &damaged)), "{name}");
        }
        let mut twice = trace(&note, &document);
        let segment = twice["Segments"][0].clone();
        twice["Segments"].as_array_mut().unwrap().push(segment);
        assert!(!note.is_whole(&twice), "twice");
        assert!(!note.is_whole(&json!({})), "nothing");
    }

    #[test]
    fn the_summary_is_there_once_and_not_partial() {
        let note = note();
        let summary = json!({"Id": note.trace_id(), "IsPartial": false});
        assert!(note.is_found(std::slice::from_ref(&summary)));
        assert!(!note.is_found(&[]));
        assert!(!note.is_found(&[summary.clone(), summary]));
        assert!(!note.is_found(&[json!({"Id": note.trace_id(), "IsPartial": true})]));
        assert!(!note.is_found(&[json!({"Id": "1-0", "IsPartial": false})]));
    }

    #[test]
    fn requests_are_those_of_the_service_and_not_of_its_client() {
        let services = [
            json!({"Name": SERVICE, "SummaryStatistics": {"TotalCount": 3}}),
            json!({"Name": SERVICE, "Type": "client"}),
            json!({"Name": "other", "SummaryStatistics": {"TotalCount": 5}}),
        ];
        assert_eq!(requests(&services), 3);
        assert_eq!(requests(&[]), 0);
    }

    #[test]
    fn the_annotation_is_searched_for_in_the_minutes_around_it() {
        let request = note().by_annotation();
        let expression = request["FilterExpression"].as_str().unwrap();
        assert!(
            expression.starts_with("annotation.canary = \""),
            "{request}"
        );
        let seconds = |key: &str| request[key].as_f64().unwrap();
        assert!(seconds("StartTime") < 1_795_000_000.0 && seconds("EndTime") > 1_795_000_000.0);
    }
}
