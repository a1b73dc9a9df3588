//! GetTraceSummaries over a window of any length, page by page and piece by piece, newest first.
//! Source: `spec/api.md` section 3.5.

use std::collections::HashSet;

use anyhow::Context as _;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Value, json};

use super::explained::Explained;
use super::{id_of, shown};
use crate::api::{Api, ApiError};
use crate::query::Options;

const PATH: &str = "/TraceSummaries";

/// Member of a request that asks the collector to tell what it read; others pass it over.
const EXPLAIN: &str = "RadiographExplain";

/// Member of an answer that tells it.
const EXPLAINED: &str = "RadiographExplained";

/// A search and how far it came.
pub(super) struct Search<'q> {
    api: &'q Api,
    options: &'q Options,
    limit: usize,
    /// Traces shown: with `--range event` one may lie in several pieces.
    seen: HashSet<String>,
    pages: u64,
    looked_at: u64,
    /// Microseconds of a piece, once the collector has said how long a window may be.
    piece_max: Option<i64>,
    explained: Option<Explained>,
    is_full: bool,
}

impl<'q> Search<'q> {
    pub(super) fn new(api: &'q Api, options: &'q Options) -> Self {
        Self {
            api,
            options,
            limit: usize::try_from(options.limit).unwrap_or(usize::MAX),
            seen: HashSet::new(),
            pages: 0,
            looked_at: 0,
            piece_max: None,
            explained: None,
            is_full: false,
        }
    }

    /// Hands over every summary found, each trace once, until the limit.
    ///
    /// # Errors
    /// The collector cannot be asked or refuses, or `each` fails.
    pub(super) async fn run(
        &mut self,
        (start, end): (Timestamp, Timestamp),
        mut each: impl FnMut(Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut until = end;
        while until > start && !self.is_full {
            let from = piece_start(start, until, self.piece_max);
            match self.piece(from, until, &mut each).await? {
                None => until = from,
                shorter => self.piece_max = shorter,
            }
        }
        Ok(())
    }

    /// One window that the collector may answer; microseconds of a window that it would answer when
    /// this one is too long.
    async fn piece(
        &mut self,
        start: Timestamp,
        end: Timestamp,
        each: &mut impl FnMut(Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<i64>> {
        let mut request = json!({
            "StartTime": start.seconds_f64(),
            "EndTime": end.seconds_f64(),
            "TimeRangeType": self.options.range.name(),
            "FilterExpression": self.options.expression,
        });
        if self.options.explain {
            set(&mut request, EXPLAIN, Value::Bool(true));
        }
        loop {
            let mut page = match self.api.call(PATH, request.to_string()).await {
                Ok(page) => page,
                Err(error) => {
                    let shorter = window_max(&error);
                    let is_shorter = |max: &i64| *max < end.since(start).micros();
                    return match shorter.filter(is_shorter) {
                        Some(shorter) => Ok(Some(shorter)),
                        None => Err(error.into()),
                    };
                }
            };
            self.page(&mut page, each)?;
            match page.get_mut("NextToken").map(Value::take) {
                Some(token) if !token.is_null() && !self.is_full => {
                    set(&mut request, "NextToken", token);
                }
                _ => return Ok(None),
            }
        }
    }

    fn page(
        &mut self,
        page: &mut Value,
        each: &mut impl FnMut(Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.pages += 1;
        let looked_at = page.get("TracesProcessedCount").and_then(Value::as_u64);
        self.looked_at += looked_at.unwrap_or_default();
        if let Some(explained) = page.get_mut(EXPLAINED).map(Value::take) {
            let read = serde_json::from_value(explained)
                .with_context(|| format!("{PATH}: member {EXPLAINED} is not understood"))?;
            self.explained.get_or_insert_default().add(read);
        }
        let Some(Value::Array(summaries)) = page.get_mut("TraceSummaries").map(Value::take) else {
            anyhow::bail!("{PATH}: answer is not understood: there is no list TraceSummaries");
        };
        for summary in summaries {
            if self.seen.len() >= self.limit {
                self.is_full = true;
                break;
            }
            if self.seen.insert(id_of(&summary).to_owned()) {
                each(summary)?;
            }
        }
        Ok(())
    }

    /// What the collector told about what it read for all pages; nothing if it told nothing.
    pub(super) const fn explained(&self) -> Option<&Explained> {
        self.explained.as_ref()
    }

    /// How the search went.
    pub(super) fn remark(&self, start: Timestamp, end: Timestamp) -> String {
        let more = if self.is_full {
            "; there are more: --limit"
        } else {
            ""
        };
        format!(
            "{} traces of {} looked at in {} pages, {} to {}{more}",
            self.seen.len(),
            self.looked_at,
            self.pages,
            shown(start),
            shown(end),
        )
    }
}

fn set(request: &mut Value, member: &str, value: Value) {
    if let Some(request) = request.as_object_mut() {
        request.insert(member.to_owned(), value);
    }
}

/// Where the newest piece of a window begins.
fn piece_start(start: Timestamp, end: Timestamp, micros_max: Option<i64>) -> Timestamp {
    let from = micros_max.map_or(start, |micros| end.plus_micros(micros.saturating_neg()));
    from.max(start)
}

/// The longest window that the collector answers, in microseconds, when that is what it says.
fn window_max(error: &ApiError) -> Option<i64> {
    let ApiError::Refused { message, .. } = error else {
        return None;
    };
    let rest = message.strip_prefix("Time range cannot be longer than ")?;
    let hours: i64 = rest.split_whitespace().next()?.parse().ok()?;
    (hours > 0).then(|| hours.saturating_mul(3_600_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_a_window_from_its_end_without_gap_or_overlap() {
        let at = Timestamp::from_seconds;
        let (start, mut end) = (at(0), at(14 * 3600));
        let mut pieces = Vec::new();
        while end > start {
            let from = piece_start(start, end, Some(6 * 3_600_000_000));
            pieces.push((from.seconds_floor() / 3600, end.seconds_floor() / 3600));
            end = from;
        }
        assert_eq!(pieces, [(8, 14), (2, 8), (0, 2)]);
        assert_eq!(piece_start(start, at(100), None), start);
    }

    #[test]
    fn the_collectors_own_bound_is_read_from_its_refusal() {
        let refused = |message: &str| {
            window_max(&ApiError::Refused {
                path: PATH,
                status: 400,
                name: "InvalidRequestException".to_owned(),
                message: message.to_owned(),
            })
        };
        let hour = 3_600_000_000;
        assert_eq!(
            refused("Time range cannot be longer than 6 hours"),
            Some(6 * hour)
        );
        assert_eq!(refused("Time range cannot be longer than 0 hours"), None);
        assert_eq!(refused("Time range cannot be longer than that"), None);
        assert_eq!(refused("Invalid token"), None);
    }
}
