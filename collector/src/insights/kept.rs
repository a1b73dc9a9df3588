//! Where insights are kept: a record each, and a record that lists them.
//!
//! Records cannot be removed, so there are as many places as insights may be kept, and a new insight
//! takes the place of one that is gone. The list is written first: an insight whose place does not hold it
//! (yet, or any more) is left out by readers and written again by the next round of detection, which
//! finds the same one. Bounds: [`INSIGHTS_MAX`], [`KEPT_SECONDS`].

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::bounds::{Beyond, Bound};
use super::id;
use super::insight::Insight;
use crate::error::ServiceError;
use crate::record;
use crate::store::{Store, StoreError};

/// Insights that are kept of all groups; beyond it the oldest closed one goes, or the oldest of all.
pub(crate) const INSIGHTS_MAX: usize = 1000;

/// Seconds that an insight is kept after its end: as long as it may be asked for.
pub(crate) const KEPT_SECONDS: i64 = radiograph_protocol::limits::INSIGHT_AGE_SECONDS_MAX;

/// Record of the list.
const LIST_KEY: &str = "insights";

/// All insights that are kept, in no particular order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct List {
    pub(super) entries: Vec<Entry>,
}

/// What the list says of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(with = "id")]
    pub(super) id: Uuid,
    pub(super) group_arn: String,
    /// Epoch seconds.
    pub(super) start: i64,
    /// Epoch seconds; none while it is active.
    pub(super) closed: Option<i64>,
    /// Its place.
    place: usize,
}

impl List {
    /// Takes an insight in, or what it is now; one that has to go for it is counted in `beyond`.
    fn put(&mut self, insight: &Insight, beyond: &mut Beyond) -> Entry {
        let closed = insight.is_closed.then_some(insight.end);
        if let Some(known) = self.entries.iter_mut().find(|entry| entry.id == insight.id) {
            known.closed = closed;
            return known.clone();
        }
        if self.entries.len() >= INSIGHTS_MAX {
            let age = |entry: &&Entry| (entry.closed.is_none(), entry.start, entry.id);
            if let Some(oldest) = self.entries.iter().min_by_key(age).map(|entry| entry.id) {
                self.entries.retain(|entry| entry.id != oldest);
                beyond.one(Bound::InsightsKept);
            }
        }
        let is_free = |place: &usize| self.entries.iter().all(|entry| entry.place != *place);
        let entry = Entry {
            id: insight.id,
            group_arn: insight.group.arn.clone(),
            start: insight.start,
            closed,
            // of one place more than there are entries one is free
            place: (0..=self.entries.len()).find(is_free).unwrap_or_default(),
        };
        self.entries.push(entry.clone());
        entry
    }

    /// Lets those go that ended before `time`.
    fn drop_before(&mut self, time: i64) {
        self.entries
            .retain(|entry| entry.closed.is_none_or(|closed| closed >= time));
    }
}

fn place_key(place: usize) -> String {
    format!("insight-{place}")
}

/// The list.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn list(store: &dyn Store) -> Result<List, StoreError> {
    Ok(record::read(store, LIST_KEY, List::default).await?.0)
}

/// The insight of an entry; `None` when its place holds another one.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn insight(store: &dyn Store, of: &Entry) -> Result<Option<Insight>, StoreError> {
    let (found, _): (Option<Insight>, _) =
        record::read(store, &place_key(of.place), || None).await?;
    Ok(found.filter(|insight| insight.id == of.id))
}

/// Keeps insights as they are now, and lets go of what ended long before `now`, and of what there is no
/// room for: that is counted.
///
/// # Errors
/// When they cannot be written.
pub(super) async fn put(
    store: &dyn Store,
    insights: &[Insight],
    now: i64,
) -> Result<Beyond, ServiceError> {
    let (mut list, _) = record::read(store, LIST_KEY, List::default).await?;
    let before = list.clone();
    let act = |list: &mut List| {
        list.drop_before(now - KEPT_SECONDS);
        // of the attempt that is written, not of those before it
        let mut beyond = Beyond::default();
        let put = |insight| list.put(insight, &mut beyond);
        let entries: Vec<Entry> = insights.iter().map(put).collect();
        (entries, beyond)
    };
    let (mut entries, mut beyond) = act(&mut list);
    if list != before {
        (entries, beyond) =
            record::change(store, LIST_KEY, List::default, |list| Ok(act(list))).await?;
    }
    for (entry, insight) in entries.iter().zip(insights) {
        let fresh = || None;
        record::change(store, &place_key(entry.place), fresh, |kept| {
            *kept = Some(insight.clone());
            Ok(())
        })
        .await?;
    }
    Ok(beyond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::insight::OfGroup;
    use crate::trace::node::NodeKey;

    fn insight(start: i64, is_closed: bool) -> Insight {
        let group = OfGroup {
            name: "g".to_owned(),
            arn: "arn".to_owned(),
            filter_expression: None,
        };
        let mut insight = Insight::new(group, NodeKey::client_of("x"), start);
        insight.is_closed = is_closed;
        insight
    }

    #[test]
    fn a_full_list_lets_the_oldest_closed_insight_go_and_gives_its_place_away() {
        let mut list = List::default();
        let mut beyond = Beyond::default();
        let active = list.put(&insight(0, false), &mut beyond);
        let oldest = list.put(&insight(60, true), &mut beyond);
        for number in 2..1000 {
            list.put(&insight(number * 60, true), &mut beyond);
        }
        assert_eq!(list.entries.len(), INSIGHTS_MAX);
        assert_eq!(beyond, Beyond::default());
        let new = list.put(&insight(1_000_000, false), &mut beyond);
        let counted: Vec<_> = beyond.counts().collect();
        assert_eq!(counted, [(Bound::InsightsKept, 1)]);
        assert_eq!(list.entries.len(), INSIGHTS_MAX);
        assert_eq!(new.place, oldest.place);
        assert!(!list.entries.contains(&oldest));
        assert!(list.entries.contains(&active), "active ones stay");
        assert!(list.entries.iter().all(|entry| entry.place < INSIGHTS_MAX));
    }

    #[test]
    fn an_insight_has_one_entry_and_goes_a_month_after_its_end() {
        let mut list = List::default();
        let mut beyond = Beyond::default();
        let first = list.put(&insight(60, false), &mut beyond);
        let again = list.put(&insight(60, true), &mut beyond);
        assert_eq!((list.entries.len(), first.place), (1, again.place));
        list.drop_before(60);
        assert_eq!(list.entries.len(), 1);
        list.drop_before(61);
        assert_eq!(list.entries.len(), 0);
    }
}
