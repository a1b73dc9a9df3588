//! Reading the requests of samplers: lenient about what real clients vary, strict about the rest.
//!
//! Beyond what all requests are allowed ([`decode`]), `SampleCount` stands for `SampledCount`, and
//! times in milliseconds become seconds (`spec/api.md` 3.4, `spec/sampling.md` section 5). A member of a wrong JSON type is a SerializationException, a
//! missing or impossible one an InvalidRequestException; both refuse the whole call.

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::{RequestTime, check_chars, decode, required};
use crate::error::{ApiError, ApiErrorKind};
use crate::limits::{CLIENT_ID_CHARS, NAME_OF_RULE_OR_GROUP_CHARS, STATISTICS_PER_CALL_MAX};
use crate::timestamp::Timestamp;

/// Characters of the service name in a boost document (`spec/api.md` 3.4).
const SERVICE_NAME_CHARS: RangeInclusive<usize> = 0..=64;

/// Above this a time is in milliseconds; in seconds it would be the year 5138.
const SECONDS_MAX: i64 = 100_000_000_000;

/// GetSamplingRules; its token is ignored, since there is one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetSamplingRulesRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// GetSamplingStatisticSummaries; its token is ignored, since there is one page.
pub type GetSamplingStatisticSummariesRequest = GetSamplingRulesRequest;

/// GetSamplingTargets, every member checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GetSamplingTargetsRequest {
    /// Reports, at most [`STATISTICS_PER_CALL_MAX`].
    #[serde(rename = "SamplingStatisticsDocuments")]
    pub statistics: Vec<StatisticsDocument>,
    /// Reports of anomalies, as many at most.
    #[serde(
        rename = "SamplingBoostStatisticsDocuments",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub boosts: Vec<BoostStatisticsDocument>,
}

/// What one client did under one rule since its last report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatisticsDocument {
    /// The rule.
    pub rule_name: String,
    /// 24 characters that the client made up when it started; opaque.
    #[serde(rename = "ClientID")]
    pub client_id: String,
    /// The client's clock.
    pub timestamp: Timestamp,
    /// Requests that matched the rule.
    pub request_count: u64,
    /// Requests recorded; zero where the client sent none.
    pub sampled_count: u64,
    /// Requests recorded by borrowing; zero where the client sent none.
    pub borrow_count: u64,
}

/// The anomalies of one service under one rule since its last report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BoostStatisticsDocument {
    /// The rule.
    pub rule_name: String,
    /// The service that saw them; it need not be the one that applied the rule.
    pub service_name: String,
    /// The client's clock.
    pub timestamp: Timestamp,
    /// Requests that went wrong.
    pub anomaly_count: u64,
    /// All requests.
    pub total_count: u64,
    /// Requests that went wrong and were recorded.
    pub sampled_anomaly_count: u64,
}

impl GetSamplingRulesRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// SerializationException for a body that is no JSON object, or has a token that is no text.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        decode(body)
    }
}

impl GetSamplingTargetsRequest {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// SerializationException for a body that is no JSON object or has a member of a wrong type;
    /// InvalidRequestException for a missing member, one out of its bounds, or too many documents.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let request: RequestMembers = decode(body)?;
        let statistics = "SamplingStatisticsDocuments";
        let statistics_given = required(request.sampling_statistics_documents, statistics)?;
        let boosts = "SamplingBoostStatisticsDocuments";
        let boosts_given = request.sampling_boost_statistics_documents;
        Ok(Self {
            statistics: checked(statistics_given, statistics, StatisticsMembers::checked)?,
            boosts: checked(
                boosts_given.unwrap_or_default(),
                boosts,
                BoostMembers::checked,
            )?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RequestMembers {
    sampling_statistics_documents: Option<Vec<Map<String, Value>>>,
    sampling_boost_statistics_documents: Option<Vec<Map<String, Value>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StatisticsMembers {
    rule_name: Option<String>,
    #[serde(rename = "ClientID")]
    client_id: Option<String>,
    timestamp: Option<RequestTime>,
    request_count: Option<i64>,
    sampled_count: Option<i64>,
    /// What one client calls `SampledCount`.
    sample_count: Option<i64>,
    borrow_count: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BoostMembers {
    rule_name: Option<String>,
    service_name: Option<String>,
    timestamp: Option<RequestTime>,
    anomaly_count: Option<i64>,
    total_count: Option<i64>,
    sampled_anomaly_count: Option<i64>,
}

impl StatisticsMembers {
    fn checked(self) -> Result<StatisticsDocument, ApiError> {
        let id_chars = CLIENT_ID_CHARS..=CLIENT_ID_CHARS;
        let requests = required(self.request_count, "RequestCount")?;
        let sampled = self.sampled_count.or(self.sample_count);
        Ok(StatisticsDocument {
            rule_name: text(self.rule_name, "RuleName", &NAME_OF_RULE_OR_GROUP_CHARS)?,
            client_id: text(self.client_id, "ClientID", &id_chars)?,
            timestamp: time(self.timestamp)?,
            request_count: count(requests, "RequestCount")?,
            sampled_count: count(sampled.unwrap_or_default(), "SampledCount")?,
            borrow_count: count(self.borrow_count.unwrap_or_default(), "BorrowCount")?,
        })
    }
}

impl BoostMembers {
    fn checked(self) -> Result<BoostStatisticsDocument, ApiError> {
        let counted = |value, member| count(required(value, member)?, member);
        Ok(BoostStatisticsDocument {
            rule_name: text(self.rule_name, "RuleName", &NAME_OF_RULE_OR_GROUP_CHARS)?,
            service_name: text(self.service_name, "ServiceName", &SERVICE_NAME_CHARS)?,
            timestamp: time(self.timestamp)?,
            anomaly_count: counted(self.anomaly_count, "AnomalyCount")?,
            total_count: counted(self.total_count, "TotalCount")?,
            sampled_anomaly_count: counted(self.sampled_anomaly_count, "SampledAnomalyCount")?,
        })
    }
}

/// Documents arrive here as maps rather than structs: serde reads structs from arrays as well and
/// refuses repeated members, the protocol does neither.
fn members<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(object)).map_err(|error| ApiError {
        kind: ApiErrorKind::Serialization,
        message: format!("request body: {error}"),
    })
}

fn checked<M: DeserializeOwned, D>(
    documents: Vec<Map<String, Value>>,
    member: &str,
    check: impl Fn(M) -> Result<D, ApiError>,
) -> Result<Vec<D>, ApiError> {
    if documents.len() > STATISTICS_PER_CALL_MAX {
        return Err(ApiError::invalid_request(format!(
            "{member} must have at most {STATISTICS_PER_CALL_MAX} elements"
        )));
    }
    let documents = documents.into_iter();
    documents
        .map(|document| check(members(document)?))
        .collect()
}

fn text(
    value: Option<String>,
    member: &str,
    chars: &RangeInclusive<usize>,
) -> Result<String, ApiError> {
    let value = required(value, member)?;
    check_chars(&value, chars, member)?;
    Ok(value)
}

fn count(value: i64, member: &str) -> Result<u64, ApiError> {
    u64::try_from(value)
        .map_err(|_| ApiError::invalid_request(format!("{member} must not be negative")))
}

fn time(value: Option<RequestTime>) -> Result<Timestamp, ApiError> {
    let RequestTime(time) = required(value, "Timestamp")?;
    if time <= Timestamp::from_seconds(SECONDS_MAX) {
        return Ok(time);
    }
    let thousand_fold = time.micros().saturating_add(500);
    Ok(Timestamp::from_micros(thousand_fold / 1000))
}
