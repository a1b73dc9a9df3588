//! Lengths of time on the command line: a number with `ms`, `s`, `m` or `h` behind it; alone it is
//! seconds, as everywhere else in Radiograph.

use std::time::Duration;

/// What is allowed, for the message.
const FORM: &str = "a time is a number with ms, s, m or h behind it, for instance 500ms or 5s";

/// The longest that is taken: what is longer is a slip.
const SPAN_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// Reads `500ms`, `5s`, `1.5m`, `2h`, `5`; more than nothing and at most 30 days.
///
/// # Errors
/// A sentence saying what is allowed.
pub(crate) fn time_span(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text.strip_prefix(digits) {
        Some("ms") => 0.001,
        Some("" | "s") => 1.0,
        Some("m") => 60.0,
        Some("h") => 3600.0,
        _ => return Err(FORM.to_owned()),
    };
    let number: f64 = digits.parse().map_err(|_| FORM.to_owned())?;
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(span) if !span.is_zero() && span <= SPAN_MAX => Ok(span),
        _ => Err(FORM.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        for (text, millis) in [
            ("500ms", 500),
            ("5s", 5_000),
            ("5", 5_000),
            ("0.5", 500),
            ("1.5m", 90_000),
            ("2h", 7_200_000),
        ] {
            assert_eq!(time_span(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_form() {
        for text in [
            "", "s", "5d", "-1s", "0", "0ms", "NaN", "inf", "1e30h", "800h", "5 s",
        ] {
            assert_eq!(time_span(text), Err(FORM.to_owned()), "{text}");
        }
    }
}
