//! The delay before the next attempt. Pure: the random draw and the time are arguments.
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

/// The value of a `Retry-After` header, at `now` since the Unix epoch: whole seconds, or the date of
/// RFC 9110 section 5.6.7 (`Wed, 21 Oct 2026 07:28:00 GMT`), of which one that has passed means at
/// once. `None` for anything else.
pub(crate) fn retry_after(value: &str, now: Duration) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    let until = u64::try_from(date.timestamp().as_second()).unwrap_or_default();
    Some(Duration::from_secs(until).saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Wed, 21 Oct 2026 07:28:00 GMT.
    const NOW: Duration = Duration::from_secs(1_792_567_680);

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
            let after = retry_after(&format!(" {seconds} "), NOW);
            assert_eq!(
                delay(1, after, 1.0),
                Duration::from_millis(millis),
                "{seconds} s"
            );
        }
    }

    #[test]
    fn a_retry_after_with_a_date_means_the_time_until_then() {
        let cases = [
            ("Wed, 21 Oct 2026 07:28:30 GMT", 30),
            ("Wed, 21 Oct 2026 08:28:00 GMT", 3_600),
            ("Wed, 21 Oct 2026 07:28:00 GMT", 0),
            ("Tue, 20 Oct 2026 07:28:00 GMT", 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", 0),
        ];
        for (value, seconds) in cases {
            let after = retry_after(value, NOW);
            assert_eq!(after, Some(Duration::from_secs(seconds)), "{value}");
        }
        let shortly_before = NOW - Duration::from_millis(300);
        let after = retry_after("Wed, 21 Oct 2026 07:28:00 GMT", shortly_before);
        assert_eq!(after, Some(Duration::from_millis(300)));
    }

    #[test]
    fn a_retry_after_that_is_neither_number_nor_date_counts_as_absent() {
        let values = [
            "",
            "-1",
            "1.5",
            "soon",
            "99999999999999999999",
            "Wed, 21 Oct 2026",
            "Wed, 32 Oct 2026 07:28:00 GMT",
            "2026-10-21T07:28:00Z",
        ];
        for value in values {
            assert_eq!(retry_after(value, NOW), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn property_a_delay_stays_in_its_bounds(failures in any::<u32>(), draw in 0.0..1.0_f64) {
            let delay = delay(failures, None, draw);
            prop_assert!(delay >= DELAY_MIN / 2 && delay <= DELAY_MAX);
        }

        #[test]
        fn property_no_retry_after_makes_the_delay_longer_than_five_minutes(value in "\\PC{0,40}") {
            let delay = delay(1, retry_after(&value, NOW), 1.0);
            prop_assert!((DELAY_MIN..=RETRY_AFTER_MAX).contains(&delay));
        }
    }
}
