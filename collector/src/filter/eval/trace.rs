//! What simple keywords mean outside of all braces: the summary, as the trace's client saw it.
//! Source: `spec/filter-expressions.md` section 2, column T.

use radiograph_protocol::timestamp::Elapsed;

use super::super::keyword::{FlagKeyword, NumberKeyword, TextKeyword};
use super::Fields;
use super::segment::{http_status, http_text};
use crate::trace::facts::{HostFacts, SegmentKind};
use crate::trace::view::TraceView;

/// The values of a whole trace.
pub(in super::super) struct TraceFields<'v>(pub(in super::super) &'v TraceView);

impl Fields for TraceFields<'_> {
    fn flag(&self, keyword: FlagKeyword) -> Option<bool> {
        let Self(view) = self;
        let summary = &view.summary;
        match keyword {
            // without a root nobody answered
            FlagKeyword::Ok => {
                let flags = view.entity(view.root()?.entity)?.flags;
                Some(!(flags.fault || flags.error || flags.throttle))
            }
            FlagKeyword::Error => Some(summary.has_error),
            FlagKeyword::Fault => Some(summary.has_fault),
            FlagKeyword::Throttle => Some(summary.has_throttle),
            FlagKeyword::Partial => Some(summary.is_partial),
            FlagKeyword::Inferred => {
                let mut segments = view.facts.segments.iter();
                Some(segments.any(|segment| segment.kind == SegmentKind::Inferred))
            }
            FlagKeyword::Root | FlagKeyword::First | FlagKeyword::Last | FlagKeyword::Remote => {
                None
            }
        }
    }

    fn number(&self, keyword: NumberKeyword) -> Option<f64> {
        let Self(view) = self;
        match keyword {
            NumberKeyword::ResponseTime => view.summary.response_time.map(Elapsed::seconds_ms),
            NumberKeyword::Duration => view.summary.duration.map(Elapsed::seconds_ms),
            NumberKeyword::HttpStatus => http_status(view.http()),
            NumberKeyword::Index | NumberKeyword::Coverage => None,
        }
    }

    fn any_text(&self, keyword: TextKeyword, passes: &dyn Fn(&str) -> bool) -> bool {
        let Self(view) = self;
        let any_host = |values: fn(&HostFacts) -> &[String]| {
            let hosts = view.facts.segments.iter().filter_map(|s| s.host.as_deref());
            hosts.flat_map(values).any(|value| passes(value))
        };
        match keyword {
            TextKeyword::User => any_host(|host| host.user.as_slice()),
            TextKeyword::AvailabilityZone => any_host(|host| &host.availability_zones),
            TextKeyword::InstanceId => any_host(|host| host.instance_id.as_slice()),
            TextKeyword::ResourceArn => any_host(|host| host.resource_arn.as_slice()),
            TextKeyword::AccountId => {
                let nodes = view.summary.services.iter().map(|at| view.node(*at));
                let mut accounts = nodes.filter_map(|node| node.account_id.as_deref());
                accounts.any(passes)
            }
            TextKeyword::HttpUrl
            | TextKeyword::HttpMethod
            | TextKeyword::HttpUserAgent
            | TextKeyword::HttpClientIp => http_text(view.http(), keyword).is_some_and(passes),
            TextKeyword::Name | TextKeyword::Type | TextKeyword::Message => false,
        }
    }
}
