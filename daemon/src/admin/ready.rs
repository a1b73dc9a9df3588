//! Whether the daemon lives, and whether it would do its work now. Pure.
//!
//! It is ready when it receives, is not about to end, nothing of its own is broken, and at least one
//! destination answers, or has not been asked yet. One that is away among several is told but does not
//! unready the daemon. With all of them away segments are still taken, into memory and spool; "not
//! ready" is then the alarm. Who restarts what is unhealthy asks `/livez`, which an outage does not
//! concern: a restart would not end it.

use radiograph_admin::{Verdict, lines};

use crate::admin::State;

/// `ok`, or why a restart would help.
pub(super) fn live(state: &State, is_stopping: bool) -> Verdict {
    if state.is_receiving || is_stopping {
        Ok("ok\n".to_owned())
    } else {
        Err("receiving thread has ended\n".to_owned())
    }
}

/// `ok` with what is amiss nevertheless, or the reasons; a line each.
pub(super) fn ready(state: &State, is_stopping: bool) -> Verdict {
    let mut reasons = Vec::new();
    if is_stopping {
        reasons.push("stopping".to_owned());
    } else if !state.is_receiving {
        reasons.push("receiving thread has ended".to_owned());
    }
    reasons.extend(state.troubles.iter().cloned());
    let destinations = &state.counters.destinations;
    let down = destinations.iter().filter(|each| !each.is_up).map(|each| {
        let reason = each.down_reason.as_deref().unwrap_or("down");
        format!("destination {}: {reason}", each.name)
    });
    let has_one = destinations.iter().any(|each| each.is_up);
    let is_ready = reasons.is_empty() && has_one;
    reasons.extend(down);
    if is_ready {
        return Ok(lines(["ok".to_owned()].into_iter().chain(reasons)));
    }
    if reasons.is_empty() {
        reasons.push("no destination".to_owned());
    }
    Err(lines(reasons.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Counters, DestinationCounters};

    fn state(is_receiving: bool, troubles: &[&str], down: &[Option<&str>]) -> State {
        let destination = |(number, reason): (usize, &Option<&str>)| DestinationCounters {
            name: format!("d{number}"),
            is_up: reason.is_none(),
            down_reason: reason
                .filter(|reason| !reason.is_empty())
                .map(str::to_owned),
            ..DestinationCounters::default()
        };
        State {
            is_receiving,
            troubles: troubles.iter().map(|text| (*text).to_owned()).collect(),
            counters: Counters {
                destinations: down.iter().enumerate().map(destination).collect(),
                ..Counters::default()
            },
            ..State::default()
        }
    }

    #[test]
    fn readiness_has_a_line_per_reason() {
        let refused = Some("down for 12 s: connection refused");
        type Case<'a> = (&'a str, State, bool, Result<&'a str, &'a str>);
        let cases: [Case<'_>; 9] = [
            ("all is well", state(true, &[], &[None]), false, Ok("ok\n")),
            (
                "one of two is away",
                state(true, &[], &[refused, None]),
                false,
                Ok("ok\ndestination d0: down for 12 s: connection refused\n"),
            ),
            (
                "the only one is away",
                state(true, &[], &[refused]),
                false,
                Err("destination d0: down for 12 s: connection refused\n"),
            ),
            (
                "all are away, one without a reason",
                state(true, &[], &[Some(""), refused]),
                false,
                Err("destination d0: down\ndestination d1: down for 12 s: connection refused\n"),
            ),
            (
                "the spool is broken",
                state(true, &["spool: read-only"], &[None]),
                false,
                Err("spool: read-only\n"),
            ),
            (
                "nobody receives",
                state(false, &[], &[None]),
                false,
                Err("receiving thread has ended\n"),
            ),
            (
                "it is stopping",
                state(false, &[], &[None]),
                true,
                Err("stopping\n"),
            ),
            (
                "everything at once",
                state(false, &["a", "b"], &[refused]),
                false,
                Err("receiving thread has ended\na\nb\n\
                     destination d0: down for 12 s: connection refused\n"),
            ),
            (
                "no destination at all",
                state(true, &[], &[]),
                false,
                Err("no destination\n"),
            ),
        ];
        for (name, state, is_stopping, expected) in cases {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(ready(&state, is_stopping), expected, "{name}");
        }
    }

    #[test]
    fn only_a_receiver_that_ended_by_itself_is_worth_a_restart() {
        let outage = Some("down");
        assert_eq!(
            live(&state(true, &[], &[outage]), false),
            Ok("ok\n".to_owned())
        );
        assert_eq!(
            live(&state(false, &[], &[None]), true),
            Ok("ok\n".to_owned())
        );
        let ended = live(&state(false, &[], &[None]), false);
        assert_eq!(ended, Err("receiving thread has ended\n".to_owned()));
    }
}
