//! GetTimeSeriesServiceStatistics. Source: `spec/api.md` section 4.1.

use serde::{Deserialize, Serialize};

use super::RequestTime;
use super::graph::{HistogramEntry, SummaryStatistics};
use crate::timestamp::Timestamp;

/// Request of GetTimeSeriesServiceStatistics.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTimeSeriesServiceStatisticsRequest {
    /// Start of the window, inclusive; required.
    pub start_time: Option<RequestTime>,
    /// End of the window, exclusive; required.
    pub end_time: Option<RequestTime>,
    /// Restricts to the traces of a group.
    pub group_name: Option<String>,
    /// The same, by ARN.
    #[serde(rename = "GroupARN")]
    pub group_arn: Option<String>,
    /// Which nodes, edges or traces; without one, the edges from clients.
    pub entity_selector_expression: Option<String>,
    /// Seconds that a point covers: 60, the default, or 300.
    pub period: Option<i64>,
    /// Ask for a forecast of faults as well.
    pub forecast_statistics: Option<bool>,
    /// Where to go on.
    pub next_token: Option<String>,
}

/// Answer of GetTimeSeriesServiceStatistics.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTimeSeriesServiceStatisticsResponse {
    /// Newest first; periods without requests are left out.
    pub time_series_service_statistics: Vec<TimeSeriesServiceStatistics>,
    /// Always false: groups are applied when they are asked for.
    pub contains_old_group_versions: bool,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// One period.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TimeSeriesServiceStatistics {
    /// The period's end.
    pub timestamp: Timestamp,
    /// What callers say; absent when a service was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge_summary_statistics: Option<SummaryStatistics>,
    /// What services say; present when a service was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_summary_statistics: Option<SummaryStatistics>,
    /// Bounds of the expected faults; an empty object unless asked for.
    pub service_forecast_statistics: ForecastStatistics,
    /// Response times of the same requests.
    pub response_time_histogram: Vec<HistogramEntry>,
}

/// How many faults a period would have if it were like those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ForecastStatistics {
    /// Upper bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_count_high: Option<i64>,
    /// Lower bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_count_low: Option<i64>,
}
