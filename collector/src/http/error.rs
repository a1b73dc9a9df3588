//! The one table from errors to what an X-Ray client is sent. Source: `spec/api.md` section 1.5.
//!
//! The client is told the name and a sentence; what went wrong inside goes to the log alone.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use serde_json::json;

use super::json;
use crate::error::ServiceError;
use crate::store::StoreError;

/// Why a request has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The client's request is at fault, or comes too often.
    Theirs(ApiError),
    /// The collector is at fault.
    Ours {
        /// What the client is told.
        told: ApiError,
        /// What the log is told.
        source: StoreError,
    },
}

impl Failure {
    fn error(&self) -> &ApiError {
        match self {
            Self::Theirs(error) | Self::Ours { told: error, .. } => error,
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self.error().kind {
            ApiErrorKind::InvalidRequest
            | ApiErrorKind::Serialization
            | ApiErrorKind::MalformedPolicyDocument
            | ApiErrorKind::LockoutPrevention
            | ApiErrorKind::InvalidPolicyRevisionId
            | ApiErrorKind::PolicySizeLimitExceeded
            | ApiErrorKind::PolicyCountLimitExceeded
            | ApiErrorKind::RuleLimitExceeded
            | ApiErrorKind::TooManyTags { .. } => StatusCode::BAD_REQUEST,
            ApiErrorKind::UnknownOperation | ApiErrorKind::ResourceNotFound { .. } => {
                StatusCode::NOT_FOUND
            }
            ApiErrorKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ApiErrorKind::RequestEntityTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ApiErrorKind::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            ApiErrorKind::MissingAuthenticationToken
            | ApiErrorKind::InvalidSignature
            | ApiErrorKind::UnrecognizedClient
            | ApiErrorKind::AccessDenied
            | ApiErrorKind::ExpiredToken => StatusCode::FORBIDDEN,
            ApiErrorKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
            ApiErrorKind::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            ApiErrorKind::InternalFailure => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn response(&self) -> Response {
        let error = self.error();
        let mut body = json!({"__type": error.name(), "Message": error.message});
        if let (
            ApiErrorKind::ResourceNotFound { resource_name }
            | ApiErrorKind::TooManyTags { resource_name },
            Some(members),
        ) = (&error.kind, body.as_object_mut())
        {
            members.insert("ResourceName".to_owned(), json!(resource_name));
        }
        let mut response = json(self.status(), body.to_string().into_bytes());
        let headers = response.headers_mut();
        headers.insert("x-amzn-errortype", HeaderValue::from_static(error.name()));
        if matches!(
            error.kind,
            ApiErrorKind::Throttled | ApiErrorKind::ServiceUnavailable
        ) {
            headers.insert("retry-after", HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Theirs(error)
    }
}

impl From<StoreError> for Failure {
    fn from(source: StoreError) -> Self {
        let (kind, message) = match source {
            StoreError::Io { .. }
            | StoreError::Unwritable
            | StoreError::Closed
            | StoreError::VersionConflict { .. }
            | StoreError::State { .. } => (
                ApiErrorKind::ServiceUnavailable,
                "The store cannot be used at the moment",
            ),
            StoreError::InUse { .. } | StoreError::Corrupt { .. } => {
                (ApiErrorKind::InternalFailure, "The store cannot be read")
            }
        };
        Self::Ours {
            told: ApiError {
                kind,
                message: message.to_owned(),
            },
            source,
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Refused(error) => error.into(),
            ServiceError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn errors_about_a_resource_name_it() {
        let resource_name = || "arn:aws:xray:us-east-1:000000000000:group/slow".to_owned();
        for (kind, status, name) in [
            (
                ApiErrorKind::ResourceNotFound {
                    resource_name: resource_name(),
                },
                StatusCode::NOT_FOUND,
                "ResourceNotFoundException",
            ),
            (
                ApiErrorKind::TooManyTags {
                    resource_name: resource_name(),
                },
                StatusCode::BAD_REQUEST,
                "TooManyTagsException",
            ),
        ] {
            let message = "text".to_owned();
            let response = Failure::Theirs(ApiError { kind, message }).response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["x-amzn-errortype"], name);
            let body = axum::body::to_bytes(response.into_body(), 1024).await;
            let body: serde_json::Value = serde_json::from_slice(&body.unwrap()).unwrap();
            let expected =
                json!({"__type": name, "Message": "text", "ResourceName": resource_name()});
            assert_eq!(body, expected);
        }
    }

    #[test]
    fn a_quota_of_rules_is_the_requests_fault() {
        let error = ApiError {
            kind: ApiErrorKind::RuleLimitExceeded,
            message: "text".to_owned(),
        };
        let response = Failure::Theirs(error).response();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let name = &response.headers()["x-amzn-errortype"];
        assert_eq!(name, "RuleLimitExceededException");
        assert!(response.headers().get("retry-after").is_none());
    }

    #[test]
    fn a_store_that_cannot_write_is_an_error_that_clients_retry_and_nothing_of_it_is_told() {
        let response = Failure::from(StoreError::Unwritable).response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["x-amzn-errortype"], "ServiceUnavailable");
        assert_eq!(response.headers()["retry-after"], "1");
    }
}
