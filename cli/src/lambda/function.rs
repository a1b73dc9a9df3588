//! What the function is: values that its environment, the APIs and the documents share.

use std::path::PathBuf;
use std::time::Duration;

use radiograph_protocol::timestamp::Timestamp;

use super::options::Mode;

/// The only version there is locally.
pub(super) const VERSION: &str = "$LATEST";

/// The function that runs.
#[derive(Debug, Clone)]
pub(super) struct Function {
    /// Letters, digits, hyphens and underscores.
    pub(super) name: String,
    /// `_HANDLER`; a program of its own need not have one.
    pub(super) handler: String,
    /// The directory of its code, absolute.
    pub(super) root: PathBuf,
    /// Where it claims to run.
    pub(super) region: String,
    /// Whose it claims to be.
    pub(super) account_id: String,
    /// What it is told to have.
    pub(super) memory_mb: u16,
    /// How long an invocation may take.
    pub(super) timeout: Duration,
    /// Whether the Lambda service's segments are sent.
    pub(super) tracing: Mode,
}

impl Function {
    /// Its ARN, without a version.
    pub(super) fn arn(&self) -> String {
        let Self {
            region,
            account_id,
            name,
            ..
        } = self;
        format!("arn:aws:lambda:{region}:{account_id}:function:{name}")
    }

    /// Its log group, as Lambda names it.
    pub(super) fn log_group(&self) -> String {
        format!("/aws/lambda/{}", self.name)
    }

    /// Whether the name in an Invoke call means this function: its name, `function` as with AWS's
    /// emulator, or an ARN, whole or from the account on; each may have the version behind it.
    pub(super) fn is_named(&self, text: &str) -> bool {
        let text = text.strip_suffix(&format!(":{VERSION}")).unwrap_or(text);
        let partial = format!("{}:function:{}", self.account_id, self.name);
        text == self.name || text == "function" || text == partial || text == self.arn()
    }
}

/// A function name out of any text, for instance a directory's name.
pub(super) fn name_from(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name: String = text.chars().filter(|c| allowed(*c)).take(64).collect();
    if name.is_empty() {
        "function".to_owned()
    } else {
        name
    }
}

/// A name of a log stream as Lambda makes them: day, version, and something that is not repeated.
pub(super) fn log_stream(now: Timestamp, random: u128) -> String {
    let day = rfc3339(now).get(..10).unwrap_or_default().replace('-', "/");
    format!("{day}/[{VERSION}]{random:032x}")
}

/// A time as telemetry events write it: UTC, with milliseconds.
pub(super) fn rfc3339(time: Timestamp) -> String {
    let civil = jiff::Timestamp::from_microsecond(time.micros()).unwrap_or(jiff::Timestamp::MAX);
    format!("{civil:.3}")
}

#[cfg(test)]
pub(super) fn example() -> Function {
    Function {
        name: "resize".to_owned(),
        handler: "app.handler".to_owned(),
        root: PathBuf::from("/srv/resize"),
        region: "us-east-1".to_owned(),
        account_id: "111122223333".to_owned(),
        memory_mb: 128,
        timeout: Duration::from_secs(3),
        tracing: Mode::Active,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_its_name_means_the_function() {
        let arn = "arn:aws:lambda:us-east-1:111122223333:function:resize";
        for (text, expected) in [
            ("resize", true),
            ("resize:$LATEST", true),
            ("function", true),
            ("111122223333:function:resize", true),
            (arn, true),
            ("crop", false),
            ("resize:7", false),
            (
                "arn:aws:lambda:eu-west-1:111122223333:function:resize",
                false,
            ),
        ] {
            assert_eq!(example().is_named(text), expected, "{text}");
        }
    }

    #[test]
    fn a_directory_gives_a_name_that_lambda_would_take() {
        for (text, expected) in [
            ("my-shop_2", "my-shop_2"),
            ("my shop.d", "myshopd"),
            ("..", "function"),
        ] {
            assert_eq!(name_from(text), expected);
        }
    }

    #[test]
    fn log_streams_and_times_look_as_lambda_writes_them() {
        let time = Timestamp::from_micros(1_700_000_040_123_456);
        assert_eq!(rfc3339(time), "2023-11-14T22:14:00.123Z");
        assert_eq!(
            log_stream(time, 0xab),
            "2023/11/14/[$LATEST]000000000000000000000000000000ab"
        );
    }
}
