//! Operations about insights. Source: `spec/api.md` sections 4.6 and 5.

use bytes::Bytes;
use radiograph_protocol::api::decode;

use super::error::Failure;
use super::operations::encode;
use crate::clock;
use crate::insights::Insights;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Summaries,
    Insight,
    Events,
    ImpactGraph,
}

impl Operation {
    /// The operation of a path without a slash at its end.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        Some(match path {
            "/InsightSummaries" => Self::Summaries,
            "/Insight" => Self::Insight,
            "/InsightEvents" => Self::Events,
            "/InsightImpactGraph" => Self::ImpactGraph,
            _ => return None,
        })
    }

    /// As AWS calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Summaries => "GetInsightSummaries",
            Self::Insight => "GetInsight",
            Self::Events => "GetInsightEvents",
            Self::ImpactGraph => "GetInsightImpactGraph",
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When the request is at fault, or the store cannot be used.
    pub(super) async fn carry_out(
        self,
        insights: &Insights,
        body: &Bytes,
    ) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Summaries => encode(&insights.summaries(decode(body)?, clock::now()).await?),
            Self::Insight => encode(&insights.insight(decode(body)?).await?),
            Self::Events => encode(&insights.events(decode(body)?).await?),
            Self::ImpactGraph => encode(&insights.impact_graph(decode(body)?).await?),
        }
    }
}
