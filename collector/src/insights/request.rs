//! What requests about insights may ask for. Source: `spec/api.md` sections 4.6 and 5.

use std::ops::RangeInclusive;

use radiograph_protocol::api::insights::{GetInsightEventsRequest, GetInsightSummariesRequest};
use radiograph_protocol::api::required;
use radiograph_protocol::error::ApiError;
use radiograph_protocol::limits::{
    INSIGHT_AGE_SECONDS_MAX, INSIGHT_EVENTS_PER_PAGE, INSIGHT_STATES_MAX, INSIGHT_TOKEN_CHARS_MAX,
    INSIGHTS_PER_PAGE,
};
use radiograph_protocol::timestamp::Timestamp;
use uuid::Uuid;

use super::kept::Entry;
use crate::query::token::{TokenKey, digest};
use crate::query::window::in_order;

/// The state of an insight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Closed,
}

/// A request of GetInsightSummaries whose members are all sound.
#[derive(Debug)]
pub(super) struct Summaries {
    start: Timestamp,
    end: Timestamp,
    /// Without one, both.
    state: Option<State>,
    pub(super) page_max: usize,
}

impl Summaries {
    /// # Errors
    /// `InvalidRequestException` when a member is missing or unsound.
    pub(super) fn read(
        request: &GetInsightSummariesRequest,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let (start, end) = in_order(request.start_time, request.end_time)?;
        if start < now.plus_micros(-INSIGHT_AGE_SECONDS_MAX * 1_000_000) {
            let message = "Start time cannot be older than 30 days";
            return Err(ApiError::invalid_request(message));
        }
        check_token(request.next_token.as_deref())?;
        Ok(Self {
            start,
            end,
            state: state(request.states.as_deref().unwrap_or_default())?,
            page_max: page_max(request.max_results, &INSIGHTS_PER_PAGE)?,
        })
    }

    /// What tokens are bound to: the number of results may change from page to page.
    pub(super) fn digest(&self, group_arn: &str) -> [u8; 16] {
        let state = match self.state {
            None => "",
            Some(State::Active) => "ACTIVE",
            Some(State::Closed) => "CLOSED",
        };
        let (start, end) = (self.start.to_string(), self.end.to_string());
        digest(&["GetInsightSummaries", &start, &end, group_arn, state])
    }

    /// Whether the window and the states have it.
    pub(super) fn takes(&self, entry: &Entry) -> bool {
        let state = match entry.closed {
            None => State::Active,
            Some(_) => State::Closed,
        };
        let is_asked = self.state.is_none_or(|asked| asked == state);
        let at = Timestamp::from_seconds;
        let has_begun = at(entry.start) < self.end;
        is_asked && has_begun && entry.closed.is_none_or(|closed| at(closed) >= self.start)
    }
}

fn state(names: &[String]) -> Result<Option<State>, ApiError> {
    if names.len() > INSIGHT_STATES_MAX {
        let message = format!("States must have at most {INSIGHT_STATES_MAX} element");
        return Err(ApiError::invalid_request(message));
    }
    match names.first().map(String::as_str) {
        None => Ok(None),
        Some("ACTIVE") => Ok(Some(State::Active)),
        Some("CLOSED") => Ok(Some(State::Closed)),
        Some(_) => Err(ApiError::invalid_request(
            "States must be one of [ACTIVE, CLOSED]",
        )),
    }
}

/// A request of GetInsightEvents whose members are all sound.
#[derive(Debug)]
pub(super) struct EventsPage {
    pub(super) id: Uuid,
    pub(super) page_max: usize,
    /// Time of the last event of the page before, in microseconds.
    pub(super) before: Option<i64>,
    pub(super) digest: [u8; 16],
}

impl EventsPage {
    /// # Errors
    /// `InvalidRequestException` when a member is missing or unsound, the token included.
    pub(super) fn read(
        request: &GetInsightEventsRequest,
        token_key: &TokenKey,
    ) -> Result<Self, ApiError> {
        let id = insight_id(request.insight_id.clone())?;
        let digest = digest(&["GetInsightEvents", &id.to_string()]);
        let token = request.next_token.as_deref();
        check_token(token)?;
        let before = match token.filter(|token| !token.is_empty()) {
            Some(token) => Some(token_key.verify(token, digest)?),
            None => None,
        };
        Ok(Self {
            id,
            page_max: page_max(request.max_results, &INSIGHT_EVENTS_PER_PAGE)?,
            before,
            digest,
        })
    }
}

/// The id of a request, in the one form that AWS takes.
///
/// # Errors
/// `InvalidRequestException` when it is missing or no hyphenated UUID.
pub(super) fn insight_id(text: Option<String>) -> Result<Uuid, ApiError> {
    let text = required(text, "InsightId")?;
    let is_hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
    let id = Uuid::try_parse(&text).ok().filter(|_| is_hyphenated);
    id.ok_or_else(|| ApiError::invalid_request("InsightId must be a UUID"))
}

/// What is no token of this query.
pub(super) fn bad_token() -> ApiError {
    ApiError::invalid_request("Invalid token")
}

fn check_token(token: Option<&str>) -> Result<(), ApiError> {
    let is_long = token.is_some_and(|token| token.chars().count() > INSIGHT_TOKEN_CHARS_MAX);
    if is_long { Err(bad_token()) } else { Ok(()) }
}

/// Results of a page: as many as may be unless fewer are asked for.
fn page_max(asked: Option<i64>, allowed: &RangeInclusive<i64>) -> Result<usize, ApiError> {
    let asked = asked.unwrap_or_else(|| *allowed.end());
    let sound = usize::try_from(asked)
        .ok()
        .filter(|_| allowed.contains(&asked));
    sound.ok_or_else(|| {
        let (least, most) = (allowed.start(), allowed.end());
        ApiError::invalid_request(format!("MaxResults must be between {least} and {most}"))
    })
}
