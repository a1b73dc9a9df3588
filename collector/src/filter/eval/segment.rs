//! `service(node) { filter }`, and what simple keywords mean of one segment.
//! Source: `spec/filter-expressions.md` section 3, section 2, column S.

use super::super::ast::NodePattern;
use super::super::keyword::{FlagKeyword, NumberKeyword, TextKeyword};
use super::Fields;
use crate::trace::facts::{EntityFacts, HttpFacts, SegmentFacts, SegmentKind};
use crate::trace::node::NodeKey;
use crate::trace::view::TraceView;

/// Whether one segment of a node that is meant passes. A client, which has no segment, shows that of
/// the root it called.
pub(in super::super) fn any<'v>(
    view: &'v TraceView,
    node: &NodePattern,
    mut passes: impl FnMut(&SegmentFields<'v>) -> bool,
) -> bool {
    let mut holds = |segment: &'v SegmentFacts| {
        SegmentFields::of(view, segment).is_some_and(|fields| passes(&fields))
    };
    let mut segments = view.facts.segments.iter();
    let mut client_calls = view.facts.calls.iter().filter(|call| call.source.is_none());
    segments.any(|segment| node.selects_segment_of(view.node(segment.node)) && holds(segment))
        || client_calls.any(|call| {
            view.segment(call.target).is_some_and(|root| {
                node.selects_client_of(&view.node(root.node).name) && holds(root)
            })
        })
}

/// The values of one segment.
pub(in super::super) struct SegmentFields<'v> {
    view: &'v TraceView,
    segment: &'v SegmentFacts,
    entity: &'v EntityFacts,
}

impl<'v> SegmentFields<'v> {
    /// `None` only in a damaged view.
    pub(super) fn of(view: &'v TraceView, segment: &'v SegmentFacts) -> Option<Self> {
        Some(Self {
            view,
            segment,
            entity: view.entity(segment.entity)?,
        })
    }

    /// The node it belongs to.
    pub(in super::super) fn node(&self) -> &'v NodeKey {
        self.view.node(self.segment.node)
    }
}

impl Fields for SegmentFields<'_> {
    fn flag(&self, keyword: FlagKeyword) -> Option<bool> {
        match keyword {
            FlagKeyword::Inferred => Some(self.segment.kind == SegmentKind::Inferred),
            FlagKeyword::Root => Some(self.segment.is_root),
            _ => entity_flag(self.entity, keyword),
        }
    }

    fn number(&self, keyword: NumberKeyword) -> Option<f64> {
        match keyword {
            // as in the graph's histograms: not before it has ended
            NumberKeyword::Duration => self.entity.end.map(|_| {
                let span = self.segment.latest.since(self.segment.earliest);
                span.seconds_ms()
            }),
            _ => entity_number(self.entity, keyword),
        }
    }

    fn any_text(&self, keyword: TextKeyword, passes: &dyn Fn(&str) -> bool) -> bool {
        let node = self.node();
        let host = self.segment.host.as_deref();
        let value = match keyword {
            TextKeyword::Name => Some(node.name.as_str()),
            TextKeyword::Type => node.kind.as_deref(),
            TextKeyword::AccountId => node.account_id.as_deref(),
            TextKeyword::User => host.and_then(|host| host.user.as_deref()),
            TextKeyword::InstanceId => host.and_then(|host| host.instance_id.as_deref()),
            TextKeyword::ResourceArn => host.and_then(|host| host.resource_arn.as_deref()),
            TextKeyword::AvailabilityZone => {
                let mut zones = host.into_iter().flat_map(|host| &host.availability_zones);
                return zones.any(|zone| passes(zone));
            }
            TextKeyword::HttpUrl
            | TextKeyword::HttpMethod
            | TextKeyword::HttpUserAgent
            | TextKeyword::HttpClientIp => http_text(self.entity.http.as_deref(), keyword),
            TextKeyword::Message => None,
        };
        value.is_some_and(passes)
    }
}

/// The flags that segments and calls have.
pub(super) fn entity_flag(entity: &EntityFacts, keyword: FlagKeyword) -> Option<bool> {
    let flags = entity.flags;
    match keyword {
        FlagKeyword::Ok => Some(!(flags.fault || flags.error || flags.throttle)),
        FlagKeyword::Error => Some(flags.error),
        FlagKeyword::Fault => Some(flags.fault),
        FlagKeyword::Throttle => Some(flags.throttle),
        FlagKeyword::Partial => Some(entity.end.is_none()),
        FlagKeyword::Inferred
        | FlagKeyword::Root
        | FlagKeyword::First
        | FlagKeyword::Last
        | FlagKeyword::Remote => None,
    }
}

/// The numbers of an entity by itself.
pub(super) fn entity_number(entity: &EntityFacts, keyword: NumberKeyword) -> Option<f64> {
    match keyword {
        NumberKeyword::ResponseTime | NumberKeyword::Duration => {
            Some(entity.end?.since(entity.start).seconds_ms())
        }
        NumberKeyword::HttpStatus => http_status(entity.http.as_deref()),
        NumberKeyword::Index | NumberKeyword::Coverage => None,
    }
}

/// A status as numbers compare.
pub(super) fn http_status(http: Option<&HttpFacts>) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers compare as doubles, in AWS and here"
    )]
    http?.status.map(|status| status as f64)
}

/// What an `http` block says; `None` for keywords about anything else.
pub(super) fn http_text(http: Option<&HttpFacts>, keyword: TextKeyword) -> Option<&str> {
    let http = http?;
    let value = match keyword {
        TextKeyword::HttpUrl => &http.url,
        TextKeyword::HttpMethod => &http.method,
        TextKeyword::HttpUserAgent => &http.user_agent,
        TextKeyword::HttpClientIp => &http.client_ip,
        _ => return None,
    };
    value.as_deref()
}
