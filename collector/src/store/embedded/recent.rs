//! Texts of documents that were appended and not read since: whoever settles their traces in a moment
//! gets them from memory instead of reading and decompressing their blocks. Pure.
//!
//! A text is handed out once; after that, and when there was no room for it, it is read from the log.
//! What is there stays until it is asked for, as traces are settled in the order of their coming; what
//! nobody asked for while sixteen times the room passed by is let go. Which documents there are, the
//! index alone says.

use std::collections::VecDeque;

use foldhash::{HashMap, HashMapExt as _};

use super::index::{PartitionId, Place};

/// What an entry takes beside its text: in table and queue, with their slack.
const ENTRY_BYTES: usize = 160;
/// A text is let go when so many times the room was put since.
const PASSING_ROOMS_MAX: u64 = 16;
/// Places of taken texts that may stand in the queue beside as many as there are texts.
const TAKEN_PLACES_MAX: usize = 1024;

/// The texts, by the place of the document in the log.
#[derive(Debug)]
pub(super) struct RecentTexts {
    texts: HashMap<Place, String>,
    /// In the order of coming, with what was put before; some were taken since.
    order: VecDeque<(u64, Place)>,
    bytes: usize,
    bytes_max: usize,
    /// Bytes of all texts there ever were.
    bytes_put: u64,
}

impl RecentTexts {
    /// Room for so many bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            texts: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            bytes_max,
            bytes_put: 0,
        }
    }

    /// Keeps a text if there is room.
    pub(super) fn put(&mut self, at: Place, text: String) {
        let bytes = cost(&text);
        self.bytes_put = self.bytes_put.saturating_add(bytes as u64);
        self.let_go_of_the_forgotten();
        if bytes > self.bytes_max.saturating_sub(self.bytes) {
            return;
        }
        self.bytes += bytes;
        self.order.push_back((self.bytes_put, at));
        self.texts.insert(at, text);
        if self.order.len() > 2 * self.texts.len() + TAKEN_PLACES_MAX {
            let texts = &self.texts;
            self.order.retain(|(_, place)| texts.contains_key(place));
        }
    }

    fn let_go_of_the_forgotten(&mut self) {
        let passing = PASSING_ROOMS_MAX.saturating_mul(self.bytes_max as u64);
        while let Some((put, place)) = self.order.front().copied() {
            let is_forgotten = self.bytes_put.saturating_sub(put) > passing;
            if self.texts.contains_key(&place) && !is_forgotten {
                break;
            }
            self.take(place);
            self.order.pop_front();
        }
    }

    /// The text of the document at this place, if it is here; from now on it is not.
    pub(super) fn take(&mut self, at: Place) -> Option<String> {
        let text = self.texts.remove(&at)?;
        self.bytes = self.bytes.saturating_sub(cost(&text));
        Some(text)
    }

    /// Lets go of everything in a partition.
    pub(super) fn forget(&mut self, partition: PartitionId) {
        let places = self.texts.keys().copied();
        let places: Vec<_> = places.filter(|at| at.partition == partition).collect();
        for place in places {
            self.take(place);
        }
    }
}

const fn cost(text: &String) -> usize {
    text.capacity() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT_BYTES: usize = 1000 - ENTRY_BYTES;

    fn place(offset: usize) -> Place {
        Place {
            partition: PartitionId(1),
            offset: offset as u64,
            position: 0,
        }
    }

    fn put(recent: &mut RecentTexts, offset: usize) {
        recent.put(place(offset), "x".repeat(TEXT_BYTES));
    }

    #[test]
    fn a_text_is_handed_out_once() {
        let mut recent = RecentTexts::new(1000);
        recent.put(place(1), "a".to_owned());
        assert_eq!(recent.take(place(2)), None);
        assert_eq!(recent.take(place(1)).as_deref(), Some("a"));
        assert_eq!((recent.take(place(1)), recent.bytes), (None, 0));
    }

    #[test]
    fn what_has_no_room_is_left_out_until_there_is() {
        let mut recent = RecentTexts::new(2999);
        (1..=3).for_each(|at| put(&mut recent, at));
        assert!(recent.take(place(3)).is_none());
        assert!(recent.take(place(1)).is_some());
        put(&mut recent, 4);
        assert!(recent.take(place(4)).is_some() && recent.take(place(2)).is_some());
        assert_eq!(recent.bytes, 0);
    }

    #[test]
    fn what_nobody_asks_for_makes_room_in_the_end() {
        let mut recent = RecentTexts::new(1000);
        (0..=17).for_each(|at| put(&mut recent, at));
        assert!(recent.take(place(17)).is_some(), "sixteen rooms passed by");
        assert!(recent.take(place(0)).is_none());
    }

    #[test]
    fn a_text_that_stays_does_not_make_the_queue_grow() {
        let mut recent = RecentTexts::new(usize::MAX / 32);
        put(&mut recent, 0);
        for at in 1..10 * TAKEN_PLACES_MAX {
            put(&mut recent, at);
            recent.take(place(at));
        }
        assert!(recent.order.len() <= TAKEN_PLACES_MAX + 8);
        assert!(recent.take(place(0)).is_some());
    }

    #[test]
    fn a_forgotten_partition_leaves_no_text() {
        let mut recent = RecentTexts::new(9000);
        put(&mut recent, 1);
        recent.forget(PartitionId(2));
        assert!(recent.texts.len() == 1);
        recent.forget(PartitionId(1));
        assert!(recent.texts.is_empty() && recent.bytes == 0);
    }
}
