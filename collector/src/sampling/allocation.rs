//! Spreading one rule's reservoir over the clients that report: `spec/sampling.md` section 6 as a
//! pure state machine. The arithmetic of the shares is in [`fill`].
//!
//! At every moment the quotas that active clients hold sum up to at most the reservoir. What may be
//! recorded beyond it, per second:
//! (a) a client that wakes up after three intervals of silence uses its old lease until its next report,
//! at most one interval later; one whose reports are lost counts as silent, and one that was forgotten
//! meanwhile, but whose clock is behind, uses it until the end of (b);
//! (b) a client without a live lease borrows one: a new one until its first grant, which comes with a
//! report within [`SETTLING`] or the first one after; and one whose clock is ahead by the length of the
//! lease or more, always;
//! (c) the fixed rate, by definition;
//! (d) after a restart clients use leases that nobody here knows until they are granted another: at most
//! the reservoir once more, for two intervals where everyone gets a share, else until the end of (b);
//! (e) after the reservoir shrank, or a client was forgotten, what clients hold until they report.
//! A client that is to step over 1 keeps one for an interval on top of (a) and (e).
//!
//! Two points where the specification leaves room: a client that has held a lease is sent 0 rather than
//! nothing, since clients keep an old quota when none is sent; and the step over 1 counts from the last
//! quota sent, live or not, since a client that ignores a 0 revives exactly that one. Such a client, of
//! the Node SDK, keeps one per second where it should have none.
//!
//! Per report: a walk over the rule's clients, at most [`CLIENTS_PER_RULE_MAX`] of them.

use std::collections::BTreeMap;
use std::time::Duration;

use radiograph_protocol::api::sampling::{ReservoirQuota, WholeSeconds};
use radiograph_protocol::sampling::{Counts, Lease};
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use super::report::Report;

mod fill;

/// Clients remembered per rule; at the bound the one that has not reported for longest is
/// forgotten, and its quota may be handed out a second time until its next report.
pub const CLIENTS_PER_RULE_MAX: usize = 10_000;

/// Seconds between reports while there are few clients; longer intervals are multiples, since
/// clients report in steps of it.
const INTERVAL_SECONDS: u32 = 10;
const INTERVAL_SECONDS_MAX: u32 = 60;

/// Active clients of a rule per [`INTERVAL_SECONDS`] of its interval.
const CLIENTS_PER_INTERVAL_STEP: usize = 2_000;

/// Intervals without a report after which a client's share goes to the others.
const ACTIVE_INTERVALS: u32 = 3;

/// How long a client without a grant goes on borrowing rather than being cut off.
const SETTLING: Elapsed = Elapsed::from_micros(30 * MICROS_PER_SECOND);

/// How long a silent client is remembered at least.
const MEMORY: Elapsed = Elapsed::from_micros(300 * MICROS_PER_SECOND);

/// What the time since a client's last report is taken for: at its first report, at least, at most.
const ELAPSED_FIRST_MICROS: i64 = 10 * MICROS_PER_SECOND;
const ELAPSED_MICROS_MIN: i64 = MICROS_PER_SECOND;
const ELAPSED_MICROS_MAX: i64 = 60 * MICROS_PER_SECOND;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// One rule's reservoir and its clients.
#[derive(Debug)]
pub(crate) struct Allocation {
    reservoir_size: u32,
    lease: Duration,
    interval_seconds: u32,
    /// By client id, which is also the order of turns.
    clients: BTreeMap<String, Client>,
    clients_forgotten: u64,
}

/// How a rule's reservoir is used, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The rule's reservoir: requests per second over all clients.
    pub reservoir_size: u32,
    /// Requests per second that active clients hold.
    pub quota_granted: u64,
    /// Clients that reported lately.
    pub clients_active: usize,
    /// Clients forgotten at [`CLIENTS_PER_RULE_MAX`] since the start.
    pub clients_forgotten: u64,
}

#[derive(Debug)]
struct Client {
    first_seen: Timestamp,
    last_report: Timestamp,
    /// The time and counts of that report, to tell a repetition.
    previous: (Timestamp, Counts),
    /// Requests per second.
    demand: u64,
    /// What it was last told of the time until its next report.
    interval_seconds: u32,
    /// What was last sent, live or not; `None` before the first grant.
    lease: Option<Lease>,
    /// How much of the lease counts against the others: all of it, or after a resize the share it
    /// is about to shrink to.
    reserved: u32,
}

impl Allocation {
    pub(crate) const fn new(reservoir_size: u32, lease: Duration) -> Self {
        Self {
            reservoir_size,
            lease,
            interval_seconds: INTERVAL_SECONDS,
            clients: BTreeMap::new(),
            clients_forgotten: 0,
        }
    }

    /// Seconds until the next report of any client.
    pub(crate) const fn interval_seconds(&self) -> u32 {
        self.interval_seconds
    }

    /// Takes a report in; `false` for a repetition of the client's previous one, which changes
    /// nothing. All reports of a call are to be admitted before the first grant.
    pub(crate) fn admit(&mut self, report: &Report<'_>, now: Timestamp) -> bool {
        let seen = (report.timestamp, report.counts);
        let requests = report.counts.requests;
        if let Some(client) = self.clients.get_mut(report.client_id) {
            if client.previous == seen {
                return false;
            }
            let elapsed = now.since(client.last_report).micros();
            let elapsed = elapsed.clamp(ELAPSED_MICROS_MIN, ELAPSED_MICROS_MAX);
            let kept = if client.is_active(now) {
                client.demand / 2
            } else {
                0
            };
            client.demand = demand(requests, elapsed, kept);
            client.last_report = now;
            client.previous = seen;
        } else {
            self.forget(now);
            let client = Client {
                first_seen: now,
                last_report: now,
                previous: seen,
                demand: demand(requests, ELAPSED_FIRST_MICROS, 0),
                interval_seconds: INTERVAL_SECONDS,
                lease: None,
                reserved: 0,
            };
            self.clients.insert(report.client_id.to_owned(), client);
        }
        self.interval_seconds = interval_for(self.active(now).count());
        true
    }

    /// The client's quota from now on; `None` leaves it to what it does now: borrowing, for a new
    /// client. Also `None` for a client that has not been admitted lately.
    pub(crate) fn grant(&mut self, client_id: &str, now: Timestamp) -> Option<ReservoirQuota> {
        let target = self.share_of(client_id, now)?;
        let others = self.active(now).filter(|(id, _)| *id != client_id);
        let reserved: u64 = others.map(|(_, other)| other.reserved_at(now)).sum();
        let free = u64::from(self.reservoir_size).saturating_sub(reserved);
        let granted = u32::try_from(target.min(free)).unwrap_or(u32::MAX);

        let ttl_seconds = now.seconds_floor().saturating_add(self.lease_seconds());
        let client = self.clients.get_mut(client_id)?;
        client.interval_seconds = self.interval_seconds;
        let steps_over_one = granted == 0 && client.lease.is_some_and(|lease| lease.quota > 1);
        let quota = if steps_over_one { 1 } else { granted };
        let is_settling = client.lease.is_none() && now.since(client.first_seen) < SETTLING;
        if quota == 0 && self.reservoir_size > 0 && is_settling {
            return None;
        }
        client.lease = Some(Lease { quota, ttl_seconds });
        client.reserved = quota;
        Some(ReservoirQuota {
            quota,
            ttl: WholeSeconds(ttl_seconds),
        })
    }

    /// Takes over the rule's reservoir. When it shrank, leases count against the others only with
    /// their new shares at once: else whoever reports first would be cut off for what others are
    /// about to give back.
    pub(crate) fn resize(&mut self, reservoir_size: u32, now: Timestamp) {
        let has_shrunk = reservoir_size < self.reservoir_size;
        self.reservoir_size = reservoir_size;
        if has_shrunk {
            let shares = self.shares(now);
            let clients = self.clients.values_mut();
            let active = clients.filter(|client| client.is_active(now));
            for (client, share) in active.zip(shares) {
                client.reserved = u32::try_from(share)
                    .map_or(client.reserved, |share| client.reserved.min(share));
            }
        }
    }

    pub(crate) fn usage(&self, now: Timestamp) -> Usage {
        Usage {
            reservoir_size: self.reservoir_size,
            quota_granted: self.active(now).map(|(_, c)| c.reserved_at(now)).sum(),
            clients_active: self.active(now).count(),
            clients_forgotten: self.clients_forgotten,
        }
    }

    /// The shares of the active clients, in their order, as if no lease were out.
    fn shares(&self, now: Timestamp) -> Vec<u64> {
        let minute = u64::try_from(now.minute().seconds() / 60).unwrap_or(0);
        let demands: Vec<u64> = self.active(now).map(|(_, client)| client.demand).collect();
        fill::shares(&demands, u64::from(self.reservoir_size), minute)
    }

    fn share_of(&self, client_id: &str, now: Timestamp) -> Option<u64> {
        let index = self.active(now).position(|(id, _)| id == client_id)?;
        self.shares(now).get(index).copied()
    }

    fn active(&self, now: Timestamp) -> impl Iterator<Item = (&str, &Client)> {
        let clients = self.clients.iter();
        clients
            .filter(move |(_, client)| client.is_active(now))
            .map(|(id, client)| (id.as_str(), client))
    }

    fn lease_seconds(&self) -> i64 {
        let least = i64::from(self.interval_seconds * ACTIVE_INTERVALS);
        i64::try_from(self.lease.as_secs()).map_or(i64::MAX, |seconds| seconds.max(least))
    }

    /// Makes room for one more client.
    fn forget(&mut self, now: Timestamp) {
        self.clients.retain(|_, client| client.is_remembered(now));
        if self.clients.len() < CLIENTS_PER_RULE_MAX {
            return;
        }
        let oldest = self
            .clients
            .iter()
            .min_by_key(|(_, client)| client.last_report);
        if let Some(id) = oldest.map(|(id, _)| id.clone()) {
            self.clients.remove(&id);
            self.clients_forgotten += 1;
        }
    }
}

impl Client {
    /// By the interval that it was told: one that was told a longer one is not gone once the others,
    /// being fewer by now, are told a shorter one.
    fn is_active(&self, now: Timestamp) -> bool {
        let seconds = i64::from(self.interval_seconds * ACTIVE_INTERVALS);
        now.since(self.last_report) < Elapsed::from_micros(seconds * MICROS_PER_SECOND)
    }

    fn is_live(&self, now: Timestamp) -> bool {
        let lease = self.lease.as_ref();
        lease.is_some_and(|lease| lease.ttl_seconds >= now.seconds_floor())
    }

    fn is_remembered(&self, now: Timestamp) -> bool {
        self.is_live(now) || now.since(self.last_report) <= MEMORY
    }

    fn reserved_at(&self, now: Timestamp) -> u64 {
        if self.is_live(now) {
            u64::from(self.reserved)
        } else {
            0
        }
    }
}

/// Requests per second, rounded up, at least what is `kept` of the earlier demand; zero for a report
/// of no requests.
fn demand(requests: u64, elapsed_micros: i64, kept: u64) -> u64 {
    if requests == 0 {
        return 0;
    }
    let micros = u128::from(requests) * u128::from(MICROS_PER_SECOND.unsigned_abs());
    let rate = micros.div_ceil(u128::from(elapsed_micros.unsigned_abs()));
    u64::try_from(rate).unwrap_or(u64::MAX).max(kept)
}

fn interval_for(clients_active: usize) -> u32 {
    let steps = clients_active.div_ceil(CLIENTS_PER_INTERVAL_STEP).max(1);
    let steps = u32::try_from(steps).unwrap_or(u32::MAX);
    steps
        .saturating_mul(INTERVAL_SECONDS)
        .min(INTERVAL_SECONDS_MAX)
}

#[cfg(test)]
mod tests;
