//! Traces that a task has taken out of the schedule: given back whatever becomes of the task, and due
//! again after a while unless they were settled.

use radiograph_protocol::ids::TraceId;

use super::groups::{DOCUMENTS_MAX, groups};
use super::schedule::Due;
use super::{RETRY_AFTER, Settler};
use crate::clock;

/// Traces that are being settled.
pub(super) struct Taken {
    settler: Settler,
    due: Vec<Due>,
    is_settled: bool,
}

impl Taken {
    /// Holds what the schedule gave out.
    pub(super) const fn new(settler: Settler, due: Vec<Due>) -> Self {
        Self {
            settler,
            due,
            is_settled: false,
        }
    }

    /// The traces.
    pub(super) fn due(&self) -> &[Due] {
        &self.due
    }

    /// The traces' ids.
    pub(super) fn traces(&self) -> Vec<TraceId> {
        self.due.iter().map(|due| due.trace_id).collect()
    }

    /// The same in parts, by the traces' numbers of documents: groups of usual traces, and apart from
    /// them each trace that would hold up others.
    pub(super) fn sort(mut self, counts: Vec<u32>) -> (Vec<Self>, Vec<Self>) {
        // a trace that nobody counted must not be lost
        let counts = counts.into_iter().chain(std::iter::repeat(0));
        let counted = std::mem::take(&mut self.due).into_iter().zip(counts);
        let (giants, usual): (Vec<_>, Vec<_>) =
            counted.partition(|(_, documents)| *documents > DOCUMENTS_MAX);
        let part = |due| Self::new(self.settler.clone(), due);
        let usual = groups(usual).into_iter().map(part).collect();
        let giants = giants.into_iter().map(|(due, _)| part(vec![due]));
        (usual, giants.collect())
    }

    /// The same in two parts; as it was if there is one trace only.
    pub(super) fn halves(mut self) -> Result<[Self; 2], Self> {
        if self.due.len() < 2 {
            return Err(self);
        }
        let second = self.due.split_off(self.due.len() / 2);
        let second = Self::new(self.settler.clone(), second);
        Ok([self, second])
    }

    /// They are settled.
    pub(super) fn done(mut self) {
        self.is_settled = true;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let now = clock::instant();
        let mut schedule = self.settler.schedule();
        for due in &self.due {
            if !self.is_settled {
                schedule.touch(due.trace_id, now + RETRY_AFTER);
            }
            schedule.finished(due.trace_id);
        }
        drop(schedule);
        self.settler.shared.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settle::schedule::Schedule;

    /// Taken traces, numbered from 1, and their settler, in which nothing else waits.
    fn taken(traces: u128, has_new_documents: bool) -> (Settler, Taken) {
        let settler = Settler::new(Schedule::new(Duration::ZERO, Duration::ZERO));
        let traces: Vec<_> = (1..=traces).map(TraceId::from_bits).collect();
        if has_new_documents {
            settler.touch(&traces);
        } else {
            settler.touch_linking(&traces);
        }
        let due = settler.take();
        assert_eq!(due.len(), traces.len());
        (settler.clone(), Taken::new(settler, due))
    }

    /// What is due once the time to try again has come.
    fn due_later(settler: &Settler) -> Vec<Due> {
        settler.schedule().due(clock::instant() + RETRY_AFTER, 99)
    }

    #[test]
    fn what_was_not_settled_is_due_again_after_a_while() {
        for has_new_documents in [true, false] {
            let (settler, taken) = taken(2, has_new_documents);
            assert_eq!(due_later(&settler), [], "they are being settled");
            drop(taken);
            assert_eq!(settler.take(), []);
            assert_eq!(due_later(&settler).len(), 2);
        }
    }

    #[test]
    fn traces_are_halved_until_each_is_alone() {
        let (settler, taken) = taken(3, true);
        let Ok([one, two]) = taken.halves() else {
            panic!("three can be halved")
        };
        assert_eq!((one.traces().len(), two.traces().len()), (1, 2));
        let alone = one.halves().err().expect("one is alone");
        alone.done();
        drop(two);
        assert_eq!(due_later(&settler).len(), 2);
    }

    #[test]
    fn what_was_settled_is_not() {
        let (settler, taken) = taken(2, true);
        taken.done();
        assert_eq!(due_later(&settler), []);
        assert!(settler.schedule().is_empty());
    }

    #[test]
    fn traces_with_many_documents_are_set_apart_and_none_is_lost() {
        let (settler, taken) = taken(5, true);
        let (groups, giants) = taken.sort(vec![
            DOCUMENTS_MAX / 2 + 1,
            DOCUMENTS_MAX + 1,
            DOCUMENTS_MAX / 2,
            DOCUMENTS_MAX,
        ]);
        let numbers = |parts: &[Taken]| -> Vec<Vec<u128>> {
            let traces = parts.iter().map(Taken::traces);
            traces
                .map(|ids| ids.iter().map(|id| id.bits()).collect())
                .collect()
        };
        assert_eq!(numbers(&giants), [[2]]);
        assert_eq!(numbers(&groups), [vec![1], vec![3], vec![4, 5]]);
        giants.into_iter().for_each(Taken::done);
        assert_eq!(due_later(&settler), [], "the others are being settled");
        drop(groups);
        assert_eq!(due_later(&settler).len(), 4);
    }
}
