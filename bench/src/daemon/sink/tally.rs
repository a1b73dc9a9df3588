//! Which documents have arrived, when, and how long after they were sent.

use serde::{Deserialize, Serialize};

/// Numbers from here on are no documents of this bench.
const DOCUMENTS_MAX: u32 = 64 << 20;

/// What has arrived.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    arrivals: Vec<Option<Arrival>>,
    unique: u64,
    duplicates: u64,
    requests: u64,
    framed: u64,
    body_bytes: u64,
    refused: u64,
}

/// One document's arrival, the first if it came more than once.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    nanos: u64,
    latency_nanos: u64,
}

/// What is known of a range of documents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// Different documents of the range that arrived.
    pub(crate) delivered: u64,
    /// When the first of them arrived, on [`super::super::clock`].
    pub(crate) first_nanos: u64,
    /// When 99 % of them had arrived.
    pub(crate) most_nanos: u64,
    /// When the last of them arrived.
    pub(crate) last_nanos: u64,
    /// From sending to arrival, the middle of all.
    pub(crate) latency_median_nanos: u64,
    /// Below which 99 % are.
    pub latency_p99_nanos: u64,
    /// Documents that came again, in or outside the range.
    pub(crate) duplicates: u64,
    /// Requests that were taken, all in all.
    pub(crate) requests: u64,
    /// Those of them with framed bodies.
    pub(crate) framed: u64,
    /// Bytes of all bodies as they came, compressed or not.
    pub(crate) body_bytes: u64,
    /// Requests that made no sense.
    pub(crate) refused: u64,
}

impl Tally {
    /// Different documents that have arrived.
    #[must_use]
    pub(crate) const fn unique(&self) -> u64 {
        self.unique
    }

    /// A request was taken.
    pub(crate) fn note_request(&mut self, body_bytes: usize, is_framed: bool) {
        self.requests += 1;
        self.framed += u64::from(is_framed);
        self.body_bytes += u64::try_from(body_bytes).unwrap_or_default();
    }

    /// A request made no sense.
    pub(crate) const fn note_refused(&mut self) {
        self.refused += 1;
    }

    /// The document of this number, sent then, has arrived now.
    pub(crate) fn note(&mut self, number: u32, sent_nanos: u64, now_nanos: u64) {
        if number >= DOCUMENTS_MAX {
            self.refused += 1;
            return;
        }
        let index = usize::try_from(number).unwrap_or_default();
        if index >= self.arrivals.len() {
            self.arrivals.resize(index + 1, None);
        }
        match self.arrivals.get_mut(index) {
            Some(arrival @ None) => {
                self.unique += 1;
                *arrival = Some(Arrival {
                    nanos: now_nanos,
                    latency_nanos: now_nanos.saturating_sub(sent_nanos),
                });
            }
            _ => self.duplicates += 1,
        }
    }

    /// How many of these documents have arrived, the second number not included.
    #[must_use]
    pub(crate) fn arrived(&self, from: u32, to: u32) -> u64 {
        u64::try_from(self.range(from, to).count()).unwrap_or_default()
    }

    fn range(&self, from: u32, to: u32) -> impl Iterator<Item = &Arrival> {
        let place = |number: u32| {
            let index = usize::try_from(number).unwrap_or(usize::MAX);
            index.min(self.arrivals.len())
        };
        let range = self.arrivals.get(place(from)..place(to));
        range.unwrap_or_default().iter().flatten()
    }

    /// What is known of these documents, the second number not included.
    #[must_use]
    pub(crate) fn summary(&self, from: u32, to: u32) -> Summary {
        let arrivals: Vec<Arrival> = self.range(from, to).copied().collect();
        let mut times: Vec<u64> = arrivals.iter().map(|each| each.nanos).collect();
        let mut latencies: Vec<u64> = arrivals.iter().map(|each| each.latency_nanos).collect();
        times.sort_unstable();
        latencies.sort_unstable();
        Summary {
            delivered: u64::try_from(arrivals.len()).unwrap_or_default(),
            first_nanos: times.first().copied().unwrap_or_default(),
            most_nanos: percentile(&times, 99),
            last_nanos: times.last().copied().unwrap_or_default(),
            latency_median_nanos: percentile(&latencies, 50),
            latency_p99_nanos: percentile(&latencies, 99),
            duplicates: self.duplicates,
            requests: self.requests,
            framed: self.framed,
            body_bytes: self.body_bytes,
            refused: self.refused,
        }
    }
}

fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let place = sorted.len() * percent / 100;
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_counts_once_with_its_first_arrival() {
        let mut tally = Tally::default();
        tally.note_request(100, true);
        tally.note(3, 1_000, 1_500);
        tally.note(1, 1_000, 1_100);
        tally.note(3, 1_000, 9_000);
        tally.note(DOCUMENTS_MAX, 0, 0);
        assert_eq!(tally.unique(), 2);
        let expected = Summary {
            delivered: 2,
            first_nanos: 1_100,
            most_nanos: 1_500,
            last_nanos: 1_500,
            latency_median_nanos: 500,
            latency_p99_nanos: 500,
            duplicates: 1,
            requests: 1,
            framed: 1,
            body_bytes: 100,
            refused: 1,
        };
        assert_eq!(tally.summary(0, 100), expected);
        assert_eq!((tally.summary(0, 3).delivered, tally.arrived(0, 3)), (1, 1));
        assert_eq!(tally.summary(4, 100).delivered, 0);
    }
}
