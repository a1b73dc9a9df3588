//! The two sampling calls: passed on, and helped out while the endpoint is down.
//!
//! Rules come from the last good copy then; statistics are kept for the next call that succeeds.
//! Targets are never answered from a copy: the failure is passed on, and the SDK keeps its quotas.
//!
//! Source: `spec/daemon.md` section 5.3.

use std::sync::{Arc, MutexGuard, PoisonError};

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method, StatusCode};
use radiograph_protocol::api::sampling::{GetSamplingTargetsRequest, StatisticsDocument};

use super::answer::Answer;
use super::forward::{Call, bad_gateway};
use super::statistics::{self, Unreported};
use super::{Proxy, rules};
use crate::clock;

impl Proxy {
    pub(super) async fn answer_rules(&self, call: Call) -> Answer {
        let has_copy = !rules::is_for_a_later_page(&call.body);
        let forwarded = self.forward(call).await;
        match forwarded {
            Ok(reply) if !reply.is_outage() => {
                if has_copy {
                    self.rules.keep(&reply, clock::now());
                }
                reply.into()
            }
            failed => match self.rules.copy(clock::now()).filter(|_| has_copy) {
                Some(copy) => copy.into(),
                None => failed.map_or_else(|reason| bad_gateway(&reason), Answer::from),
            },
        }
    }

    pub(super) async fn answer_targets(self: &Arc<Self>, mut call: Call) -> Answer {
        let Ok(mut request) = GetSamplingTargetsRequest::parse(&call.body) else {
            // What is wrong with it is the endpoint's to say.
            let forwarded = self.forward(call).await;
            return forwarded.map_or_else(|reason| bad_gateway(&reason), Answer::from);
        };
        let own = request.statistics.clone();
        let earlier = self.unreported().take_for(&own);
        if !earlier.is_empty() {
            statistics::join(&mut request.statistics, &earlier);
            // Writing numbers and texts has no way to fail; without it the call goes as it came.
            if let Ok(body) = serde_json::to_vec(&request) {
                call.body = body.into();
            }
        }
        let forwarded = self.forward(call).await;
        match &forwarded {
            Ok(reply) if reply.status == StatusCode::OK => {
                let proxy = Arc::clone(self);
                tokio::spawn(async move { proxy.report_others().await });
            }
            Ok(reply) if !reply.is_outage() => self.keep_unreported(&earlier),
            _ => {
                self.keep_unreported(&own);
                self.keep_unreported(&earlier);
            }
        }
        forwarded.map_or_else(|reason| bad_gateway(&reason), Answer::from)
    }

    /// Reports what waited for the endpoint's return, and what no client has come back for.
    async fn report_others(&self) {
        loop {
            let reports = self.unreported().take();
            if reports.is_empty() {
                return;
            }
            let request = GetSamplingTargetsRequest {
                statistics: reports,
                boosts: Vec::new(),
            };
            let Ok(body) = serde_json::to_vec(&request) else {
                return;
            };
            let json = HeaderValue::from_static("application/json");
            let call = Call {
                method: Method::POST,
                path: "/SamplingTargets".to_owned(),
                headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
                body: body.into(),
            };
            let reported = self.forward(call).await;
            if !reported.is_ok_and(|reply| !reply.is_outage()) {
                self.keep_unreported(&request.statistics);
                return;
            }
        }
    }

    fn unreported(&self) -> MutexGuard<'_, Unreported> {
        self.unreported
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_unreported(&self, reports: &[StatisticsDocument]) {
        let count = self.unreported().keep(reports);
        if count > 0 {
            tracing::warn!(
                count,
                "Sampling statistics lost: too many wait for the endpoint"
            );
        }
    }
}
