//! The flags of `radiograph demo`.

use std::num::FpCategory;
use std::time::Duration;

use clap::Args;

use super::address::udp_address;

/// Send the traffic of a small shop to a daemon, until stopped or for a number of traces.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// UDP address of the daemon. Takes what X-Ray SDKs take in the variable: `host:port`, or
    /// `tcp:host:port udp:host:port`, of which the second part counts.
    #[arg(
        long,
        env = "AWS_XRAY_DAEMON_ADDRESS",
        default_value = "127.0.0.1:2000",
        value_parser = udp_address
    )]
    pub(crate) daemon_address: String,

    /// End after so many traces; without it, go on until SIGINT or SIGTERM.
    #[arg(long, value_name = "N")]
    pub(crate) traces: Option<u64>,

    /// Traces per second, fractions allowed; 0 is as fast as a daemon takes them.
    #[arg(long, default_value = "5", value_name = "N", value_parser = rate)]
    pub(crate) rate: Rate,

    /// Makes the traffic repeat itself: the same seed gives the same requests with the same
    /// outcomes. Times and trace ids follow the clock.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// Traces per second as the time from one to the next; `None` waits for nothing but the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate(pub(crate) Option<Duration>);

/// Above this the pauses between datagrams, not the rate, would say how fast it goes.
const RATE_MAX: f64 = 1_000.0;
/// One trace in a quarter of an hour; whoever wants fewer sends them by hand.
const RATE_MIN: f64 = 0.001;

fn rate(text: &str) -> Result<Rate, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.classify() == FpCategory::Zero => Ok(Rate(None)),
        Ok(rate) if (RATE_MIN..=RATE_MAX).contains(&rate) => {
            Ok(Rate(Some(Duration::from_secs_f64(rate.recip()))))
        }
        _ => Err(format!(
            "traces per second are a number from {RATE_MIN} to {RATE_MAX}, or 0 for no limit"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Rate, rate};

    #[test]
    fn a_rate_is_the_time_between_two_traces() {
        for (text, expected) in [
            ("0", None),
            ("5", Some(Duration::from_millis(200))),
            ("0.001", Some(Duration::from_secs(1000))),
            ("1000", Some(Duration::from_millis(1))),
        ] {
            assert_eq!(rate(text), Ok(Rate(expected)), "{text}");
        }
    }

    #[test]
    fn other_rates_are_refused_with_the_range_allowed() {
        for text in ["-1", "0.0009", "1000.1", "NaN", "inf", "1e-300", "five", ""] {
            assert_eq!(
                rate(text).unwrap_err(),
                "traces per second are a number from 0.001 to 1000, or 0 for no limit",
                "{text}"
            );
        }
    }
}
