//! GetTimeSeriesServiceStatistics: counts and response times over time.
//!
//! A page covers at most [`SERIES_PERIODS_PER_PAGE_MAX`] periods, newest first, and may be empty and
//! still carry a token. Without a group or a filter it is read from the store's running totals, a
//! stretch of minutes at a time, so memory does not grow with the window; with one it is a fold over
//! the views of the page's periods. Source: `spec/api.md` section 4.1, `spec/traces-and-graph.md`
//! section 9, `spec/filter-expressions.md` section 7.

use std::sync::Arc;

use radiograph_protocol::api::check_chars;
use radiograph_protocol::api::series::{
    GetTimeSeriesServiceStatisticsRequest, GetTimeSeriesServiceStatisticsResponse,
};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::limits::{
    ENTITY_SELECTOR_CHARS, SERIES_PERIODS_PER_PAGE_MAX, SERIES_WINDOW_SECONDS_MAX,
};
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use self::points::Points;
use self::selection::Selection;
use super::Query;
use super::token::digest;
use super::window::in_order;
use crate::error::ServiceError;
use crate::filter::{self, Expression, Selector};
use crate::groups::GroupSet;
use crate::groups::group_set::refused;
use crate::store::StoreError;
use crate::worker::on_worker;

mod points;
mod selection;

pub(crate) use self::points::{FORECAST_PERIODS, bounds as forecast_bounds};

/// Seconds of minute totals that are held at a time: an hour of every selected node or edge.
const STRETCH_SECONDS: i64 = 3600;

/// Minutes `[first, until)` in epoch seconds, both full minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Minutes {
    first: i64,
    until: i64,
}

impl Minutes {
    /// The minutes of a window, cut as graphs are (`spec/traces-and-graph.md` section 7.5).
    fn of_window(start: Timestamp, end: Timestamp) -> Self {
        Self {
            first: start.minute().seconds(),
            until: end.plus_micros(-1).minute().seconds() + 60,
        }
    }

    fn contains(self, minute: i64) -> bool {
        (self.first..self.until).contains(&minute)
    }

    fn window(self) -> (Timestamp, Timestamp) {
        let at = Timestamp::from_seconds;
        (at(self.first), at(self.until))
    }
}

/// A request whose members are all sound.
struct Series {
    minutes: Minutes,
    /// Seconds.
    period: i64,
    selection: Arc<Selection>,
    /// Traces have to satisfy all of them; without any, all traces count.
    filters: Vec<Expression>,
    has_forecast: bool,
    digest: [u8; 16],
}

/// The periods of one page.
struct Page {
    /// Minutes that its points count.
    minutes: Minutes,
    /// The same and those that its forecasts look back on.
    read: Minutes,
    /// Start of its oldest period, when there are older ones in the window.
    next: Option<i64>,
}

impl Series {
    /// `groups` are those that the request may name.
    fn read(
        request: &GetTimeSeriesServiceStatisticsRequest,
        groups: Option<&GroupSet>,
    ) -> Result<Self, ApiError> {
        let (start, end) = in_order(request.start_time, request.end_time)?;
        if end.since(start) > Elapsed::from_micros(SERIES_WINDOW_SECONDS_MAX * 1_000_000) {
            let days = SERIES_WINDOW_SECONDS_MAX / (24 * 3600);
            let message = format!("Time range cannot be longer than {days} days");
            return Err(ApiError::invalid_request(message));
        }
        let period = match request.period {
            None | Some(60) => 60,
            Some(300) => 300,
            Some(_) => {
                let message = "Time period must be one of [60, 300]";
                return Err(ApiError::invalid_request(message));
            }
        };
        let (name, arn) = (request.group_name.as_deref(), request.group_arn.as_deref());
        let text = request.entity_selector_expression.as_deref();
        let (selection, filter) = selection(text, groups)?;
        let group = match groups {
            Some(groups) => groups.restriction(name, arn)?,
            None => None,
        };
        let has_forecast = request.forecast_statistics == Some(true) && selection.is_of_services();
        let digest = digest(&[
            "GetTimeSeriesServiceStatistics",
            &start.to_string(),
            &end.to_string(),
            &period.to_string(),
            name.unwrap_or_default(),
            arn.unwrap_or_default(),
            text.unwrap_or_default(),
            &has_forecast.to_string(),
        ]);
        Ok(Self {
            minutes: Minutes::of_window(start, end),
            period,
            selection: Arc::new(selection),
            filters: group.into_iter().chain(filter).collect(),
            has_forecast,
            digest,
        })
    }

    /// The page whose periods begin before `before`; `None` when the window has no such period.
    fn page(&self, before: Option<i64>) -> Option<Page> {
        let period_of = |minute: i64| minute.div_euclid(self.period) * self.period;
        let first = period_of(self.minutes.first);
        let newest = match before {
            Some(before) => before - self.period,
            None => period_of(self.minutes.until - 60),
        };
        if newest < first || self.minutes.until <= self.minutes.first {
            return None;
        }
        let oldest = first.max(newest - (SERIES_PERIODS_PER_PAGE_MAX - 1) * self.period);
        let minutes = Minutes {
            first: oldest.max(self.minutes.first),
            until: (newest + self.period).min(self.minutes.until),
        };
        let looks_back_to = oldest - FORECAST_PERIODS * self.period;
        Some(Page {
            minutes,
            read: Minutes {
                first: if self.has_forecast {
                    looks_back_to
                } else {
                    minutes.first
                },
                until: minutes.until,
            },
            next: (oldest > first).then_some(oldest),
        })
    }
}

/// What the points count, and of which traces.
fn selection(
    text: Option<&str>,
    groups: Option<&GroupSet>,
) -> Result<(Selection, Option<Expression>), ApiError> {
    let Some(text) = text else {
        return Ok((Selection::Clients, None));
    };
    check_chars(text, &ENTITY_SELECTOR_CHARS, "EntitySelectorExpression")?;
    let selector = filter::parse_selector(text, |group| groups?.expression(group));
    Ok(match selector.map_err(|error| refused(&error))? {
        selector @ Selector::Nodes(..) => (Selection::Nodes(selector), None),
        selector @ Selector::Edges(..) => (Selection::Edges(selector), None),
        Selector::Traces(expression) => (Selection::Clients, Some(expression)),
    })
}

impl Query {
    /// GetTimeSeriesServiceStatistics.
    ///
    /// # Errors
    /// When a member is missing or unsound, the group is unknown, or the store cannot be read.
    pub async fn time_series(
        &self,
        request: GetTimeSeriesServiceStatisticsRequest,
    ) -> Result<GetTimeSeriesServiceStatisticsResponse, ServiceError> {
        let names_groups = request.group_name.is_some()
            || request.group_arn.is_some()
            || request.entity_selector_expression.is_some();
        let groups = if names_groups {
            Some(self.groups.load().await?)
        } else {
            None
        };
        let series = Series::read(&request, groups.as_ref())?;
        let token = request.next_token.as_deref();
        let before = match token.filter(|token| !token.is_empty()) {
            Some(token) => Some(self.token_key.verify(token, series.digest)?),
            None => None,
        };
        let (mut points, mut next) = (Vec::new(), None);
        if let Some(page) = series.page(before) {
            next = page.next;
            let found = self.points(&series, &page).await?;
            points = found.newest_first(series.selection.is_of_services(), series.has_forecast);
        }
        Ok(GetTimeSeriesServiceStatisticsResponse {
            time_series_service_statistics: points,
            contains_old_group_versions: false,
            next_token: next.map(|next| self.token_key.sign(&next, series.digest)),
        })
    }

    async fn points(&self, series: &Series, page: &Page) -> Result<Points, StoreError> {
        let mut points = Points::new(series.period, page.minutes, page.read);
        if !series.filters.is_empty() {
            let selection = Arc::clone(&series.selection);
            let add = move |points: &mut Points, totals: &_| points.add(totals, &selection);
            let filters = series.filters.clone();
            return self.fold(page.read.window(), filters, points, add).await;
        }
        let (start, end) = page.read.window();
        let wanted = series
            .selection
            .wanted(&self.store.totals(start, end).await?);
        let mut first = page.read.first;
        while first < page.read.until && !(wanted.nodes.is_empty() && wanted.edges.is_empty()) {
            let until = (first + STRETCH_SECONDS).min(page.read.until);
            let (start, end) = Minutes { first, until }.window();
            let totals = self.store.minutes(start, end, wanted.clone()).await?;
            let selection = Arc::clone(&series.selection);
            points = on_worker(move || {
                points.add(&totals, &selection);
                points
            })
            .await?;
            first = until;
        }
        Ok(points)
    }
}

#[cfg(test)]
mod tests;
