//! PutTelemetryRecords: a daemon's own health. Source: `spec/api.md` section 3.2.

use serde::Deserialize;

use super::{RequestTime, required};
use crate::error::ApiError;
use crate::limits::{HOSTNAME_CHARS_MAX, INSTANCE_ID_CHARS_MAX, RESOURCE_ARN_CHARS_MAX};

/// The request; the answer is `{}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutTelemetryRecordsRequest {
    /// One record per minute of activity.
    pub telemetry_records: Option<Vec<TelemetryRecord>>,
    /// EC2 instance the daemon runs on.
    #[serde(rename = "EC2InstanceId")]
    pub ec2_instance_id: Option<String>,
    /// Host the daemon runs on.
    pub hostname: Option<String>,
    /// Resource the daemon runs on.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: Option<String>,
}

/// Counts of one minute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TelemetryRecord {
    /// End of the minute.
    pub timestamp: Option<RequestTime>,
    /// Datagrams received.
    pub segments_received_count: Option<u64>,
    /// Documents in batches answered with success.
    pub segments_sent_count: Option<u64>,
    /// Documents dropped for lack of room.
    pub segments_spillover_count: Option<u64>,
    /// Bad frames and unprocessed documents.
    pub segments_rejected_count: Option<u64>,
}

impl PutTelemetryRecordsRequest {
    /// The records, once the documented limits are checked.
    ///
    /// # Errors
    /// `InvalidRequestException` for a missing member or a text over its length.
    pub fn checked(self) -> Result<Vec<TelemetryRecord>, ApiError> {
        let texts = [
            (
                "EC2InstanceId",
                &self.ec2_instance_id,
                INSTANCE_ID_CHARS_MAX,
            ),
            ("Hostname", &self.hostname, HOSTNAME_CHARS_MAX),
            ("ResourceARN", &self.resource_arn, RESOURCE_ARN_CHARS_MAX),
        ];
        for (name, text, chars_max) in texts {
            if text
                .as_ref()
                .is_some_and(|text| text.chars().count() > chars_max)
            {
                let message = format!("{name} must not be longer than {chars_max} characters");
                return Err(ApiError::invalid_request(message));
            }
        }
        let records = required(self.telemetry_records, "TelemetryRecords")?;
        for record in &records {
            required(record.timestamp, "Timestamp")?;
        }
        Ok(records)
    }
}
