//! Why a document was not taken or not delivered, and why a call failed: the labels of the counters.

use radiograph_protocol::datagram::DatagramError;

use crate::metrics::Count;
use crate::spool::ShedReason;

/// One counter per reason.
#[derive(Debug)]
pub(super) struct Labelled<R, const N: usize> {
    reasons: [R; N],
    counts: [Count; N],
}

impl<R: Copy + PartialEq, const N: usize> Labelled<R, N> {
    pub(super) fn new(reasons: [R; N]) -> Self {
        let counts = std::array::from_fn(|_| Count::default());
        Self { reasons, counts }
    }

    pub(super) fn add(&self, reason: R, count: usize) {
        let of_reason = self.reasons.iter().zip(&self.counts);
        for (_, counter) in of_reason.filter(|(each, _)| **each == reason) {
            counter.add(count);
        }
    }

    pub(super) fn values(&self, label: impl Fn(R) -> &'static str) -> Vec<(&'static str, u64)> {
        let all = self.reasons.iter().zip(&self.counts);
        all.map(|(reason, count)| (label(*reason), count.value()))
            .collect()
    }
}

/// Why a document was refused at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejected {
    NoSeparator,
    HeaderSyntax,
    Format,
    Version,
    EmptyBody,
    /// An OTLP document that is no base64.
    OtlpBase64,
    /// An OTLP document that is no protobuf message.
    OtlpProtobuf,
}

impl Rejected {
    pub(super) const ALL: [Self; 7] = [
        Self::NoSeparator,
        Self::HeaderSyntax,
        Self::Format,
        Self::Version,
        Self::EmptyBody,
        Self::OtlpBase64,
        Self::OtlpProtobuf,
    ];

    /// The frame's fault; `None` for an empty datagram, which is ignored rather than rejected.
    pub(crate) const fn frame(error: DatagramError) -> Option<Self> {
        match error {
            DatagramError::Empty => None,
            DatagramError::NoSeparator => Some(Self::NoSeparator),
            DatagramError::HeaderSyntax => Some(Self::HeaderSyntax),
            DatagramError::Format => Some(Self::Format),
            DatagramError::Version => Some(Self::Version),
            DatagramError::EmptyBody => Some(Self::EmptyBody),
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::NoSeparator => DatagramError::NoSeparator.reason(),
            Self::HeaderSyntax => DatagramError::HeaderSyntax.reason(),
            Self::Format => DatagramError::Format.reason(),
            Self::Version => DatagramError::Version.reason(),
            Self::EmptyBody => DatagramError::EmptyBody.reason(),
            Self::OtlpBase64 => "otlp_base64",
            Self::OtlpProtobuf => "otlp_protobuf",
        }
    }
}

/// Why a destination did not take a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Listed in `UnprocessedTraceSegments`.
    Unprocessed,
    /// Answered with 400 when sent alone.
    BadRequest,
    /// Answered with 413 when sent alone.
    TooLarge,
}

impl Refused {
    pub(super) const ALL: [Self; 3] = [Self::Unprocessed, Self::BadRequest, Self::TooLarge];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Unprocessed => "unprocessed",
            Self::BadRequest => "http_400",
            Self::TooLarge => "http_413",
        }
    }
}

/// Why a destination's document was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spilled {
    /// The destination's share of the memory was used up and its spool took nothing.
    BufferFull,
    /// The spool made room for newer documents, up to its bound.
    SpoolFull,
    /// The disk was full.
    DiskFull,
    /// It waited in the spool for longer than allowed.
    Expired,
    /// Its record in the spool was damaged.
    Damaged,
    /// No record of the spool could hold it.
    TooLarge,
    /// The daemon stopped, and there was no spool to take it.
    Stopped,
}

impl Spilled {
    pub(super) const ALL: [Self; 7] = [
        Self::BufferFull,
        Self::SpoolFull,
        Self::DiskFull,
        Self::Expired,
        Self::Damaged,
        Self::TooLarge,
        Self::Stopped,
    ];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::BufferFull => "buffer_full",
            Self::SpoolFull => "spool_full",
            Self::DiskFull => "disk_full",
            Self::Expired => "expired",
            Self::Damaged => "damaged",
            Self::TooLarge => "too_large",
            Self::Stopped => "stopped",
        }
    }
}

impl From<ShedReason> for Spilled {
    fn from(reason: ShedReason) -> Self {
        match reason {
            ShedReason::SpoolFull => Self::SpoolFull,
            ShedReason::DiskFull => Self::DiskFull,
            ShedReason::Expired => Self::Expired,
            ShedReason::Damaged => Self::Damaged,
            ShedReason::TooLarge => Self::TooLarge,
        }
    }
}

/// Why a call failed: the subcounters of `BackendConnectionErrors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Timeout,
    ConnectionRefused,
    Http4xx,
    Http5xx,
    UnknownHost,
    Other,
}

impl Failure {
    pub(super) const ALL: [Self; 6] = [
        Self::Timeout,
        Self::ConnectionRefused,
        Self::Http4xx,
        Self::Http5xx,
        Self::UnknownHost,
        Self::Other,
    ];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::ConnectionRefused => "connection_refused",
            Self::Http4xx => "http_4xx",
            Self::Http5xx => "http_5xx",
            Self::UnknownHost => "unknown_host",
            Self::Other => "other",
        }
    }
}
