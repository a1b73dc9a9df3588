//! How many requests one client may make: a bucket of tokens per client.
//!
//! A bucket fills at the configured rate and holds [`BURST_SECONDS`] of it. It is kept as the one moment
//! at which it will be full again, so that a client who was quiet for so long costs nothing. Bounds:
//! [`CLIENTS_MAX`] buckets; when each of them is in use, the clients without one share one. Per request:
//! 1 lock, 1 look-up; none without a rate.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use radiograph_protocol::error::{ApiError, ApiErrorKind};

use crate::config::RequestRate;

/// How much of the rate a client that was quiet may use at once.
const BURST_SECONDS: u32 = 2;

/// Buckets; at some 80 bytes each.
const CLIENTS_MAX: usize = 10_000;

/// How often a full table is looked through for buckets that are full again.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Who makes requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// The id of the key whose signature was found good.
    Key(Arc<str>),
    /// An address of IPv4, or the first 64 bits of one of IPv6, which is what one host has.
    Address(IpAddr),
}

impl Caller {
    /// A caller known by address alone.
    pub(crate) fn at(address: IpAddr) -> Self {
        const HOST_BITS: u32 = 64;
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> HOST_BITS << HOST_BITS;
                Ipv6Addr::from_bits(network).into()
            }
            address => address,
        })
    }
}

/// The buckets of all clients.
#[derive(Debug)]
pub(crate) struct RateLimit {
    rate: RequestRate,
    clients_max: usize,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    /// When each is full again; those that are full are as good as none.
    full_at: HashMap<Caller, Instant>,
    /// The bucket of those who have none.
    shared_full_at: Option<Instant>,
    swept_at: Option<Instant>,
}

impl RateLimit {
    /// Every client may make so many requests.
    pub(crate) fn new(rate: RequestRate) -> Self {
        Self::with_clients(rate, CLIENTS_MAX)
    }

    fn with_clients(rate: RequestRate, clients_max: usize) -> Self {
        Self {
            rate,
            clients_max,
            buckets: Mutex::default(),
        }
    }

    /// Takes a token of the caller's.
    ///
    /// # Errors
    /// `ThrottledException` when there is none; since no rate is below one a second, there is one a
    /// second later.
    pub(crate) fn admit(&self, caller: Caller, now: Instant) -> Result<(), ApiError> {
        let Some(per_second) = self.rate.per_second() else {
            return Ok(());
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = buckets.of(caller, self.clients_max, now);
        let after = (*full_at).max(now) + Duration::from_secs(1) / per_second.get();
        if after.duration_since(now) > Duration::from_secs(BURST_SECONDS.into()) {
            return Err(throttled(per_second));
        }
        *full_at = after;
        Ok(())
    }
}

impl Buckets {
    fn of(&mut self, caller: Caller, clients_max: usize, now: Instant) -> &mut Instant {
        let has_room = self.full_at.len() < clients_max || self.full_at.contains_key(&caller) || {
            self.sweep(now);
            self.full_at.len() < clients_max
        };
        if has_room {
            self.full_at.entry(caller).or_insert(now)
        } else {
            self.shared_full_at.get_or_insert(now)
        }
    }

    fn sweep(&mut self, now: Instant) {
        let is_due = self
            .swept_at
            .is_none_or(|at| now.duration_since(at) >= SWEEP_EVERY);
        if is_due {
            self.swept_at = Some(now);
            self.full_at.retain(|_, full_at| *full_at > now);
        }
    }
}

fn throttled(per_second: NonZeroU32) -> ApiError {
    ApiError {
        kind: ApiErrorKind::Throttled,
        message: format!("Rate exceeded: {per_second} requests per second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn at(address: &str) -> Caller {
        Caller::at(address.parse().unwrap())
    }

    fn limit(rate: &str, clients_max: usize) -> RateLimit {
        RateLimit::with_clients(rate.parse().unwrap(), clients_max)
    }

    /// How many of 100 requests at one moment are admitted.
    fn admitted(limit: &RateLimit, caller: &Caller, now: Instant) -> usize {
        let tries = (0..100).filter(|_| limit.admit(caller.clone(), now).is_ok());
        tries.count()
    }

    #[test]
    fn a_client_gets_its_burst_and_then_its_rate() {
        let (limit, start, client) = (limit("5", 10), clock::instant(), at("192.0.2.1"));
        assert_eq!(admitted(&limit, &client, start), 10);
        let second = Duration::from_secs(1);
        assert_eq!(admitted(&limit, &client, start + second), 5);
        assert_eq!(admitted(&limit, &client, start + second * 3 / 2), 2);
        let error = limit.admit(client.clone(), start + second * 3 / 2);
        let error = error.unwrap_err();
        assert_eq!(error.name(), "ThrottledException");
        assert_eq!(error.message, "Rate exceeded: 5 requests per second");
        assert_eq!(admitted(&limit, &client, start + second * 60), 10);
    }

    #[test]
    fn without_a_rate_nobody_is_throttled_and_nothing_is_kept() {
        let (limit, now) = (limit("none", 10), clock::instant());
        assert_eq!(admitted(&limit, &at("192.0.2.1"), now), 100);
        assert_eq!(limit.buckets.lock().unwrap().full_at.len(), 0);
    }

    #[test]
    fn clients_are_told_apart_by_key_address_or_network() {
        let (limit, now) = (limit("1", 10), clock::instant());
        let keys = ["AKIDA", "AKIDB"].map(|id| Caller::Key(id.into()));
        for client in [&at("192.0.2.1"), &at("192.0.2.2"), &keys[0], &keys[1]] {
            assert_eq!(admitted(&limit, client, now), 2, "{client:?}");
        }
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }

    #[test]
    fn a_full_table_grows_no_further_and_the_others_share_a_bucket() {
        let (limit, start) = (limit("1", 2), clock::instant());
        let clients = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"].map(at);
        assert_eq!(admitted(&limit, &clients[0], start), 2);
        assert_eq!(admitted(&limit, &clients[1], start), 2);
        assert_eq!(admitted(&limit, &clients[2], start), 2, "the shared bucket");
        assert_eq!(admitted(&limit, &clients[3], start), 0, "which is empty");
        assert_eq!(limit.buckets.lock().unwrap().full_at.len(), 2);
        // the first two are full again, and make room
        let later = start + Duration::from_secs(2);
        assert_eq!(admitted(&limit, &clients[3], later), 2);
        assert_eq!(limit.buckets.lock().unwrap().full_at.len(), 1);
    }
}
