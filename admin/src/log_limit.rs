//! Keeps a log line that input from outside can cause from being written without end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Admits so many lines per window and counts the others.
#[derive(Debug)]
pub struct LogLimit {
    window: Duration,
    lines_max: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    opened: Option<Instant>,
    lines: u32,
    suppressed: u64,
}

impl LogLimit {
    /// At most `lines_max` lines in a window.
    #[must_use]
    pub const fn new(lines_max: u32, window: Duration) -> Self {
        let state = State {
            opened: None,
            lines: 0,
            suppressed: 0,
        };
        Self {
            window,
            lines_max,
            state: Mutex::new(state),
        }
    }

    /// Ten lines a minute: what each deserves a look on its own (`spec/daemon.md` section 2.1).
    #[must_use]
    pub const fn ten_per_minute() -> Self {
        Self::new(10, Duration::from_secs(60))
    }

    /// Ten lines a second: what tells of the usual course of things.
    #[must_use]
    pub const fn ten_per_second() -> Self {
        Self::new(10, Duration::from_secs(1))
    }

    /// One line in ten seconds: what repeats as long as its cause lasts.
    #[must_use]
    pub const fn one_in_ten_seconds() -> Self {
        Self::new(1, Duration::from_secs(10))
    }

    /// Whether a line may be written now, and how many `events` stayed unwritten since the last one;
    /// `events` is how many this line stands for.
    pub fn admit(&self, now: Instant, events: u64) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = state
            .opened
            .is_none_or(|opened| now.saturating_duration_since(opened) >= self.window);
        if is_over {
            state.opened = Some(now);
            state.lines = 0;
        }
        if state.lines >= self.lines_max {
            state.suppressed += events;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a moment to count from; there is no other way to one"
    )]
    fn lines_beyond_the_limit_are_counted_and_told_by_the_next_one() {
        let limit = LogLimit::new(2, Duration::from_secs(60));
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(limit.admit(start, 1), Some(0));
        assert_eq!(limit.admit(after(1), 1), Some(0));
        assert_eq!(limit.admit(after(2), 1), None);
        assert_eq!(limit.admit(after(59), 7), None);
        assert_eq!(limit.admit(after(60), 1), Some(8));
        assert_eq!(limit.admit(after(61), 1), Some(0));
        assert_eq!(limit.admit(after(62), 1), None);
    }
}
