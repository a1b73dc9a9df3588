//! Digests of documents that were sealed lately: when a later log with more of their traces is sealed, or
//! such a trace is counted, what was sealed before need not be read, put together and hashed again. Pure.
//!
//! A list says all that its file has, so that a trace that is not in it is not in the file. Files never
//! change, so a list is right as long as there is its file; lists of files that are gone are asked by
//! nobody and leave as new ones come. Memory: 32 B a document, 8 MiB at most.

use std::collections::VecDeque;
use std::sync::Arc;

use radiograph_protocol::ids::TraceId;

use super::digest::DocumentDigest;
use super::hour::SealedName;

/// Documents of which digests are kept at most.
const DIGESTS_MAX: usize = 1 << 18;
/// Files of which digests are kept at most, so that a look-up is short.
const FILES_MAX: usize = 16;

/// What one file has: the digests of all its documents, by trace.
pub(super) type SealedDigests = Vec<(TraceId, DocumentDigest)>;

/// The lists of the files that were sealed last.
#[derive(Debug, Default)]
pub(super) struct SealedLately {
    lists: VecDeque<(SealedName, Arc<SealedDigests>)>,
    digests: usize,
}

impl SealedLately {
    /// Keeps what a file has, in order of trace; a list that is too long to be kept is not.
    pub(super) fn put(&mut self, name: SealedName, list: SealedDigests) {
        if list.is_empty() || list.len() > DIGESTS_MAX {
            return;
        }
        self.digests += list.len();
        self.lists.push_back((name, Arc::new(list)));
        while self.digests > DIGESTS_MAX || self.lists.len() > FILES_MAX {
            let Some((_, oldest)) = self.lists.pop_front() else {
                break;
            };
            self.digests -= oldest.len();
        }
    }

    /// The digests of all documents that a file has of a trace; `None` when the file is not known.
    pub(super) fn of(&self, name: SealedName, trace_id: TraceId) -> Option<Vec<DocumentDigest>> {
        let mut lists = self.lists.iter();
        let (_, list) = lists.find(|(known, _)| *known == name)?;
        let first = list.partition_point(|(known, _)| *known < trace_id);
        let from = list.iter().skip(first);
        let digests = from.take_while(|(known, _)| *known == trace_id);
        Some(digests.map(|(_, digest)| *digest).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::hour::{Hour, LogName};
    use super::*;
    use crate::store::contract::sample;
    use radiograph_protocol::timestamp::Timestamp;

    fn name(sequence: u32) -> SealedName {
        let hour = Hour::of(Timestamp::from_seconds(sample::HOUR));
        LogName { hour, sequence }.sealed()
    }

    fn digest(text: &str) -> DocumentDigest {
        DocumentDigest::of(text)
    }

    #[test]
    fn a_file_is_known_by_name_and_a_trace_by_all_its_documents() {
        let mut lately = SealedLately::default();
        let list = vec![
            (sample::trace(1), digest("a")),
            (sample::trace(3), digest("b")),
            (sample::trace(3), digest("c")),
        ];
        lately.put(name(1), list);
        let of = |file, trace| lately.of(name(file), sample::trace(trace));
        assert_eq!(of(1, 3), Some(vec![digest("b"), digest("c")]));
        assert_eq!(of(1, 1), Some(vec![digest("a")]));
        assert_eq!((of(1, 2), of(1, 4)), (Some(Vec::new()), Some(Vec::new())));
        assert_eq!(of(2, 3), None);
    }

    #[test]
    fn the_oldest_lists_leave_when_there_are_too_many() {
        let mut lately = SealedLately::default();
        let one = |number| vec![(sample::trace(number), digest("a"))];
        let files = u32::try_from(FILES_MAX).unwrap();
        for file in 0..=files {
            lately.put(name(file), one(1));
        }
        assert_eq!(lately.of(name(0), sample::trace(1)), None);
        assert!(lately.of(name(1), sample::trace(1)).is_some());
        assert_eq!((lately.lists.len(), lately.digests), (FILES_MAX, FILES_MAX));
    }

    #[test]
    fn lists_take_no_more_than_their_bound() {
        let mut lately = SealedLately::default();
        let list = |length| vec![(sample::trace(1), digest("a")); length];
        lately.put(name(1), list(DIGESTS_MAX));
        assert_eq!(lately.digests, DIGESTS_MAX);
        lately.put(name(2), list(DIGESTS_MAX + 1));
        assert!(lately.of(name(1), sample::trace(1)).is_some());
        assert_eq!(lately.of(name(2), sample::trace(1)), None, "too long");
        lately.put(name(3), list(1));
        assert_eq!(lately.of(name(1), sample::trace(1)), None, "made room");
        assert_eq!(lately.digests, 1);
        lately.put(name(4), Vec::new());
        assert_eq!(lately.lists.len(), 1);
    }
}
