//! Which path is which operation, and which service carries it out. Source: `spec/api.md` section 2.

use std::sync::Arc;

use bytes::Bytes;
use radiograph_protocol::api::decode;
use radiograph_protocol::api::groups::GetGroupsRequest;
use radiograph_protocol::api::sampling::GetSamplingTargetsRequest;
use radiograph_protocol::api::telemetry::PutTelemetryRecordsRequest;
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::adaptive;
use super::auth::Gate;
use super::error::Failure;
use super::insights;
use super::pins;
use super::retrieval;
use super::rules;
use super::segments::{self, Form};
use super::settings;
use super::tags;
use super::transfer::Transfer;
use crate::clock;
use crate::groups::Groups;
use crate::ingest::Ingest;
use crate::insights::Insights;
use crate::metrics::Metrics;
use crate::pins::Pins;
use crate::query::Query;
use crate::retrieval::Retrievals;
use crate::sampling::{Adaptive, Rules, Sampling};
use crate::settings::Settings;
use crate::tags::Tags;

/// The services that requests are handed to. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) ingest: Ingest,
    pub(crate) query: Query,
    pub(crate) groups: Groups,
    pub(crate) insights: Insights,
    pub(crate) pins: Pins,
    pub(crate) settings: Settings,
    pub(crate) retrievals: Retrievals,
    pub(crate) sampling: Arc<Sampling>,
    pub(crate) adaptive: Adaptive,
    pub(crate) rules: Rules,
    pub(crate) tags: Tags,
    pub(crate) metrics: Arc<Metrics>,
    /// Who may call.
    pub(crate) gate: Gate,
    /// What answers with streams.
    pub(crate) transfer: Transfer,
    /// Places for calls of PutTraceSegments under way; the others wait with their bodies unread.
    pub(crate) places: Arc<Semaphore>,
    /// Places for all other requests.
    pub(crate) other_places: Arc<Semaphore>,
}

/// The operations that are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    PutTraceSegments,
    PutTelemetryRecords,
    GetSamplingRules,
    GetSamplingTargets,
    GetSamplingStatisticSummaries,
    GetTraceSummaries,
    BatchGetTraces,
    GetTraceGraph,
    GetServiceGraph,
    GetTimeSeriesServiceStatistics,
    CreateGroup,
    GetGroup,
    UpdateGroup,
    DeleteGroup,
    GetGroups,
    /// One of those about encryption, policies, indexing rules and the destination.
    Settings(settings::Operation),
    /// One of those about trace retrieval.
    Retrieval(retrieval::Operation),
    /// One of those that change sampling rules.
    Rules(rules::Operation),
    /// One of those about tags.
    Tags(tags::Operation),
    /// One of those about insights.
    Insights(insights::Operation),
    /// Not of X-Ray's: one of those about pins.
    Pins(pins::Operation),
    /// Not of X-Ray's: one of those about adaptive sampling.
    Adaptive(adaptive::Operation),
}

impl Operation {
    /// The operation of a path; a trailing slash is tolerated.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        Some(match path.strip_suffix('/').unwrap_or(path) {
            "/TraceSegments" => Self::PutTraceSegments,
            "/TelemetryRecords" => Self::PutTelemetryRecords,
            "/GetSamplingRules" => Self::GetSamplingRules,
            "/SamplingTargets" => Self::GetSamplingTargets,
            "/SamplingStatisticSummaries" => Self::GetSamplingStatisticSummaries,
            "/TraceSummaries" => Self::GetTraceSummaries,
            "/Traces" => Self::BatchGetTraces,
            "/TraceGraph" => Self::GetTraceGraph,
            "/ServiceGraph" => Self::GetServiceGraph,
            "/TimeSeriesServiceStatistics" => Self::GetTimeSeriesServiceStatistics,
            "/CreateGroup" => Self::CreateGroup,
            "/GetGroup" => Self::GetGroup,
            "/UpdateGroup" => Self::UpdateGroup,
            "/DeleteGroup" => Self::DeleteGroup,
            "/Groups" => Self::GetGroups,
            path => {
                let settings = settings::Operation::of_path(path).map(Self::Settings);
                let retrieval = || retrieval::Operation::of_path(path).map(Self::Retrieval);
                let pins = || pins::Operation::of_path(path).map(Self::Pins);
                let adaptive = || adaptive::Operation::of_path(path).map(Self::Adaptive);
                let rules = || rules::Operation::of_path(path).map(Self::Rules);
                let tags = || tags::Operation::of_path(path).map(Self::Tags);
                let insights = || insights::Operation::of_path(path).map(Self::Insights);
                let found = settings
                    .or_else(retrieval)
                    .or_else(insights)
                    .or_else(rules)
                    .or_else(tags);
                return found.or_else(pins).or_else(adaptive);
            }
        })
    }

    /// As AWS calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PutTraceSegments => "PutTraceSegments",
            Self::PutTelemetryRecords => "PutTelemetryRecords",
            Self::GetSamplingRules => "GetSamplingRules",
            Self::GetSamplingTargets => "GetSamplingTargets",
            Self::GetSamplingStatisticSummaries => "GetSamplingStatisticSummaries",
            Self::GetTraceSummaries => "GetTraceSummaries",
            Self::BatchGetTraces => "BatchGetTraces",
            Self::GetTraceGraph => "GetTraceGraph",
            Self::GetServiceGraph => "GetServiceGraph",
            Self::GetTimeSeriesServiceStatistics => "GetTimeSeriesServiceStatistics",
            Self::CreateGroup => "CreateGroup",
            Self::GetGroup => "GetGroup",
            Self::UpdateGroup => "UpdateGroup",
            Self::DeleteGroup => "DeleteGroup",
            Self::GetGroups => "GetGroups",
            Self::Settings(operation) => operation.name(),
            Self::Retrieval(operation) => operation.name(),
            Self::Rules(operation) => operation.name(),
            Self::Tags(operation) => operation.name(),
            Self::Insights(operation) => operation.name(),
            Self::Pins(operation) => operation.name(),
            Self::Adaptive(operation) => operation.name(),
        }
    }

    pub(super) async fn carry_out(
        self,
        services: &Services,
        form: Form,
        body: Bytes,
    ) -> Result<Vec<u8>, Failure> {
        let Services {
            ingest,
            query,
            groups,
            insights,
            pins,
            settings,
            retrievals,
            sampling,
            adaptive,
            rules,
            tags,
            metrics,
            ..
        } = services;
        if self != Self::PutTraceSegments {
            form.must_be_json()?;
        }
        match self {
            Self::PutTraceSegments => {
                // the body is gone when the documents are checked
                let call = segments::read(form, body).await?;
                encode(&ingest.put_documents(call.texts, call.documents_max).await?)
            }
            Self::PutTelemetryRecords => {
                metrics.telemetry(&decode::<PutTelemetryRecordsRequest>(&body)?.checked()?);
                Ok(b"{}".to_vec())
            }
            Self::GetSamplingRules => {
                decode::<serde::de::IgnoredAny>(&body)?;
                rules.refresh(clock::now()).await?;
                encode(&sampling.rules())
            }
            Self::GetSamplingTargets => {
                let request = GetSamplingTargetsRequest::parse(&body)?;
                rules.refresh(clock::now()).await?;
                encode(&sampling.targets(&request, clock::now()))
            }
            Self::GetSamplingStatisticSummaries => {
                decode::<serde::de::IgnoredAny>(&body)?;
                encode(&sampling.statistic_summaries(clock::now()))
            }
            Self::GetTraceSummaries => encode(&query.trace_summaries(decode(&body)?).await?),
            Self::BatchGetTraces => encode(&query.batch_get_traces(decode(&body)?).await?),
            Self::GetTraceGraph => encode(&query.trace_graph(decode(&body)?).await?),
            Self::GetServiceGraph => encode(&query.service_graph(decode(&body)?).await?),
            Self::GetTimeSeriesServiceStatistics => {
                encode(&query.time_series(decode(&body)?).await?)
            }
            Self::CreateGroup => encode(&groups.create(decode(&body)?).await?),
            Self::GetGroup => encode(&groups.group(decode(&body)?).await?),
            Self::UpdateGroup => encode(&groups.update(decode(&body)?).await?),
            Self::DeleteGroup => encode(&groups.delete(decode(&body)?).await?),
            Self::GetGroups => {
                decode::<GetGroupsRequest>(&body)?;
                encode(&groups.groups().await?)
            }
            Self::Settings(operation) => operation.carry_out(settings, &body).await,
            Self::Retrieval(operation) => operation.carry_out(retrievals, &body).await,
            Self::Rules(operation) => operation.carry_out(rules, &body).await,
            Self::Tags(operation) => operation.carry_out(tags, &body).await,
            Self::Insights(operation) => operation.carry_out(insights, &body).await,
            Self::Pins(operation) => operation.carry_out(pins, &body).await,
            Self::Adaptive(operation) => operation.carry_out(adaptive, &body).await,
        }
    }
}

pub(super) fn encode(answer: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(answer).map_err(|error| {
        let message = format!("answer could not be encoded: {error}");
        Failure::Theirs(ApiError {
            kind: ApiErrorKind::InternalFailure,
            message,
        })
    })
}

#[cfg(test)]
mod tests;
