//! Which trace an invocation belongs to, whether it is recorded, and what the runtime is told: pure.
//!
//! Source: `spec/segment-document.md` section 8. Where nobody has decided, Lambda records one request
//! a second and 5 % of the others; here everything is, since somebody is looking. The `Parent` that the
//! runtime gets is the function's segment: "customer subsegments are attached directly to the function
//! segment" (Lambda developer guide, new-style traces).

use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::trace_header::{Sampled, TraceHeader};

use super::options::Mode;

/// The trace of one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    /// The trace.
    pub(super) trace_id: TraceId,
    /// The caller's subsegment.
    pub(super) parent: Option<SegmentId>,
    /// Whether the service's two segments are sent.
    pub(super) is_recorded: bool,
    /// `Lambda-Runtime-Trace-Id`.
    pub(super) runtime_header: String,
    /// `X-Amzn-Trace-Id` of the answer.
    pub(super) answer_header: String,
}

/// Decides by the caller's header.
///
/// `fresh` is the trace that begins where the caller names none, `function_segment` the id that the
/// function's segment will have.
pub(super) fn decide(
    mode: Mode,
    header: &str,
    fresh: TraceId,
    function_segment: SegmentId,
) -> Decision {
    let given = TraceHeader::parse(header);
    let trace_id = given.root.unwrap_or(fresh);
    // a parent in a trace that is not named is nobody's
    let parent = given.root.and(given.parent);
    let (is_sampled, is_recorded) = match (mode, given.sampled) {
        (_, Sampled::No) => (false, false),
        (Mode::Active, _) => (true, true),
        (Mode::Passthrough, sampled) => (sampled == Sampled::Yes, false),
    };
    let sampled = if is_sampled {
        Sampled::Yes
    } else {
        Sampled::No
    };
    let own = match mode {
        Mode::Active => Some(function_segment),
        Mode::Passthrough => Some(parent.unwrap_or(function_segment)),
    };
    let header = |parent| TraceHeader {
        root: Some(trace_id),
        parent,
        sampled,
        others: given.others.clone(),
    };
    Decision {
        trace_id,
        parent,
        is_recorded,
        runtime_header: header(own).to_string(),
        answer_header: header(None).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
    const PARENT: &str = "53995c3f42cd8ad8";
    const FRESH: &str = "1-6553f128-000000000000000000000005";

    fn decided(mode: Mode, header: &str) -> (String, Option<String>, bool) {
        let decision = decide(
            mode,
            header,
            TraceId::parse(FRESH).unwrap(),
            SegmentId::from_bits(0xf).unwrap(),
        );
        assert!(
            decision
                .runtime_header
                .starts_with(&format!("Root={}", decision.trace_id))
        );
        let parent = decision.parent.map(|id| id.to_string());
        (decision.runtime_header, parent, decision.is_recorded)
    }

    #[test]
    fn active_tracing_joins_the_callers_trace_and_records_unless_told_not_to() {
        let own = "Parent=000000000000000f";
        let parent = Some(PARENT.to_owned());
        for (header, runtime, joined, recorded) in [
            (
                "".to_owned(),
                format!("Root={FRESH};{own};Sampled=1"),
                None,
                true,
            ),
            (
                format!("Root={ROOT}"),
                format!("Root={ROOT};{own};Sampled=1"),
                None,
                true,
            ),
            (
                format!("Root={ROOT};Parent={PARENT};Sampled=1;Lineage=1:a:0"),
                format!("Root={ROOT};{own};Sampled=1;Lineage=1:a:0"),
                parent.clone(),
                true,
            ),
            (
                format!("Root={ROOT};Parent={PARENT};Sampled=?"),
                format!("Root={ROOT};{own};Sampled=1"),
                parent.clone(),
                true,
            ),
            (
                format!("Root={ROOT};Parent={PARENT};Sampled=0"),
                format!("Root={ROOT};{own};Sampled=0"),
                parent,
                false,
            ),
            (
                "Sampled=0".to_owned(),
                format!("Root={FRESH};{own};Sampled=0"),
                None,
                false,
            ),
            (
                format!("Parent={PARENT};Sampled=1"),
                format!("Root={FRESH};{own};Sampled=1"),
                None,
                true,
            ),
        ] {
            assert_eq!(
                decided(Mode::Active, &header),
                (runtime, joined, recorded),
                "{header}"
            );
        }
    }

    #[test]
    fn passthrough_hands_on_what_the_caller_decided_and_records_nothing() {
        for (header, runtime) in [
            (
                "".to_owned(),
                format!("Root={FRESH};Parent=000000000000000f;Sampled=0"),
            ),
            (
                format!("Root={ROOT};Parent={PARENT};Sampled=1"),
                format!("Root={ROOT};Parent={PARENT};Sampled=1"),
            ),
        ] {
            let (said, _, recorded) = decided(Mode::Passthrough, &header);
            assert_eq!((said, recorded), (runtime, false), "{header}");
        }
    }
}
