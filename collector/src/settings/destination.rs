//! The destination of segments: kept, and without effect, since there is one store. Pure.
//! Source: `spec/api.md` section 5.

use radiograph_protocol::api::check_chars;
use radiograph_protocol::api::settings::{
    TraceSegmentDestinationResponse, UpdateTraceSegmentDestinationRequest,
};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::limits::SPANS_KEY_CHARS;
use serde::{Deserialize, Serialize};

/// Where segments go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum Destination {
    /// `XRay`.
    #[default]
    XRay,
    /// `CloudWatchLogs`.
    CloudWatchLogs,
}

/// The destination as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct StoredDestination {
    destination: Destination,
    /// The key of the log group, which no answer shows.
    spans_key: Option<String>,
}

/// A request whose members are all sound by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    destination: Option<Destination>,
    /// There is a configuration, and perhaps a key in it.
    configuration: Option<Option<String>>,
}

/// What a request asks for.
///
/// # Errors
/// `InvalidRequestException` for the first unsound member.
pub(super) fn checked(request: UpdateTraceSegmentDestinationRequest) -> Result<Wanted, ApiError> {
    let destination = match request.destination.as_deref() {
        None => None,
        Some("XRay") => Some(Destination::XRay),
        Some("CloudWatchLogs") => Some(Destination::CloudWatchLogs),
        Some(_) => {
            let message = "Destination must be one of [XRay, CloudWatchLogs]";
            return Err(ApiError::invalid_request(message));
        }
    };
    let configuration = request.cloud_watch_logs_configuration;
    let configuration = configuration.map(|given| given.spans_log_group_kms_key_id);
    let key = configuration.as_ref().and_then(Option::as_deref);
    if let Some(key) = key {
        check_chars(key, &SPANS_KEY_CHARS, "SpansLogGroupKmsKeyId")?;
    }
    Ok(Wanted {
        destination,
        configuration,
    })
}

impl StoredDestination {
    /// Changes what the request names.
    ///
    /// # Errors
    /// `InvalidRequestException` when it configures a destination that it does not choose.
    pub(super) fn update(
        &mut self,
        wanted: &Wanted,
    ) -> Result<TraceSegmentDestinationResponse, ApiError> {
        self.destination = wanted.destination.unwrap_or(self.destination);
        match (self.destination, &wanted.configuration) {
            (Destination::XRay, Some(_)) => {
                let message = "CloudWatchLogsConfiguration requires the destination CloudWatchLogs";
                return Err(ApiError::invalid_request(message));
            }
            (Destination::XRay, None) => self.spans_key = None,
            (Destination::CloudWatchLogs, Some(key)) => self.spans_key.clone_from(key),
            (Destination::CloudWatchLogs, None) => {}
        }
        Ok(self.shown())
    }

    pub(super) const fn shown(&self) -> TraceSegmentDestinationResponse {
        TraceSegmentDestinationResponse {
            destination: match self.destination {
                Destination::XRay => "XRay",
                Destination::CloudWatchLogs => "CloudWatchLogs",
            },
            status: "ACTIVE",
        }
    }
}

#[cfg(test)]
mod tests {
    use radiograph_protocol::api::decode;

    use super::*;

    /// What the destination is after these requests, or why the last one was refused.
    fn after(bodies: &[&str]) -> Result<(&'static str, Option<String>), String> {
        let mut stored = StoredDestination::default();
        let mut last = Ok(stored.shown());
        for body in bodies {
            let wanted = checked(decode(body.as_bytes()).unwrap());
            last = wanted.and_then(|wanted| stored.update(&wanted));
        }
        let shown = last.map_err(|error| error.message)?;
        assert_eq!(shown.status, "ACTIVE");
        Ok((shown.destination, stored.spans_key))
    }

    #[test]
    fn the_destination_is_what_was_asked_for_last() {
        let to_logs = r#"{"Destination":"CloudWatchLogs"}"#;
        let with_key = r#"{"CloudWatchLogsConfiguration":{"SpansLogGroupKmsKeyId":"alias/spans"}}"#;
        let to_xray = r#"{"Destination":"XRay"}"#;
        let key = Some("alias/spans".to_owned());
        assert_eq!(after(&[]), Ok(("XRay", None)));
        assert_eq!(after(&[to_logs]), Ok(("CloudWatchLogs", None)));
        assert_eq!(
            after(&[to_logs, with_key, "{}"]),
            Ok(("CloudWatchLogs", key))
        );
        assert_eq!(after(&[to_logs, with_key, to_xray]), Ok(("XRay", None)));
    }

    #[test]
    fn each_unsound_request_is_refused_by_name() {
        let key = |chars: usize| {
            let key = "k".repeat(chars);
            format!(
                r#"{{"Destination":"CloudWatchLogs","CloudWatchLogsConfiguration":{{"SpansLogGroupKmsKeyId":"{key}"}}}}"#
            )
        };
        let both = "CloudWatchLogsConfiguration requires the destination CloudWatchLogs";
        let length = "SpansLogGroupKmsKeyId must have 1 to 256 characters";
        let rows = [
            (
                r#"{"Destination":"xray"}"#.to_owned(),
                "Destination must be one of [XRay, CloudWatchLogs]",
            ),
            (r#"{"CloudWatchLogsConfiguration":{}}"#.to_owned(), both),
            (
                r#"{"Destination":"XRay","CloudWatchLogsConfiguration":{}}"#.to_owned(),
                both,
            ),
            (key(0), length),
            (key(257), length),
        ];
        for (body, message) in rows {
            assert_eq!(after(&[&body]), Err(message.to_owned()), "{body}");
        }
        for chars in [1, 256] {
            let kept = Some("k".repeat(chars));
            assert_eq!(after(&[&key(chars)]), Ok(("CloudWatchLogs", kept)));
        }
    }
}
