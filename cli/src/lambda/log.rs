//! The log of one environment: lines of function and extensions as they come, and Lambda's own lines.
//!
//! Lines go to the output they were written to, whole, so that processes do not tear each other's;
//! with `--event` everything goes to standard error, since standard output is the result's. The last 4 KB
//! of an invocation are kept for callers that ask for them (`LogType: Tail`).

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use radiograph_protocol::ids::{SegmentId, TraceId};
use serde_json::json;

use super::function::VERSION;
use super::telemetry::{Kind, Telemetry};

/// What Invoke returns of a log.
const TAIL_BYTES_MAX: usize = 4096;

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    /// The function or an extension.
    pub(super) kind: Kind,
    /// Whether it was written to standard error.
    pub(super) is_error: bool,
}

/// The log.
#[derive(Debug)]
pub(super) struct Log {
    telemetry: Arc<Telemetry>,
    all_to_stderr: bool,
    tail: Mutex<VecDeque<u8>>,
}

impl Log {
    /// A log whose lines subscribers of telemetry get too.
    pub(super) fn new(telemetry: Arc<Telemetry>, all_to_stderr: bool) -> Self {
        Self {
            telemetry,
            all_to_stderr,
            tail: Mutex::default(),
        }
    }

    /// A line of a process.
    pub(super) fn line(&self, source: Source, line: &str) {
        // Python's client separates the lines of one message by carriage returns
        self.write(&line.replace('\r', "\n"), source.is_error);
        let name = match source.kind {
            Kind::Extension => "extension",
            Kind::Function | Kind::Platform => "function",
        };
        self.telemetry.emit(source.kind, name, &json!(line));
    }

    /// A line of Lambda's own; telemetry has events instead.
    pub(super) fn platform(&self, line: &str) {
        self.write(line, false);
    }

    /// Forgets what earlier invocations wrote.
    pub(super) fn clear_tail(&self) {
        self.tail
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The end of what was written since.
    pub(super) fn tail(&self) -> Vec<u8> {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.iter().copied().collect()
    }

    fn write(&self, line: &str, is_error: bool) {
        let written = if is_error || self.all_to_stderr {
            let mut stderr = io::stderr().lock();
            writeln!(stderr, "{line}")
        } else {
            let mut stdout = io::stdout().lock();
            writeln!(stdout, "{line}").and_then(|()| stdout.flush())
        };
        // nobody can be told when that is not possible
        drop(written);
        self.remember(line);
    }

    fn remember(&self, line: &str) {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(line.bytes().chain([b'\n']));
        let excess = tail.len().saturating_sub(TAIL_BYTES_MAX);
        tail.drain(..excess);
    }
}

/// The line before an invocation.
pub(super) fn start(request_id: &str) -> String {
    format!("START RequestId: {request_id} Version: {VERSION}")
}

/// The line after it.
pub(super) fn end(request_id: &str) -> String {
    format!("END RequestId: {request_id}")
}

/// What REPORT says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report<'a> {
    /// The invocation.
    pub(super) request_id: &'a str,
    /// From the hand-over of the event to the end.
    pub(super) duration: Duration,
    /// Of an initialization that was part of it.
    pub(super) initialization: Option<Duration>,
    /// What the function is told to have.
    pub(super) memory_mb: u16,
    /// The most that its process has had; none where that has ended.
    pub(super) memory_used_mb: Option<u64>,
    /// `timeout`, `error` or `failure`, unless all went well.
    pub(super) status: Option<&'a str>,
    /// The trace and the function's segment, if they are recorded.
    pub(super) trace: Option<(TraceId, SegmentId)>,
}

/// The line that sums an invocation up.
pub(super) fn report(report: &Report<'_>) -> String {
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let duration = millis(report.duration);
    let mut line = format!(
        "REPORT RequestId: {}\tDuration: {duration:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {} MB\t",
        report.request_id,
        duration.ceil(),
        report.memory_mb
    );
    if let Some(used) = report.memory_used_mb {
        line += &format!("Max Memory Used: {used} MB\t");
    }
    if let Some(initialization) = report.initialization {
        line += &format!("Init Duration: {:.2} ms\t", millis(initialization));
    }
    if let Some((trace, segment)) = report.trace {
        line += &format!("XRAY TraceId: {trace}\tSegmentId: {segment}\tSampled: true\t");
    }
    if let Some(status) = report.status {
        line += &format!("Status: {status}\t");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambdas_lines_have_the_form_that_tools_match() {
        assert_eq!(start("r-1"), "START RequestId: r-1 Version: $LATEST");
        assert_eq!(end("r-1"), "END RequestId: r-1");
        let plain = Report {
            request_id: "r-1",
            duration: Duration::from_micros(12_300),
            initialization: None,
            memory_mb: 128,
            memory_used_mb: Some(37),
            status: None,
            trace: None,
        };
        let line = "REPORT RequestId: r-1\tDuration: 12.30 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 37 MB\t";
        assert_eq!(report(&plain), line);
        let full = Report {
            initialization: Some(Duration::from_millis(200)),
            status: Some("timeout"),
            trace: Some((
                TraceId::parse("1-6553f128-000000000000000000000005").unwrap(),
                SegmentId::from_bits(2).unwrap(),
            )),
            ..plain
        };
        let more = "Init Duration: 200.00 ms\tXRAY TraceId: 1-6553f128-000000000000000000000005\tSegmentId: 0000000000000002\tSampled: true\tStatus: timeout\t";
        assert!(report(&full).ends_with(more), "{}", report(&full));
    }

    #[test]
    fn the_tail_is_the_end_of_the_log() {
        let log = Log::new(Arc::default(), true);
        log.remember(&"x".repeat(5000));
        log.remember("end");
        let tail = log.tail();
        assert_eq!(tail.len(), TAIL_BYTES_MAX);
        assert!(tail.ends_with(b"x\nend\n"));
        log.clear_tail();
        assert_eq!(log.tail(), b"");
    }
}
