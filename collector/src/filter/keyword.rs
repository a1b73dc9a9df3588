//! The keywords: their spelling, their kind, and where each may stand.
//! Source: `spec/filter-expressions.md` sections 2 and 5.

/// Keywords for flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlagKeyword {
    Ok,
    Error,
    Fault,
    Throttle,
    Partial,
    Inferred,
    Root,
    First,
    Last,
    Remote,
}

/// Keywords for numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberKeyword {
    ResponseTime,
    Duration,
    HttpStatus,
    Index,
    Coverage,
}

/// Keywords for strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextKeyword {
    HttpUrl,
    HttpMethod,
    HttpUserAgent,
    HttpClientIp,
    User,
    AvailabilityZone,
    InstanceId,
    ResourceArn,
    AccountId,
    Name,
    Type,
    Message,
}

/// A keyword with its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    /// True or false.
    Flag(FlagKeyword),
    /// A number.
    Number(NumberKeyword),
    /// A string.
    Text(TextKeyword),
}

/// What a keyword is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The whole trace.
    Trace,
    /// A segment of a service.
    Segment,
    /// A call.
    Call,
    /// A service of a root cause.
    CauseService,
    /// An entity of the root cause of a fault or error.
    CauseEntity,
    /// An entity of the root cause of a response time.
    CoveredEntity,
    /// An exception of a root cause.
    CauseException,
}

/// Everywhere in a root cause.
const CAUSE: [Scope; 4] = [
    Scope::CauseService,
    Scope::CauseEntity,
    Scope::CoveredEntity,
    Scope::CauseException,
];

/// Every simple keyword.
pub(crate) const KEYWORDS: [(&str, Keyword, &[Scope]); 27] = {
    use FlagKeyword as Is;
    use Keyword::{Flag, Number, Text};
    use Scope::{Call, CauseEntity, CauseException, CauseService, CoveredEntity, Segment, Trace};
    [
        ("ok", Flag(Is::Ok), &[Trace, Segment, Call]),
        ("error", Flag(Is::Error), &[Trace, Segment, Call]),
        ("fault", Flag(Is::Fault), &[Trace, Segment, Call]),
        ("throttle", Flag(Is::Throttle), &[Trace, Segment, Call]),
        ("partial", Flag(Is::Partial), &[Trace, Segment, Call]),
        (
            "inferred",
            Flag(Is::Inferred),
            &[Trace, Segment, CauseService],
        ),
        ("root", Flag(Is::Root), &[Segment]),
        ("first", Flag(Is::First), &CAUSE),
        ("last", Flag(Is::Last), &CAUSE),
        ("remote", Flag(Is::Remote), &[CauseEntity, CoveredEntity]),
        (
            "responsetime",
            Number(NumberKeyword::ResponseTime),
            &[Trace, Segment, Call],
        ),
        (
            "duration",
            Number(NumberKeyword::Duration),
            &[Trace, Segment, Call],
        ),
        (
            "http.status",
            Number(NumberKeyword::HttpStatus),
            &[Trace, Segment, Call],
        ),
        ("index", Number(NumberKeyword::Index), &CAUSE),
        (
            "coverage",
            Number(NumberKeyword::Coverage),
            &[CoveredEntity],
        ),
        (
            "http.url",
            Text(TextKeyword::HttpUrl),
            &[Trace, Segment, Call],
        ),
        (
            "http.method",
            Text(TextKeyword::HttpMethod),
            &[Trace, Segment, Call],
        ),
        (
            "http.useragent",
            Text(TextKeyword::HttpUserAgent),
            &[Trace, Segment, Call],
        ),
        (
            "http.clientip",
            Text(TextKeyword::HttpClientIp),
            &[Trace, Segment, Call],
        ),
        ("user", Text(TextKeyword::User), &[Trace, Segment]),
        (
            "availabilityzone",
            Text(TextKeyword::AvailabilityZone),
            &[Trace, Segment],
        ),
        (
            "instance.id",
            Text(TextKeyword::InstanceId),
            &[Trace, Segment],
        ),
        (
            "resource.arn",
            Text(TextKeyword::ResourceArn),
            &[Trace, Segment],
        ),
        (
            "account.id",
            Text(TextKeyword::AccountId),
            &[Trace, Segment, CauseService],
        ),
        (
            "name",
            Text(TextKeyword::Name),
            &[
                Segment,
                CauseService,
                CauseEntity,
                CoveredEntity,
                CauseException,
            ],
        ),
        ("type", Text(TextKeyword::Type), &[Segment, CauseService]),
        ("message", Text(TextKeyword::Message), &[CauseException]),
    ]
};

impl Keyword {
    /// The keyword that a word, in whatever case, is where it stands.
    pub(crate) fn find(word: &str, scope: Scope) -> Option<Self> {
        KEYWORDS
            .iter()
            .find(|(spelling, ..)| spelling.eq_ignore_ascii_case(word))
            .filter(|(_, _, scopes)| scopes.contains(&scope))
            .map(|(_, keyword, _)| *keyword)
    }

    /// How it is spelled.
    pub(crate) fn spelling(self) -> &'static str {
        KEYWORDS
            .iter()
            .find(|(_, keyword, _)| *keyword == self)
            .map_or("", |(spelling, ..)| spelling)
    }
}

impl Scope {
    /// Every simple keyword that may stand there, for people.
    pub(crate) fn keywords(self) -> String {
        let allowed = KEYWORDS
            .iter()
            .filter(|(_, _, scopes)| scopes.contains(&self));
        let spellings: Vec<&str> = allowed.map(|(spelling, ..)| *spelling).collect();
        spellings.join(", ")
    }
}

/// The list that a root-cause term walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CauseList {
    /// `Services` of the fault causes.
    FaultService,
    /// All `EntityPath` entries of a fault cause.
    FaultEntity,
    /// All `Exceptions` of a fault cause.
    FaultException,
    /// `Services` of the error causes.
    ErrorService,
    /// All `EntityPath` entries of an error cause.
    ErrorEntity,
    /// All `Exceptions` of an error cause.
    ErrorException,
    /// `Services` of the response time's cause.
    ResponseTimeService,
    /// All `EntityPath` entries of the response time's cause.
    ResponseTimeEntity,
}

impl CauseList {
    /// Every list with its keyword and what its elements are.
    pub(crate) const ALL: [(Self, &str, Scope); 8] = {
        use Scope::{CauseEntity, CauseException, CauseService, CoveredEntity};
        [
            (Self::FaultService, "rootcause.fault.service", CauseService),
            (Self::FaultEntity, "rootcause.fault.entity", CauseEntity),
            (
                Self::FaultException,
                "rootcause.fault.exception",
                CauseException,
            ),
            (Self::ErrorService, "rootcause.error.service", CauseService),
            (Self::ErrorEntity, "rootcause.error.entity", CauseEntity),
            (
                Self::ErrorException,
                "rootcause.error.exception",
                CauseException,
            ),
            (
                Self::ResponseTimeService,
                "rootcause.responsetime.service",
                CauseService,
            ),
            (
                Self::ResponseTimeEntity,
                "rootcause.responsetime.entity",
                CoveredEntity,
            ),
        ]
    };

    /// The list that a word, in whatever case, is, and what its elements are.
    pub(crate) fn find(word: &str) -> Option<(Self, Scope)> {
        Self::ALL
            .into_iter()
            .find(|(_, spelling, _)| spelling.eq_ignore_ascii_case(word))
            .map(|(list, _, scope)| (list, scope))
    }

    /// How it is spelled.
    pub(crate) fn spelling(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(list, ..)| *list == self)
            .map_or("", |(_, spelling, _)| spelling)
    }
}
