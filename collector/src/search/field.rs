//! Numbers of what is indexed: the flags of a trace and of a segment, and the texts.

use crate::filter::keyword::{CauseList, FlagKeyword, TextKeyword};
use crate::trace::facts::{EntityFacts, SegmentFacts, SegmentKind};

/// A flag of a trace as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TraceFlag {
    /// The root has no flag.
    Ok,
    /// There is a root.
    HasRoot,
    Error,
    Fault,
    Throttle,
    Partial,
    Inferred,
    /// There are root causes of faults.
    FaultCause,
    /// There are root causes of errors.
    ErrorCause,
    /// There are root causes of the response time.
    TimeCause,
}

impl TraceFlag {
    pub(super) const ALL: [Self; 10] = [
        Self::Ok,
        Self::HasRoot,
        Self::Error,
        Self::Fault,
        Self::Throttle,
        Self::Partial,
        Self::Inferred,
        Self::FaultCause,
        Self::ErrorCause,
        Self::TimeCause,
    ];

    /// The flag that a keyword asks for outside of all braces.
    pub(super) const fn of(keyword: FlagKeyword) -> Option<Self> {
        Some(match keyword {
            FlagKeyword::Ok => Self::Ok,
            FlagKeyword::Error => Self::Error,
            FlagKeyword::Fault => Self::Fault,
            FlagKeyword::Throttle => Self::Throttle,
            FlagKeyword::Partial => Self::Partial,
            FlagKeyword::Inferred => Self::Inferred,
            FlagKeyword::Root | FlagKeyword::First | FlagKeyword::Last | FlagKeyword::Remote => {
                return None;
            }
        })
    }
}

/// Flags of a segment or call in a byte.
pub(super) const FLAG_BITS: u8 = 7;

/// The place of a keyword in that byte; `None` when neither segment nor call has it.
pub(super) const fn flag_bit(keyword: FlagKeyword) -> Option<u8> {
    Some(match keyword {
        FlagKeyword::Ok => 0,
        FlagKeyword::Error => 1,
        FlagKeyword::Fault => 2,
        FlagKeyword::Throttle => 3,
        FlagKeyword::Partial => 4,
        FlagKeyword::Inferred => 5,
        FlagKeyword::Root => 6,
        FlagKeyword::First | FlagKeyword::Last | FlagKeyword::Remote => return None,
    })
}

/// The flags of a call.
pub(super) fn call_flags(entity: &EntityFacts) -> u8 {
    let flags = entity.flags;
    let is_ok = !(flags.fault || flags.error || flags.throttle);
    let bits = [
        is_ok,
        flags.error,
        flags.fault,
        flags.throttle,
        entity.end.is_none(),
    ];
    (0..).zip(bits).fold(0, |byte, (place, is_set)| {
        byte | (u8::from(is_set) << place)
    })
}

/// The flags of a segment.
pub(super) fn segment_flags(segment: &SegmentFacts, entity: &EntityFacts) -> u8 {
    let is_inferred = segment.kind == SegmentKind::Inferred;
    call_flags(entity) | (u8::from(is_inferred) << 5) | (u8::from(segment.is_root) << 6)
}

/// A text that is indexed: of the trace as a whole, or of its root causes of faults and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextField(u8);

/// What of a root cause is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CausePart {
    ServiceName,
    ServiceType,
    ServiceAccount,
    EntityName,
    ExceptionName,
    ExceptionMessage,
}

impl TextField {
    pub(super) const COUNT: usize = 21;
    pub(super) const URL: Self = Self(0);
    pub(super) const METHOD: Self = Self(1);
    pub(super) const USER_AGENT: Self = Self(2);
    pub(super) const CLIENT_IP: Self = Self(3);
    pub(super) const USER: Self = Self(4);
    pub(super) const ZONE: Self = Self(5);
    pub(super) const INSTANCE: Self = Self(6);
    pub(super) const RESOURCE: Self = Self(7);
    pub(super) const ACCOUNT: Self = Self(8);

    /// The text that a keyword asks for outside of all braces; `None` when it means nothing there.
    pub(super) const fn of(keyword: TextKeyword) -> Option<Self> {
        Some(match keyword {
            TextKeyword::HttpUrl => Self::URL,
            TextKeyword::HttpMethod => Self::METHOD,
            TextKeyword::HttpUserAgent => Self::USER_AGENT,
            TextKeyword::HttpClientIp => Self::CLIENT_IP,
            TextKeyword::User => Self::USER,
            TextKeyword::AvailabilityZone => Self::ZONE,
            TextKeyword::InstanceId => Self::INSTANCE,
            TextKeyword::ResourceArn => Self::RESOURCE,
            TextKeyword::AccountId => Self::ACCOUNT,
            TextKeyword::Name | TextKeyword::Type | TextKeyword::Message => return None,
        })
    }

    /// A part of the root causes of errors, else of faults.
    pub(super) const fn of_cause(is_error: bool, part: CausePart) -> Self {
        let from = if is_error { 15 } else { 9 };
        Self(from + part as u8)
    }

    /// What a keyword asks of the elements of a list; `None` when that is not indexed.
    pub(super) const fn of_list(list: CauseList, keyword: TextKeyword) -> Option<Self> {
        let is_error = match list {
            CauseList::ErrorService | CauseList::ErrorEntity | CauseList::ErrorException => true,
            CauseList::FaultService | CauseList::FaultEntity | CauseList::FaultException => false,
            CauseList::ResponseTimeService | CauseList::ResponseTimeEntity => return None,
        };
        let part = match (list, keyword) {
            (CauseList::FaultService | CauseList::ErrorService, TextKeyword::Name) => {
                CausePart::ServiceName
            }
            (CauseList::FaultService | CauseList::ErrorService, TextKeyword::Type) => {
                CausePart::ServiceType
            }
            (CauseList::FaultService | CauseList::ErrorService, TextKeyword::AccountId) => {
                CausePart::ServiceAccount
            }
            (CauseList::FaultEntity | CauseList::ErrorEntity, TextKeyword::Name) => {
                CausePart::EntityName
            }
            (CauseList::FaultException | CauseList::ErrorException, TextKeyword::Name) => {
                CausePart::ExceptionName
            }
            (CauseList::FaultException | CauseList::ErrorException, TextKeyword::Message) => {
                CausePart::ExceptionMessage
            }
            _ => return None,
        };
        Some(Self::of_cause(is_error, part))
    }

    pub(super) const fn place(self) -> usize {
        self.0 as usize
    }
}
