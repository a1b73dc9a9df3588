//! The counters at one moment, for other crates and for the line at exit.

use std::fmt;

/// The daemon's counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams of one byte or more, those rejected or spilled included.
    pub received: u64,
    /// Documents that the endpoint accepted.
    pub sent: u64,
    /// Documents dropped because the buffer memory was used up.
    pub spilled: u64,
    /// Documents given up because the daemon stopped before the endpoint took them.
    pub lost: u64,
    /// Documents waiting or on their way.
    pub held: u64,
    /// Datagrams of no bytes; not part of `received`.
    pub ignored: u64,
    /// Bad frames and documents the endpoint refuses, by reason; every reason is there.
    pub rejected: Vec<(&'static str, u64)>,
    /// Entries of `UnprocessedTraceSegments` by `ErrorCode`; in `rejected` they are one number.
    pub unprocessed: Vec<(String, u64)>,
    /// Failed attempts to upload, by kind; every kind is there.
    pub upload_failures: Vec<(&'static str, u64)>,
    /// Sampling calls answered by the endpoint.
    pub proxy_forwarded: u64,
    /// Calls that the proxy does not pass on.
    pub proxy_refused: u64,
    /// Sampling calls that the endpoint did not answer.
    pub proxy_failed: u64,
}

impl Counters {
    /// All rejected documents, whatever the reason.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            received,
            sent,
            spilled,
            lost,
            held,
            ignored,
            ..
        } = self;
        let rejected = self.rejected_total();
        write!(
            f,
            "received={received} sent={sent} rejected={rejected} spilled={spilled} "
        )?;
        write!(f, "lost={lost} held={held} ignored={ignored}")?;
        let parts = [
            ("rejected", &self.rejected),
            ("upload_failures", &self.upload_failures),
        ];
        for (group, counts) in parts {
            for (label, count) in counts.iter().filter(|(_, count)| *count > 0) {
                write!(f, " {group}.{label}={count}")?;
            }
        }
        for (code, count) in &self.unprocessed {
            write!(f, " unprocessed.{code}={count}")?;
        }
        let Self {
            proxy_forwarded,
            proxy_refused,
            proxy_failed,
            ..
        } = self;
        write!(
            f,
            " proxy_forwarded={proxy_forwarded} proxy_refused={proxy_refused}"
        )?;
        write!(f, " proxy_failed={proxy_failed}")
    }
}
