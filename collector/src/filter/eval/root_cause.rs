//! `rootcause.fault.service { filter }` and its siblings, and what simple keywords mean there.
//! Source: `spec/filter-expressions.md` section 5, section 2, columns Rs, Re and Rx.

use radiograph_protocol::timestamp::millis_as_seconds;

use super::super::keyword::{CauseList, FlagKeyword, NumberKeyword, TextKeyword};
use super::Fields;
use crate::trace::node::NodeKey;
use crate::trace::summary::{RootCause, RootCauseEntity};
use crate::trace::view::TraceView;

/// Whether one element of the list of one root cause passes.
pub(in super::super) fn any<'v>(
    view: &'v TraceView,
    list: CauseList,
    mut passes: impl FnMut(&Element<'v>) -> bool,
) -> bool {
    let summary = &view.summary;
    let causes = match list {
        CauseList::FaultService | CauseList::FaultEntity | CauseList::FaultException => {
            &summary.fault_root_causes
        }
        CauseList::ErrorService | CauseList::ErrorEntity | CauseList::ErrorException => {
            &summary.error_root_causes
        }
        CauseList::ResponseTimeService | CauseList::ResponseTimeEntity => {
            &summary.response_time_root_causes
        }
    };
    causes.iter().any(|cause| match list {
        CauseList::FaultService | CauseList::ErrorService | CauseList::ResponseTimeService => {
            any_of(services(view, cause), &mut passes)
        }
        CauseList::FaultEntity | CauseList::ErrorEntity | CauseList::ResponseTimeEntity => {
            any_of(entities(cause).map(What::Entity), &mut passes)
        }
        CauseList::FaultException | CauseList::ErrorException => {
            let exceptions = entities(cause).flat_map(|entity| &entity.exceptions);
            any_of(
                exceptions.map(|(name, message)| What::Exception { name, message }),
                &mut passes,
            )
        }
    })
}

fn services<'v>(view: &'v TraceView, cause: &'v RootCause) -> impl Iterator<Item = What<'v>> {
    cause.services.iter().map(|service| What::Service {
        node: view.node(service.node),
        inferred: service.inferred,
    })
}

/// All entities of a cause, joined in order.
fn entities(cause: &RootCause) -> impl Iterator<Item = &RootCauseEntity> {
    cause.services.iter().flat_map(|service| &service.path)
}

fn any_of<'v>(
    list: impl Iterator<Item = What<'v>>,
    passes: &mut impl FnMut(&Element<'v>) -> bool,
) -> bool {
    let mut list = list.enumerate().peekable();
    while let Some((index, what)) = list.next() {
        let element = Element {
            what,
            index,
            is_last: list.peek().is_none(),
        };
        if passes(&element) {
            return true;
        }
    }
    false
}

/// An element of a root cause's list.
pub(in super::super) struct Element<'v> {
    what: What<'v>,
    index: usize,
    is_last: bool,
}

/// What an element is.
enum What<'v> {
    Service { node: &'v NodeKey, inferred: bool },
    Entity(&'v RootCauseEntity),
    Exception { name: &'v str, message: &'v str },
}

impl Element<'_> {
    /// Its place in the list, from 0.
    pub(in super::super) const fn index(&self) -> usize {
        self.index
    }

    /// What it is called.
    pub(in super::super) fn name(&self) -> &str {
        match &self.what {
            What::Service { node, .. } => &node.name,
            What::Entity(entity) => &entity.name,
            What::Exception { name, .. } => name,
        }
    }
}

impl Fields for Element<'_> {
    fn flag(&self, keyword: FlagKeyword) -> Option<bool> {
        match (keyword, &self.what) {
            (FlagKeyword::First, _) => Some(self.index == 0),
            (FlagKeyword::Last, _) => Some(self.is_last),
            (FlagKeyword::Inferred, What::Service { inferred, .. }) => Some(*inferred),
            (FlagKeyword::Remote, What::Entity(entity)) => Some(entity.remote),
            _ => None,
        }
    }

    fn number(&self, keyword: NumberKeyword) -> Option<f64> {
        match (keyword, &self.what) {
            (NumberKeyword::Index, _) => u32::try_from(self.index).ok().map(f64::from),
            (NumberKeyword::Coverage, What::Entity(entity)) => {
                Some(millis_as_seconds(entity.coverage_permille))
            }
            _ => None,
        }
    }

    fn any_text(&self, keyword: TextKeyword, passes: &dyn Fn(&str) -> bool) -> bool {
        let value = match (keyword, &self.what) {
            (TextKeyword::Name, What::Service { node, .. }) => Some(node.name.as_str()),
            (TextKeyword::Type, What::Service { node, .. }) => node.kind.as_deref(),
            (TextKeyword::AccountId, What::Service { node, .. }) => node.account_id.as_deref(),
            (TextKeyword::Name, What::Entity(entity)) => Some(entity.name.as_str()),
            (TextKeyword::Name, What::Exception { name, .. }) => Some(*name),
            (TextKeyword::Message, What::Exception { message, .. }) => Some(*message),
            _ => None,
        };
        value.is_some_and(passes)
    }
}
