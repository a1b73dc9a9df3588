//! Whether a document is kept. Pure: second and random number are arguments.
//!
//! Per document: one pass over its text without a tree, one look-up; of a root also the matching of
//! rules. The first document of a trace settles its fate, and all later ones follow. If that is a root
//! that nobody has decided, the rules decide. If it is anything else, it passes, since another has
//! decided or nobody can tell; then the root passes too when it comes, so that a trace is never torn.
//! What cannot be read passes and leaves no memory: judging it is the collector's.
//!
//! Source: `design.md`, sampling; `spec/sampling.md` section 1.

use radiograph_protocol::sampling::Decision;
use radiograph_protocol::sampling::document;

use super::memory::Memory;
use super::table::Table;
use crate::config::SamplingMode;

/// All that decisions depend on.
#[derive(Debug)]
pub(super) struct Decider {
    pub(super) mode: SamplingMode,
    pub(super) table: Table,
    pub(super) memory: Memory,
}

impl Decider {
    pub(super) fn new(mode: SamplingMode) -> Self {
        Self {
            mode,
            table: Table::default(),
            memory: Memory::default(),
        }
    }

    /// Changes the mode; decisions of another one are not followed any further.
    pub(super) fn set_mode(&mut self, mode: SamplingMode) {
        if self.mode != mode {
            self.mode = mode;
            self.memory = Memory::default();
        }
    }

    /// Whether every document would pass, so that nobody need look into one.
    pub(super) fn is_idle(&self) -> bool {
        let is_off = self.mode == SamplingMode::Off;
        is_off || !(self.table.could_drop(self.is_strict()) || self.memory.has_drops())
    }

    /// Decides for one document, with `draw` giving numbers in `[0, 1)`.
    pub(super) fn decide(
        &mut self,
        document: &[u8],
        now_seconds: i64,
        draw: &mut impl FnMut() -> f64,
    ) -> Decision {
        if self.mode == SamplingMode::Off {
            return Decision::Record;
        }
        let Some(head) = document::read(document) else {
            return Decision::Record;
        };
        if let Some(decision) = self.memory.recall(head.trace_id, now_seconds) {
            return decision;
        }
        let is_strict = self.is_strict();
        let is_ours = head.is_root() && (is_strict || !head.is_decided);
        // Without a rule that could drop there is nothing to count either.
        let decision = if is_ours && self.table.could_drop(is_strict) {
            let request = head.request();
            self.table.decide(&request, is_strict, now_seconds, draw())
        } else {
            Decision::Record
        };
        self.memory.remember(head.trace_id, decision, now_seconds);
        decision
    }

    /// Strict is asked for: then the Default rule counts as it is, edited or not, since otherwise
    /// there would be roots for which nothing is decided.
    fn is_strict(&self) -> bool {
        self.mode == SamplingMode::Strict
    }
}

#[cfg(test)]
mod tests;
