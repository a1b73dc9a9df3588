//! Insights: services whose rate of faults is higher than their past lets expect, found in the stored
//! totals of each minute.
//!
//! [`detecting`] judges minutes of the groups that have insights enabled; this answers with what it
//! found. Nobody is notified: `NotificationsEnabled` is kept with its group alone.
//! Source: `spec/api.md` sections 4.6, 5 and 6.4; what an anomaly is, is ours: [`past`], [`anomaly`],
//! [`rooting`].

use std::cmp::Reverse;
use std::sync::Arc;

use radiograph_protocol::api::insights::{
    GetInsightEventsRequest, GetInsightEventsResponse, GetInsightImpactGraphRequest,
    GetInsightImpactGraphResponse, GetInsightRequest, GetInsightResponse,
    GetInsightSummariesRequest, GetInsightSummariesResponse,
};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::timestamp::Timestamp;
use uuid::Uuid;

use self::insight::Insight;
use self::kept::Entry;
use self::request::{EventsPage, Summaries};
use crate::error::ServiceError;
use crate::filter;
use crate::groups::Groups;
use crate::groups::group_set::refused;
use crate::metrics::Metrics;
use crate::query::Query;
use crate::query::token::TokenKey;
use crate::query::window::{WindowMax, window};
use crate::store::{Store, StoreError};
use crate::worker::on_worker;

mod anomaly;
mod bounds;
mod counts;
pub(crate) mod detecting;
mod id;
mod impact;
mod insight;
mod kept;
mod pairs;
mod past;
mod request;
mod rooting;
mod watch;

/// The service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Insights {
    store: Arc<dyn Store>,
    groups: Groups,
    query: Query,
    token_key: TokenKey,
    metrics: Arc<Metrics>,
}

impl Insights {
    /// Insights of the groups of a store, found with `query`; page tokens are signed with `token_key`, and
    /// what falls beyond a bound is counted in `metrics`.
    pub(crate) const fn new(
        store: Arc<dyn Store>,
        groups: Groups,
        query: Query,
        token_key: TokenKey,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            store,
            groups,
            query,
            token_key,
            metrics,
        }
    }

    /// GetInsightSummaries: those of which any moment lies in the window.
    ///
    /// # Errors
    /// When a member is missing or unsound, the group is unknown, or the store cannot be read.
    pub(crate) async fn summaries(
        &self,
        request: GetInsightSummariesRequest,
        now: Timestamp,
    ) -> Result<GetInsightSummariesResponse, ServiceError> {
        let asked = Summaries::read(&request, now)?;
        let set = self.groups.load().await?;
        let group = set.find(request.group_name.as_deref(), request.group_arn.as_deref())?;
        let digest = asked.digest(&group.arn);
        let token = request.next_token.as_deref();
        let after: Option<(i64, u128)> = match token.filter(|token| !token.is_empty()) {
            Some(token) => Some(self.token_key.verify(token, digest)?),
            None => None,
        };
        let place = |entry: &Entry| (entry.start, entry.id.as_u128());
        let list = kept::list(&*self.store).await?;
        let mut found = list.entries;
        found.retain(|entry| {
            entry.group_arn == group.arn
                && asked.takes(entry)
                && after.is_none_or(|after| place(entry) < after)
        });
        found.sort_by_key(|entry| Reverse(place(entry)));
        let mut insight_summaries = Vec::new();
        for entry in found.iter().take(asked.page_max) {
            let insight = kept::insight(&*self.store, entry).await?;
            insight_summaries.extend(insight.as_ref().map(Insight::shown_in_list));
        }
        let has_more = found.len() > asked.page_max;
        let last = found.iter().take(asked.page_max).next_back();
        let next = last.filter(|_| has_more).map(place);
        Ok(GetInsightSummariesResponse {
            insight_summaries,
            next_token: next.map(|next| self.token_key.sign(&next, digest)),
        })
    }

    /// GetInsight.
    ///
    /// # Errors
    /// When the id is missing, malformed or unknown, or the store cannot be read.
    pub(crate) async fn insight(
        &self,
        request: GetInsightRequest,
    ) -> Result<GetInsightResponse, ServiceError> {
        let id = request::insight_id(request.insight_id)?;
        let insight = self.find(id).await?.shown();
        Ok(GetInsightResponse { insight })
    }

    /// GetInsightEvents: newest first.
    ///
    /// # Errors
    /// As [`Insights::insight`]; also when the page or its token is unsound.
    pub(crate) async fn events(
        &self,
        request: GetInsightEventsRequest,
    ) -> Result<GetInsightEventsResponse, ServiceError> {
        let page = EventsPage::read(&request, &self.token_key)?;
        let insight = self.find(page.id).await?;
        // older than the last of the page before; events that came since are newer
        let is_behind = |time: Timestamp| page.before.is_none_or(|before| time.micros() < before);
        let events = insight.shown_events();
        let mut insight_events: Vec<_> = events
            .filter(|event| is_behind(event.event_time))
            .take(page.page_max.saturating_add(1))
            .collect();
        let has_more = insight_events.len() > page.page_max;
        insight_events.truncate(page.page_max);
        let last = insight_events.last().filter(|_| has_more);
        let next = last.map(|event| event.event_time.micros());
        Ok(GetInsightEventsResponse {
            insight_events,
            next_token: next.map(|next| self.token_key.sign(&next, page.digest)),
        })
    }

    /// GetInsightImpactGraph: what is stored of the insight's group between its start and end, as far
    /// as that lies in the window; without services where nothing does.
    ///
    /// # Errors
    /// As [`Insights::insight`]; also when the window is missing, inverted or too long.
    pub(crate) async fn impact_graph(
        &self,
        request: GetInsightImpactGraphRequest,
    ) -> Result<GetInsightImpactGraphResponse, ServiceError> {
        let id = request::insight_id(request.insight_id)?;
        let window_max = WindowMax::default();
        let (start_time, end_time) = window(request.start_time, request.end_time, window_max)?;
        if request.next_token.is_some_and(|token| !token.is_empty()) {
            return Err(request::bad_token().into());
        }
        let insight = self.find(id).await?;
        let at = Timestamp::from_seconds;
        let from = start_time.max(at(insight.start)).min(end_time);
        let until = end_time.min(at(insight.end)).max(from);
        let services = if from < until {
            let text = insight.group.filter_expression.as_deref();
            let filter = text.map(filter::parse_group).transpose();
            let filter = filter.map_err(|error| refused(&error))?;
            let totals = self.query.group_totals(filter, (from, until)).await?;
            on_worker(move || impact::graph(&totals, &insight)).await?
        } else {
            Vec::new()
        };
        Ok(GetInsightImpactGraphResponse {
            insight_id: id.to_string(),
            start_time,
            end_time,
            service_graph_start_time: from,
            service_graph_end_time: until,
            services,
        })
    }

    async fn find(&self, id: Uuid) -> Result<Insight, ServiceError> {
        let found = self.look_up(id).await?;
        found.ok_or_else(|| ApiError::invalid_request("Insight not found").into())
    }

    async fn look_up(&self, id: Uuid) -> Result<Option<Insight>, StoreError> {
        let list = kept::list(&*self.store).await?;
        match list.entries.iter().find(|entry| entry.id == id) {
            Some(entry) => kept::insight(&*self.store, entry).await,
            None => Ok(None),
        }
    }
}
