//! What is known of some of a trace's entities, by their places: a list beside the list of entities.

use super::{Index, Trace};

/// A value for some of the entities of one trace.
#[derive(Debug)]
pub(in crate::trace) struct PerEntity<T> {
    values: Vec<Option<T>>,
}

impl<T: Copy> PerEntity<T> {
    /// For the entities of this trace, so far for none of them.
    pub(in crate::trace) fn of(trace: &Trace<'_>) -> Self {
        Self {
            values: vec![None; trace.entities.len()],
        }
    }

    /// What is known of an entity.
    pub(in crate::trace) fn get(&self, Index(at): Index) -> Option<T> {
        self.values.get(at).copied().flatten()
    }

    /// Sets what is known of an entity of the trace.
    pub(in crate::trace) fn set(&mut self, Index(at): Index, value: T) {
        if let Some(known) = self.values.get_mut(at) {
            *known = Some(value);
        }
    }
}
