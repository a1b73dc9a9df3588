//! The counters at one moment, for other crates, for `/metrics` and for the line at exit.

use std::fmt;

/// The daemon's counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// Datagrams of one byte or more and documents posted by TCP, those rejected or spilled included.
    pub received: u64,
    /// Those of them that came by TCP.
    pub received_tcp: u64,
    /// Datagrams of no bytes; not part of `received`.
    pub ignored: u64,
    /// Received, and not yet handed to the destinations.
    pub waiting: u64,
    /// Documents that the daemon's own sampling left out.
    pub sampled_out: u64,
    /// Documents refused at the door, by reason; every reason is there.
    pub rejected: Vec<(&'static str, u64)>,
    /// Documents dropped at the door, by reason.
    pub spilled: Vec<(&'static str, u64)>,
    /// OTLP documents, sampled and unsampled.
    pub otlp_documents: u64,
    /// The unsampled ones of them.
    pub otlp_unsampled: u64,
    /// Spans in OTLP documents.
    pub otlp_spans: u64,
    /// Sampling calls answered by the endpoint.
    pub proxy_forwarded: u64,
    /// GetSamplingRules answered from the last good copy.
    pub proxy_cached: u64,
    /// Calls that the proxy does not pass on.
    pub proxy_refused: u64,
    /// Sampling calls that the endpoint did not answer.
    pub proxy_failed: u64,
    /// What each destination did with the rest.
    pub destinations: Vec<DestinationCounters>,
}

/// One destination's counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DestinationCounters {
    /// As configured.
    pub name: String,
    /// Documents found in its spool at the start.
    pub inherited: u64,
    /// Documents that it accepted.
    pub sent: u64,
    /// Those of them that had waited in the spool.
    pub replayed: u64,
    /// Documents in its spool now.
    pub spooled: u64,
    /// Bytes of the spool's files.
    pub spool_bytes: u64,
    /// Age of the spool's oldest document, seconds.
    pub spool_oldest_seconds: u64,
    /// Documents in memory: waiting or on their way.
    pub held: u64,
    /// Documents it refused, by reason; every reason is there.
    pub rejected: Vec<(&'static str, u64)>,
    /// Documents given up, by reason; every reason is there.
    pub spilled: Vec<(&'static str, u64)>,
    /// Failed calls by kind; every kind is there.
    pub failures: Vec<(&'static str, u64)>,
    /// Entries of `UnprocessedTraceSegments` by `ErrorCode`; in `rejected` they are one number.
    pub unprocessed: Vec<(String, u64)>,
    /// Whether the last call reached it; true before the first.
    pub is_up: bool,
    /// Why it cannot be reached.
    pub down_reason: Option<String>,
}

impl Counters {
    /// What was received and is in no counter of this destination: zero whenever nothing moves.
    /// `None` when there is no such destination.
    #[must_use]
    pub fn unaccounted(&self, destination: &str) -> Option<i64> {
        let of = self
            .destinations
            .iter()
            .find(|each| each.name == destination)?;
        let door = sum(&self.rejected) + sum(&self.spilled) + self.sampled_out + self.waiting;
        let ends = of.sent + of.spooled + of.held + sum(&of.rejected) + sum(&of.spilled);
        let begun = self.received + of.inherited;
        Some(signed(begun).saturating_sub(signed(door + ends)))
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// All counts together, whatever the reason.
pub(crate) fn sum<L>(counts: &[(L, u64)]) -> u64 {
    counts.iter().map(|(_, count)| count).sum()
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            received,
            sampled_out,
            waiting,
            ignored,
            proxy_forwarded,
            proxy_cached,
            proxy_refused,
            proxy_failed,
            ..
        } = self;
        let (rejected, spilled) = (sum(&self.rejected), sum(&self.spilled));
        write!(
            f,
            "received={received} rejected={rejected} sampled_out={sampled_out} spilled={spilled} \
             waiting={waiting} ignored={ignored}"
        )?;
        write_occurred(f, "rejected", &self.rejected)?;
        write!(
            f,
            " proxy_forwarded={proxy_forwarded} proxy_cached={proxy_cached} \
             proxy_refused={proxy_refused} proxy_failed={proxy_failed}"
        )?;
        self.destinations
            .iter()
            .try_for_each(|destination| write!(f, " | {destination}"))
    }
}

impl fmt::Display for DestinationCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            inherited,
            sent,
            spooled,
            held,
            ..
        } = self;
        let (rejected, spilled) = (sum(&self.rejected), sum(&self.spilled));
        write!(
            f,
            "{name}: inherited={inherited} sent={sent} spooled={spooled} held={held} \
             rejected={rejected} spilled={spilled}"
        )?;
        write_occurred(f, "rejected", &self.rejected)?;
        write_occurred(f, "spilled", &self.spilled)?;
        write_occurred(f, "failures", &self.failures)?;
        write_occurred(f, "unprocessed", &self.unprocessed)
    }
}

fn write_occurred<L: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    group: &str,
    counts: &[(L, u64)],
) -> fmt::Result {
    let occurred = counts.iter().filter(|(_, count)| *count > 0);
    occurred
        .into_iter()
        .try_for_each(|(label, count)| write!(f, " {group}.{label}={count}"))
}
