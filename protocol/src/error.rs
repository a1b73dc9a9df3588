//! Error names as AWS sends them, and the fault they stand for.
//!
//! Which HTTP status belongs to a name is the collector's `http::error` to say.
//! Source: `spec/api.md` section 1.5.

/// An API error: the name clients switch on, and the text they show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}", name = self.name())]
pub struct ApiError {
    /// What went wrong, by the name AWS gives it.
    pub kind: ApiErrorKind,
    /// The modelled `Message` member.
    pub message: String,
}

/// The errors of the API by whose fault they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiErrorKind {
    /// The client sent a bad or missing parameter, or named an unknown group, rule or insight.
    InvalidRequest,
    /// The client sent a body that is not JSON, not an object, or has a member of a wrong JSON type.
    Serialization,
    /// The client called a path that no operation has.
    UnknownOperation,
    /// The client sent a body of a media type or content encoding that is not read here.
    UnsupportedMediaType,
    /// The client sent a body above the configured limit.
    RequestEntityTooLarge,
    /// The client did not finish its request in time; clients retry.
    RequestTimeout,
    /// The client named a resource that is not there.
    ResourceNotFound {
        /// The ARN or token as given.
        resource_name: String,
    },
    /// The client sent a resource policy that is no JSON object.
    MalformedPolicyDocument,
    /// The client sent a resource policy that would keep everybody from changing it.
    LockoutPrevention,
    /// The client named another revision of a resource policy than the latest one.
    InvalidPolicyRevisionId,
    /// The client sent a resource policy that is too long.
    PolicySizeLimitExceeded,
    /// The client sent one resource policy more than there may be.
    PolicyCountLimitExceeded,
    /// The client wants more sampling rules than there may be.
    RuleLimitExceeded,
    /// The client wants more tags on a resource than there may be.
    TooManyTags {
        /// The ARN as given, or the name of what was to be made with them.
        resource_name: String,
    },
    /// The request is not signed.
    MissingAuthenticationToken,
    /// The signature is not that of the request, or cannot be verified, or its time is not ours.
    InvalidSignature,
    /// Nobody knows the access key, or its session token is not that of the key.
    UnrecognizedClient,
    /// The access key may not call this operation.
    AccessDenied,
    /// The temporary access key's time is over.
    ExpiredToken,
    /// The collector cannot take more now; clients retry with back-off.
    Throttled,
    /// The collector cannot write or read its store now; clients retry.
    ServiceUnavailable,
    /// The collector is at fault.
    InternalFailure,
}

impl ApiError {
    /// A bad or missing parameter.
    #[must_use]
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self {
            kind: ApiErrorKind::InvalidRequest,
            message: message.into(),
        }
    }

    /// The name as it stands in `x-amzn-ErrorType` and `__type`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.kind {
            ApiErrorKind::InvalidRequest => "InvalidRequestException",
            ApiErrorKind::Serialization => "SerializationException",
            ApiErrorKind::UnknownOperation => "UnknownOperationException",
            ApiErrorKind::UnsupportedMediaType => "UnsupportedMediaTypeException",
            ApiErrorKind::RequestEntityTooLarge => "RequestEntityTooLarge",
            ApiErrorKind::RequestTimeout => "RequestTimeoutException",
            ApiErrorKind::ResourceNotFound { .. } => "ResourceNotFoundException",
            ApiErrorKind::MalformedPolicyDocument => "MalformedPolicyDocumentException",
            ApiErrorKind::LockoutPrevention => "LockoutPreventionException",
            ApiErrorKind::InvalidPolicyRevisionId => "InvalidPolicyRevisionIdException",
            ApiErrorKind::PolicySizeLimitExceeded => "PolicySizeLimitExceededException",
            ApiErrorKind::PolicyCountLimitExceeded => "PolicyCountLimitExceededException",
            ApiErrorKind::RuleLimitExceeded => "RuleLimitExceededException",
            ApiErrorKind::TooManyTags { .. } => "TooManyTagsException",
            ApiErrorKind::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            ApiErrorKind::InvalidSignature => "InvalidSignatureException",
            ApiErrorKind::UnrecognizedClient => "UnrecognizedClientException",
            ApiErrorKind::AccessDenied => "AccessDeniedException",
            ApiErrorKind::ExpiredToken => "ExpiredTokenException",
            ApiErrorKind::Throttled => "ThrottledException",
            ApiErrorKind::ServiceUnavailable => "ServiceUnavailable",
            ApiErrorKind::InternalFailure => "InternalFailure",
        }
    }
}
