//! Why a document was not taken, and why an attempt to upload failed: the labels of the counters.

use radiograph_protocol::datagram::DatagramError;

/// Why a document was not taken: by the daemon (bad frame), or by the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejected {
    NoSeparator,
    HeaderSyntax,
    Format,
    Version,
    EmptyBody,
    /// Listed in `UnprocessedTraceSegments`.
    Unprocessed,
    /// Answered with 400 when sent alone.
    BadRequest,
    /// Answered with 413 when sent alone.
    TooLarge,
    /// Its batch was answered with a status that no later attempt will change.
    Refused,
}

impl Rejected {
    pub(super) const ALL: [Self; 9] = [
        Self::NoSeparator,
        Self::HeaderSyntax,
        Self::Format,
        Self::Version,
        Self::EmptyBody,
        Self::Unprocessed,
        Self::BadRequest,
        Self::TooLarge,
        Self::Refused,
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

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::NoSeparator => DatagramError::NoSeparator.reason(),
            Self::HeaderSyntax => DatagramError::HeaderSyntax.reason(),
            Self::Format => DatagramError::Format.reason(),
            Self::Version => DatagramError::Version.reason(),
            Self::EmptyBody => DatagramError::EmptyBody.reason(),
            Self::Unprocessed => "unprocessed",
            Self::BadRequest => "http_400",
            Self::TooLarge => "http_413",
            Self::Refused => "http_other",
        }
    }
}

/// Why an attempt to upload failed: the subcounters of `BackendConnectionErrors`.
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

    pub(super) const fn label(self) -> &'static str {
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
