//! Which stored views link to which traces, both ways, as the views themselves say. Pure.
//!
//! Memory: 2 entries of 48 bytes for each trace that a view links to, at most 100 of one view; none
//! for a view without links.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Included};

use radiograph_protocol::ids::TraceId;

/// The traces that a view links to, each once, with their numbers of documents when the view was
/// computed.
pub(super) type Producers = Vec<(TraceId, u32)>;

/// The relation. Ordered so that those who know a trace in its present state, however many they are,
/// need not be looked at to find the others.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Producer, its number of documents when the view was computed, consumer.
    by_producer: BTreeSet<(TraceId, u32, TraceId)>,
    /// Consumer, producer, the producer's number of documents.
    by_consumer: BTreeSet<(TraceId, TraceId, u32)>,
}

const FIRST: TraceId = TraceId::from_bits(0);
const LAST: TraceId = TraceId::from_bits(u128::MAX);

impl Links {
    /// Replaces what a trace links to: other traces only.
    pub(super) fn replace(&mut self, consumer: TraceId, producers: Producers) {
        self.forget(consumer);
        for (producer, documents) in producers {
            self.by_consumer.insert((consumer, producer, documents));
            self.by_producer.insert((producer, documents, consumer));
        }
    }

    /// Forgets what a trace links to; what links to it stays.
    pub(super) fn forget(&mut self, consumer: TraceId) {
        for (producer, documents) in self.of(consumer) {
            self.by_consumer.remove(&(consumer, producer, documents));
            self.by_producer.remove(&(producer, documents, consumer));
        }
    }

    /// The traces that this one links to, with the number of documents it takes them to have.
    pub(super) fn of(&self, consumer: TraceId) -> Producers {
        let all = (consumer, FIRST, 0)..=(consumer, LAST, u32::MAX);
        let known = self.by_consumer.range(all);
        known
            .map(|(_, producer, documents)| (*producer, *documents))
            .collect()
    }

    /// The traces that link to this one and take it to have another number of documents.
    pub(super) fn stale(
        &self,
        producer: TraceId,
        documents: u32,
    ) -> impl Iterator<Item = TraceId> + '_ {
        let fewer = (producer, 0, FIRST)..(producer, documents, FIRST);
        let known = (producer, documents, LAST);
        let more = (Excluded(known), Included((producer, u32::MAX, LAST)));
        let stale = self
            .by_producer
            .range(fewer)
            .chain(self.by_producer.range(more));
        stale.map(|(_, _, consumer)| *consumer)
    }

    /// Whether any trace links to this one.
    pub(super) fn has_producer(&self, producer: TraceId) -> bool {
        let all = (producer, 0, FIRST)..=(producer, u32::MAX, LAST);
        self.by_producer.range(all).next().is_some()
    }

    /// All traces that others link to, each once.
    pub(super) fn producers(&self) -> impl Iterator<Item = TraceId> + '_ {
        let mut last = None;
        let producers = self.by_producer.iter().map(|(producer, _, _)| *producer);
        producers.filter(move |producer| last.replace(*producer) != Some(*producer))
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_producer.is_empty() && self.by_consumer.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TraceId = TraceId::from_bits(1);
    const B: TraceId = TraceId::from_bits(2);
    const C: TraceId = TraceId::from_bits(3);

    fn stale(links: &Links, producer: TraceId, documents: u32) -> Vec<TraceId> {
        links.stale(producer, documents).collect()
    }

    #[test]
    fn those_that_know_another_number_of_documents_are_stale() {
        let mut links = Links::default();
        links.replace(A, vec![(C, 2), (B, 0)]);
        links.replace(B, vec![(C, 3)]);
        links.replace(LAST, vec![(C, u32::MAX)]);
        assert_eq!(stale(&links, C, 0), [A, B, LAST]);
        assert_eq!(stale(&links, C, 2), [B, LAST]);
        assert_eq!(stale(&links, C, 3), [A, LAST]);
        assert_eq!(stale(&links, C, u32::MAX), [A, B]);
        assert_eq!(
            (stale(&links, B, 0), stale(&links, B, 1)),
            (vec![], vec![A])
        );
        assert_eq!(stale(&links, A, 1), []);
        assert_eq!(links.producers().collect::<Vec<_>>(), [B, C]);
    }

    #[test]
    fn a_replaced_view_leaves_nothing_of_its_links_behind() {
        let mut links = Links::default();
        links.replace(A, vec![(B, 1), (C, 1)]);
        links.replace(B, vec![(A, 1)]);
        links.replace(A, vec![(C, 2)]);
        assert_eq!((stale(&links, B, 0), stale(&links, C, 2)), (vec![], vec![]));
        assert_eq!(
            (stale(&links, C, 1), stale(&links, A, 2)),
            (vec![A], vec![B])
        );
        links.forget(A);
        links.forget(B);
        assert!(links.is_empty());
    }
}
