//! The delay before the next attempt. Pure: the random draw is an argument.
//!
//! Source: `spec/daemon.md` section 4.3: exponential from 0.2 to 30 s with jitter, honouring
//! `Retry-After`.

use std::time::Duration;

const DELAY_MIN: Duration = Duration::from_millis(200);
const DELAY_MAX: Duration = Duration::from_secs(30);

/// The longest `Retry-After` that is believed; an endpoint's slip must not silence the daemon.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// How long to wait after `failures` failures in a row, with `draw` in `0.0..1.0`.
///
/// Half of the delay is fixed and half is drawn: senders that failed together come back apart.
/// With a `Retry-After` it is never shorter than that.
pub(crate) fn delay(failures: u32, retry_after: Option<Duration>, draw: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = DELAY_MIN.saturating_mul(1 << doublings).min(DELAY_MAX);
    let delay = full.mul_f64(0.5 + 0.5 * draw.clamp(0.0, 1.0));
    let least = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
    delay.max(least)
}

/// The value of a `Retry-After` header in whole seconds; a date is not understood and counts as
/// absent.
pub(crate) fn retry_after(value: &str) -> Option<Duration> {
    value.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn delays_double_from_a_fifth_of_a_second_to_half_a_minute() {
        let cases = [
            (0, 200),
            (1, 200),
            (2, 400),
            (3, 800),
            (7, 12_800),
            (8, 25_600),
            (9, 30_000),
            (u32::MAX, 30_000),
        ];
        for (failures, millis) in cases {
            let full = Duration::from_millis(millis);
            assert_eq!(
                delay(failures, None, 1.0),
                full,
                "{failures} failures, longest"
            );
            assert_eq!(
                delay(failures, None, 0.0),
                full / 2,
                "{failures} failures, shortest"
            );
        }
    }

    #[test]
    fn retry_after_is_honoured_up_to_five_minutes() {
        let cases = [(0, 200), (1, 1_000), (300, 300_000), (86_400, 300_000)];
        for (seconds, millis) in cases {
            let after = retry_after(&format!(" {seconds} "));
            assert_eq!(
                delay(1, after, 1.0),
                Duration::from_millis(millis),
                "{seconds} s"
            );
        }
    }

    #[test]
    fn a_retry_after_that_is_no_number_counts_as_absent() {
        for value in ["", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(retry_after(value), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn property_a_delay_stays_in_its_bounds(failures in any::<u32>(), draw in 0.0..1.0_f64) {
            let delay = delay(failures, None, draw);
            prop_assert!(delay >= DELAY_MIN / 2 && delay <= DELAY_MAX);
        }
    }
}
