//! Whether the collector lives, and whether it would do its work now. Pure.
//!
//! It is ready when it would take documents: it is put together and not about to end, the store takes
//! writes, and no more waits to be settled, sealed or merged than may. Reads may work all the same. Who
//! restarts what is unhealthy asks `/livez`: a full disk does not concern it, since a restart would not help.

use radiograph_admin::{Verdict, lines, with_causes};

use crate::settle::UNSETTLED_TRACES_MAX;
use crate::store::StoreError;

/// What the answers tell, as of now.
#[derive(Debug)]
pub(super) struct State {
    pub(super) is_stopping: bool,
    /// Whether the X-Ray API is answered.
    pub(super) is_serving: bool,
    /// What the store would refuse documents with.
    pub(super) store: Result<(), StoreError>,
    /// Traces that wait to be settled.
    pub(super) unsettled: usize,
    /// What waits to be sealed, as a share of what may.
    pub(super) backlog: f64,
}

/// `ok`, or why a restart would help. No state is a collector that is being put together.
pub(super) fn live(state: Option<&State>) -> Verdict {
    match state {
        Some(state) if !state.is_serving && !state.is_stopping => {
            Err("API has stopped listening\n".to_owned())
        }
        _ => Ok("ok\n".to_owned()),
    }
}

/// `ok`, or the reasons, a line each.
pub(super) fn ready(state: Option<&State>) -> Verdict {
    let Some(state) = state else {
        return Err("starting: the store is being opened\n".to_owned());
    };
    let mut reasons = Vec::new();
    if state.is_stopping {
        reasons.push("stopping".to_owned());
    } else if !state.is_serving {
        reasons.push("API has stopped listening".to_owned());
    }
    if let Err(error) = &state.store {
        reasons.push(format!("store: {}", with_causes(error)));
    }
    let unsettled = state.unsettled;
    if u32::try_from(unsettled).unwrap_or(u32::MAX) > UNSETTLED_TRACES_MAX {
        reasons.push(format!(
            "{unsettled} traces wait to be settled, of {UNSETTLED_TRACES_MAX} that may"
        ));
    }
    if state.backlog > 1.0 {
        reasons.push("more documents wait to be sealed than may".to_owned());
    }
    if reasons.is_empty() {
        Ok("ok\n".to_owned())
    } else {
        Err(lines(reasons.into_iter()))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const UNSETTLED_MAX: usize = UNSETTLED_TRACES_MAX as usize;

    fn well() -> State {
        State {
            is_stopping: false,
            is_serving: true,
            store: Ok(()),
            unsettled: UNSETTLED_MAX,
            backlog: 1.0,
        }
    }

    #[test]
    fn readiness_has_a_line_per_reason() {
        let full = || StoreError::Io {
            doing: "writing /data/log".to_owned(),
            source: io::Error::other("No space left\non device"),
        };
        let cases: [(&str, Option<State>, Result<&str, &str>); 7] = [
            ("all is well, to the limit", Some(well()), Ok("ok\n")),
            (
                "the store is still being opened",
                None,
                Err("starting: the store is being opened\n"),
            ),
            (
                "a full disk",
                Some(State {
                    store: Err(full()),
                    ..well()
                }),
                Err("store: writing /data/log: No space left on device\n"),
            ),
            (
                "settling does not follow",
                Some(State {
                    unsettled: UNSETTLED_MAX + 1,
                    ..well()
                }),
                Err("200001 traces wait to be settled, of 200000 that may\n"),
            ),
            (
                "the stop, whose end is no fault",
                Some(State {
                    is_stopping: true,
                    is_serving: false,
                    ..well()
                }),
                Err("stopping\n"),
            ),
            (
                "an API that ended by itself",
                Some(State {
                    is_serving: false,
                    ..well()
                }),
                Err("API has stopped listening\n"),
            ),
            (
                "everything at once",
                Some(State {
                    is_stopping: true,
                    is_serving: false,
                    store: Err(StoreError::Unwritable),
                    unsettled: UNSETTLED_MAX + 1,
                    backlog: 1.01,
                }),
                Err("stopping\nstore: the store cannot write at the moment\n\
                     200001 traces wait to be settled, of 200000 that may\n\
                     more documents wait to be sealed than may\n"),
            ),
        ];
        for (name, state, expected) in cases {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(ready(state.as_ref()), expected, "{name}");
        }
    }

    #[test]
    fn only_an_api_that_ended_by_itself_is_worth_a_restart() {
        let broken = State {
            store: Err(StoreError::Unwritable),
            unsettled: UNSETTLED_MAX + 1,
            ..well()
        };
        assert!(live(Some(&broken)).is_ok());
        assert!(live(None).is_ok());
        let ended = State {
            is_serving: false,
            ..well()
        };
        assert!(live(Some(&ended)).is_err());
        let stopping = State {
            is_stopping: true,
            ..ended
        };
        assert!(live(Some(&stopping)).is_ok());
    }
}
