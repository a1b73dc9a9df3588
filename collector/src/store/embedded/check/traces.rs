//! All traces of logs and sealed files by id, each once, with all its documents.
//!
//! Memory: of each sealed file whose ids reach around the present one a block decompressed, about 1 MiB,
//! and the ids of the traces in the logs.

use std::collections::HashSet;
use std::iter::Peekable;
use std::vec;

use radiograph_protocol::ids::TraceId;

use super::super::part::Part;
use super::super::sealed::Traces;
use super::super::shared::Shared;

/// A trace.
pub(super) struct WholeTrace {
    /// The trace.
    pub(super) trace_id: TraceId,
    /// Its documents, no two alike.
    pub(super) documents: Vec<String>,
}

/// Goes through all traces. What cannot be read is left out: it was told of with its file.
pub(super) struct AllTraces<'a> {
    shared: &'a Shared,
    /// Not reached yet, the last one first.
    waiting: Vec<&'a Part>,
    open: Vec<Peekable<Traces<'a>>>,
    in_logs: Peekable<vec::IntoIter<TraceId>>,
}

impl<'a> AllTraces<'a> {
    /// All traces of these parts and of the logs.
    pub(super) fn new(shared: &'a Shared, parts: &'a [Part]) -> Self {
        let mut in_logs: Vec<_> = shared.index().traces().collect();
        in_logs.sort_unstable();
        let mut waiting: Vec<_> = parts.iter().collect();
        waiting.sort_by_key(|part| std::cmp::Reverse(part.file.meta().first_trace));
        Self {
            shared,
            waiting,
            open: Vec::new(),
            in_logs: in_logs.into_iter().peekable(),
        }
    }

    /// The least id that comes next.
    fn least(&mut self) -> Option<TraceId> {
        loop {
            for source in &mut self.open {
                while source.next_if(Result::is_err).is_some() {}
            }
            self.open.retain_mut(|source| source.peek().is_some());
            let ids = self.open.iter_mut().filter_map(|source| source.peek());
            let ids = ids.filter_map(|next| next.as_ref().ok());
            let least = ids.map(|trace| trace.trace_id).min();
            let in_logs = self.in_logs.peek().copied();
            let least = least.into_iter().chain(in_logs).min();
            let first = self.waiting.last().map(|part| part.file.meta().first_trace);
            // one that does not know its first trace has `None`, which is least
            let is_reached = first.is_some_and(|first| least.is_none() || first <= least);
            match self.waiting.pop_if(|_| is_reached) {
                Some(part) => self.open.push(part.file.traces().peekable()),
                None => return least,
            }
        }
    }
}

impl Iterator for AllTraces<'_> {
    type Item = WholeTrace;

    fn next(&mut self) -> Option<WholeTrace> {
        let trace_id = self.least()?;
        let mut documents = Vec::new();
        let mut seen = HashSet::new();
        let mut add = |text: String| {
            if seen.insert(text.clone()) {
                documents.push(text);
            }
        };
        let is_it = |next: &Result<super::super::sealed::StoredTrace, _>| {
            next.as_ref().is_ok_and(|next| next.trace_id == trace_id)
        };
        for source in &mut self.open {
            while let Some(Ok(trace)) = source.next_if(is_it) {
                trace.documents.into_iter().for_each(&mut add);
            }
        }
        if self.in_logs.next_if_eq(&trace_id).is_some() {
            let places = self.shared.index().documents(trace_id);
            for place in places {
                let text = self.shared.blocks.document(trace_id, place);
                text.ok().flatten().into_iter().for_each(&mut add);
            }
        }
        Some(WholeTrace {
            trace_id,
            documents,
        })
    }
}
