//! The core of adaptive sampling, as pure functions: whether a rule is raised, and how far.
//!
//! A rule is raised from its first signal until its cooldown has passed without one. So two rises, and
//! likewise two falls, are at least a cooldown apart, and without a signal a rule is back to its own
//! after one. How far it is raised depends on its settings and on how many requests there are, and is
//! computed anew each time: half of what the budget leaves goes to the reservoir, which no burst can
//! exceed, the rest to the fixed rate, which reaches clients that hold no quota. The budget is planned
//! for [`TRAFFIC_FACTOR`] times the requests seen, since what is sent now holds until later.

use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use super::request::AdaptiveSettings;

/// Requests that the budget is to suffice for, as a multiple of the busiest ten seconds of the last
/// minute: those of the time until the next targets have reached all clients.
const TRAFFIC_FACTOR: f64 = 2.0;

/// Steps of the raised rate, so that small changes of the traffic do not change every answer.
const RATE_STEPS: f64 = 1000.0;

const MICROS_PER_MINUTE: i64 = 60_000_000;

/// What a rule has recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Levels {
    /// Share of the requests beyond the reservoir.
    pub(crate) fixed_rate: f64,
    /// Requests per second, over all clients.
    pub(crate) reservoir_size: u32,
}

/// A rule that is raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Raised {
    /// Since when.
    pub(crate) since: Timestamp,
    /// When there was a signal last.
    pub(crate) signalled: Timestamp,
}

/// Whether the rule is raised from now on.
pub(crate) fn next(
    raised: Option<Raised>,
    is_signalled: bool,
    settings: &AdaptiveSettings,
    now: Timestamp,
) -> Option<Raised> {
    if is_signalled {
        return Some(Raised {
            since: raised.map_or(now, |raised| raised.since.min(now)),
            signalled: now,
        });
    }
    let raised = raised?;
    // a clock that was set back would otherwise keep it raised
    let signalled = raised.signalled.min(now);
    let cooldown = i64::from(settings.cooldown_window_minutes) * MICROS_PER_MINUTE;
    let is_over = now.since(signalled) >= Elapsed::from_micros(cooldown);
    (!is_over).then_some(Raised {
        signalled,
        ..raised
    })
}

/// What a raised rule records, given the requests per second of its clients: at least its own, and
/// unless its own exceeds the budget, at most that with [`TRAFFIC_FACTOR`] times these requests.
pub(crate) fn raise(own: Levels, settings: &AdaptiveSettings, requests_per_second: f64) -> Levels {
    let planned = requests_per_second * TRAFFIC_FACTOR;
    let budget = f64::from(settings.traces_per_second_max);
    // of clients that report nothing nobody knows what they would do with more
    if planned <= 0.0 || own.recorded_at_most(planned) >= budget {
        return own;
    }
    let mut added = settings
        .traces_per_second_max
        .saturating_sub(own.reservoir_size)
        / 2;
    while added > 0 && own.with_reservoir(added).recorded_at_most(planned) > budget {
        added /= 2;
    }
    let raised = own.with_reservoir(added);
    let reservoir = f64::from(raised.reservoir_size);
    let beyond = planned - reservoir;
    let affordable = if beyond > 0.0 {
        ((budget - reservoir) / beyond).min(1.0)
    } else {
        1.0
    };
    let rate = settings.max_rate.min(affordable);
    let in_steps = (rate * RATE_STEPS).floor() / RATE_STEPS;
    Levels {
        fixed_rate: in_steps.max(own.fixed_rate),
        ..raised
    }
}

impl Levels {
    /// Traces per second when all of the reservoir is used; with fewer requests than it holds, more than
    /// there can be.
    fn recorded_at_most(self, requests_per_second: f64) -> f64 {
        let reservoir = f64::from(self.reservoir_size);
        reservoir + self.fixed_rate * (requests_per_second - reservoir).max(0.0)
    }

    const fn with_reservoir(self, added: u32) -> Self {
        Self {
            reservoir_size: self.reservoir_size.saturating_add(added),
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
