//! How far long work is: one line that is written over on a terminal, a plain line now and then
//! elsewhere. On standard error, so that standard output is the result's.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use radiograph_collector::clock;

/// How often a terminal's line changes.
const TERMINAL_EVERY: Duration = Duration::from_millis(200);
/// How often a plain line is written.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Writes progress, not too often.
#[derive(Debug)]
pub(crate) struct Progress {
    is_terminal: bool,
    told: Mutex<Option<Instant>>,
}

impl Progress {
    /// Progress on standard error.
    pub(crate) fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            told: Mutex::default(),
        }
    }

    /// Says how far it is, unless that was said a moment ago.
    pub(crate) fn tell(&self, text: impl Display) {
        if self.is_due(clock::instant()) {
            let mut stderr = io::stderr().lock();
            // nobody can be told that nobody can be told
            drop(if self.is_terminal {
                write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush())
            } else {
                writeln!(stderr, "radiograph: {text}")
            });
        }
    }

    /// Clears the terminal's line before something else is written.
    pub(crate) fn clear(&self) {
        if self.is_terminal {
            drop(write!(io::stderr().lock(), "\r\x1b[K"));
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let every = match self.is_terminal {
            true => TERMINAL_EVERY,
            false => PLAIN_EVERY,
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.is_none_or(|told| now.saturating_duration_since(told) >= every);
        if is_due {
            *told = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_come_every_ten_seconds_and_terminal_lines_often() {
        for (is_terminal, soon, later) in [(false, 9_999, 10_000), (true, 199, 200)] {
            let progress = Progress {
                is_terminal,
                told: Mutex::default(),
            };
            let start = clock::instant();
            let at = |millis| start + Duration::from_millis(millis);
            assert!(progress.is_due(at(0)));
            assert!(!progress.is_due(at(soon)));
            assert!(progress.is_due(at(later)));
            assert!(!progress.is_due(at(later)));
        }
    }
}
