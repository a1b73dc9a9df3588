//! A client's decision for one rule: the leased quota first, without a lease one borrowed request
//! per second, then the fixed rate (`spec/sampling.md` section 3).
//!
//! Per decision: no allocation, no lock; the caller brings the second and the random number.

use super::rule::SamplingRule;
use super::statistics::Counts;

/// The state a client keeps per rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Reservoir {
    fixed_rate: f64,
    reservoir_size: u32,
    lease: Option<Lease>,
    /// The second that `taken` and `has_borrowed` belong to.
    second: i64,
    taken: u32,
    has_borrowed: bool,
    counts: Counts,
}

/// A quota granted by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Requests per second; zero stops borrowing.
    pub quota: u32,
    /// The last second, in epoch seconds, in which it holds.
    pub ttl_seconds: i64,
}

/// What is to happen with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is recorded, here and by everyone downstream.
    Record,
    /// It is not.
    Drop,
}

impl Reservoir {
    /// The state before the first request: no lease, nothing counted.
    #[must_use]
    pub fn new(rule: &SamplingRule) -> Self {
        Self {
            fixed_rate: rule.fixed_rate,
            reservoir_size: rule.reservoir_size,
            lease: None,
            second: i64::MIN,
            taken: 0,
            has_borrowed: false,
            counts: Counts::default(),
        }
    }

    /// Decides for one request that matched the rule.
    ///
    /// `now_seconds` is the clock in whole epoch seconds, `draw` a random number in `[0, 1)`. The
    /// reservoir's size is a total over all clients, so here it only says whether borrowing is
    /// allowed.
    pub fn decide(&mut self, now_seconds: i64, draw: f64) -> Decision {
        self.counts.requests += 1;
        if self.second != now_seconds {
            self.second = now_seconds;
            self.taken = 0;
            self.has_borrowed = false;
        }
        match self.lease.filter(|lease| lease.ttl_seconds >= now_seconds) {
            Some(lease) if self.taken < lease.quota => {
                self.taken += 1;
                self.counts.sampled += 1;
                return Decision::Record;
            }
            None if self.reservoir_size > 0 && !self.has_borrowed => {
                self.has_borrowed = true;
                self.counts.borrows += 1;
                return Decision::Record;
            }
            Some(_) | None => {}
        }
        if draw < self.fixed_rate {
            self.counts.sampled += 1;
            return Decision::Record;
        }
        Decision::Drop
    }

    /// Takes over what the server answered: its rate always, its lease if it sent one.
    pub fn apply_target(&mut self, fixed_rate: f64, lease: Option<Lease>) {
        self.fixed_rate = fixed_rate;
        self.lease = lease.or(self.lease);
    }

    /// Takes over a reloaded rule; lease and counts stay.
    pub fn apply_rule(&mut self, rule: &SamplingRule) {
        self.fixed_rate = rule.fixed_rate;
        self.reservoir_size = rule.reservoir_size;
    }

    /// Share of the requests recorded beyond quota and borrowing.
    #[must_use]
    pub const fn fixed_rate(&self) -> f64 {
        self.fixed_rate
    }

    /// What was counted since the last call; counting starts again at zero.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }
}

#[cfg(test)]
mod tests;
