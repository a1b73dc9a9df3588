//! The retrievals that were started: found by their token until they expire. Pure.
//! Source: `spec/api.md` section 5.1.

use std::time::Duration;

use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::request::Wanted;

/// How long a retrieval is found by its token, as on AWS.
pub const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Retrievals that are kept: 0.4 MB at most, with a hundred ids each. A client reads the result when it
/// has started one, so the oldest makes room rather than a new one being refused.
pub const RETRIEVALS_MAX: usize = 100;

/// All retrievals, by their start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct RetrievalSet {
    retrievals: Vec<Retrieval>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Retrieval {
    /// What it is found by.
    pub(super) token: String,
    /// The traces.
    pub(super) trace_ids: Vec<TraceId>,
    /// Start of the window, inclusive.
    pub(super) start: Timestamp,
    /// End of the window, inclusive.
    pub(super) end: Timestamp,
    /// Nobody wants its result any more.
    pub(super) is_cancelled: bool,
    created: Timestamp,
}

impl Retrieval {
    pub(super) fn new(token: String, wanted: Wanted, now: Timestamp) -> Self {
        Self {
            token,
            trace_ids: wanted.trace_ids,
            start: wanted.start,
            end: wanted.end,
            is_cancelled: false,
            created: now,
        }
    }

    fn is_alive(&self, now: Timestamp) -> bool {
        let age = now.since(self.created).micros();
        u128::try_from(age).is_ok_and(|age| age < LIFETIME.as_micros())
    }
}

impl RetrievalSet {
    /// Adds one. Those that have expired go, and the oldest ones that are too many.
    pub(super) fn add(&mut self, retrieval: Retrieval, now: Timestamp) {
        self.retrievals.retain(|known| known.is_alive(now));
        let surplus = (self.retrievals.len() + 1).saturating_sub(RETRIEVALS_MAX);
        self.retrievals.drain(..surplus);
        self.retrievals.push(retrieval);
    }

    /// The retrieval of a token.
    ///
    /// # Errors
    /// `ResourceNotFoundException` when there never was one, or no longer is.
    pub(super) fn find(self, token: &str, now: Timestamp) -> Result<Retrieval, ApiError> {
        let mut retrievals = self.retrievals.into_iter();
        let found = retrievals.find(|known| known.token == token && known.is_alive(now));
        found.ok_or_else(|| unknown(token))
    }

    /// Marks a retrieval as cancelled.
    ///
    /// # Errors
    /// As [`RetrievalSet::find`].
    pub(super) fn cancel(&mut self, token: &str, now: Timestamp) -> Result<(), ApiError> {
        let mut retrievals = self.retrievals.iter_mut();
        let found = retrievals.find(|known| known.token == token && known.is_alive(now));
        found.ok_or_else(|| unknown(token))?.is_cancelled = true;
        Ok(())
    }
}

fn unknown(token: &str) -> ApiError {
    ApiError {
        kind: ApiErrorKind::ResourceNotFound {
            resource_name: token.to_owned(),
        },
        message: "Retrieval token not found or expired".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + seconds)
    }

    fn add(set: &mut RetrievalSet, token: &str, seconds: i64) {
        let wanted = Wanted {
            trace_ids: Vec::new(),
            start: at(0),
            end: at(1),
        };
        let now = at(seconds);
        set.add(Retrieval::new(token.to_owned(), wanted, now), now);
    }

    fn has(set: &RetrievalSet, token: &str, seconds: i64) -> bool {
        let found = set.clone().find(token, at(seconds));
        match found {
            Ok(found) => {
                assert_eq!(found.token, token);
                true
            }
            Err(error) => {
                let resource_name = token.to_owned();
                assert_eq!(error.kind, ApiErrorKind::ResourceNotFound { resource_name });
                false
            }
        }
    }

    #[test]
    fn a_retrieval_is_found_for_an_hour() {
        let mut set = RetrievalSet::default();
        add(&mut set, "a", 0);
        assert!(has(&set, "a", 3599));
        assert!(!has(&set, "a", 3600));
        assert!(!has(&set, "b", 0));
        assert!(has(&set, "a", -10), "the clock was set back");
        let late = set.cancel("a", at(3600)).map_err(|error| error.name());
        assert_eq!(late, Err("ResourceNotFoundException"));
    }

    #[test]
    fn a_cancelled_retrieval_stays_cancelled() {
        let mut set = RetrievalSet::default();
        add(&mut set, "a", 0);
        for _ in 0..2 {
            assert_eq!(set.cancel("a", at(1)), Ok(()));
        }
        assert!(set.clone().find("a", at(2)).unwrap().is_cancelled);
        let unknown = set.cancel("b", at(1)).map_err(|error| error.name());
        assert_eq!(unknown, Err("ResourceNotFoundException"));
    }

    #[test]
    fn the_oldest_makes_room_and_what_expired_goes() {
        let mut set = RetrievalSet::default();
        for number in 0..RETRIEVALS_MAX {
            add(&mut set, &number.to_string(), 0);
        }
        assert!(has(&set, "0", 1));
        add(&mut set, "new", 1);
        assert!(!has(&set, "0", 1));
        assert!(has(&set, "1", 1) && has(&set, "new", 1));
        assert_eq!(set.retrievals.len(), RETRIEVALS_MAX);
        add(&mut set, "last", 3600);
        assert_eq!(set.retrievals.len(), 2, "new and last");
    }
}
