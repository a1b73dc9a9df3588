//! Adaptive sampling from stored segments to what clients are sent.

use radiograph_protocol::api::sampling::{BoostStatisticsDocument, StatisticsDocument};
use radiograph_protocol::api::sampling::{GetSamplingTargetsRequest, SamplingTargetDocument};
use radiograph_protocol::sampling::SamplingRateBoost;
use tempfile::TempDir;

use super::*;
use crate::sampling::{ACCOUNT_DEFAULT, LEASE_DEFAULT, REGION_DEFAULT, RuleSet};
use crate::settle::settle;
use crate::store::Record;
use crate::store::contract::sample::{HOUR, trace};
use crate::store::embedded::{EmbeddedStore, Options};

struct Subject {
    adaptive: Adaptive,
    store: Arc<EmbeddedStore>,
    _dir: TempDir,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(HOUR + seconds)
}

/// The Default rule and one of this name, of one request per second and a hundredth.
fn rule_set(rule_name: &str, boost: Option<SamplingRateBoost>) -> RuleSet {
    let fresh = RuleSet::fresh(REGION_DEFAULT, ACCOUNT_DEFAULT);
    let mut record = fresh.rules[0].clone();
    record.sampling_rule = SamplingRule {
        rule_name: rule_name.to_owned(),
        priority: 1,
        fixed_rate: 0.01,
        service_name: "shop".to_owned(),
        sampling_rate_boost: boost,
        ..record.sampling_rule
    };
    RuleSet::new(
        vec![record, fresh.rules[0].clone()],
        fresh.last_modification,
    )
}

impl Subject {
    fn new(boost: Option<SamplingRateBoost>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            clock: Arc::new(|| at(0)),
            ..Options::default()
        };
        let store = Arc::new(EmbeddedStore::open(dir.path(), options).unwrap());
        let sampling = Sampling::new(rule_set("checkout", boost), LEASE_DEFAULT);
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        Self {
            adaptive: Adaptive::new(shared, Arc::new(sampling)),
            store,
            _dir: dir,
        }
    }

    async fn put(&self, rule_name: &str) -> Result<PutAdaptiveSamplingResponse, ServiceError> {
        let request = PutAdaptiveSamplingRequest {
            rule_name: Some(rule_name.to_owned()),
            traces_per_second_max: Some(51),
            cooldown_window_minutes: Some(2),
            ..PutAdaptiveSamplingRequest::default()
        };
        self.adaptive.put(request).await
    }

    /// Twenty segments of the service in the minute of these seconds, of which some are faults.
    async fn traffic(&self, minute: u32, faults: u32) {
        let records = (0..20).map(|number| Record {
            trace_id: trace(minute * 100 + number),
            document: format!(
                r#"{{"trace_id":"{}","id":"{:016x}","name":"shop","start_time":{start},"end_time":{start}.1,"fault":{}}}"#,
                trace(minute * 100 + number),
                number + 1,
                number < faults,
                start = HOUR + i64::from(minute) * 60 + i64::from(number),
            ),
        });
        let records: Vec<Record> = records.collect();
        let traces: Vec<_> = records.iter().map(|record| record.trace_id).collect();
        self.store.append(records).await.unwrap();
        settle(&*self.store, &traces).await.unwrap();
    }

    /// A client's report of 50 requests per second, and the target it is sent.
    fn report(&self, seconds: i64, anomalies: u64) -> SamplingTargetDocument {
        let boosts = (anomalies > 0).then(|| BoostStatisticsDocument {
            rule_name: "checkout".to_owned(),
            service_name: "cart".to_owned(),
            timestamp: at(seconds),
            anomaly_count: anomalies,
            total_count: 500,
            sampled_anomaly_count: 0,
        });
        let request = GetSamplingTargetsRequest {
            statistics: vec![StatisticsDocument {
                rule_name: "checkout".to_owned(),
                client_id: "0a1b2c3d4e5f60718293a4b5".to_owned(),
                timestamp: at(seconds),
                request_count: 500,
                sampled_count: 15,
                borrow_count: 0,
            }],
            boosts: boosts.into_iter().collect(),
        };
        let answer = self.adaptive.sampling.targets(&request, at(seconds));
        answer.sampling_target_documents[0].clone()
    }
}

fn levels(target: &SamplingTargetDocument) -> (f64, u32) {
    (target.fixed_rate, target.reservoir.unwrap().quota)
}

const OWN: (f64, u32) = (0.01, 1);
/// Of a budget of 51 at 50 requests per second, planned for 100.
const RAISED: (f64, u32) = (0.337, 26);

#[tokio::test]
async fn rule_is_raised_while_its_service_fails_and_falls_back_after_the_cooldown() {
    let subject = Subject::new(None);
    subject.put("checkout").await.unwrap();
    for minute in 0..5 {
        subject.traffic(minute, 0).await;
    }
    subject.adaptive.look(at(299)).await;
    assert_eq!(levels(&subject.report(300, 0)), OWN);

    let modified = subject.adaptive.sampling.last_rule_modification();
    subject.traffic(5, 10).await;
    subject.adaptive.look(at(340)).await;
    assert_eq!(levels(&subject.report(341, 0)), RAISED);
    let shown = subject.adaptive.get().await.unwrap();
    let raised = shown.adaptive_sampling[0].raised.clone().unwrap();
    assert_eq!((raised.since, raised.last_signal), (at(340), at(340)));
    assert_eq!(
        (&*raised.cause.service_name, raised.cause.signal),
        ("shop", Signal::Errors)
    );
    let usage = subject.adaptive.sampling.rules_usage(at(341));
    assert!(usage.rules[0].is_raised, "{usage:?}");

    subject.adaptive.look(at(350)).await;
    subject.report(460, 0);
    subject.adaptive.look(at(469)).await;
    assert_eq!(
        levels(&subject.report(469, 0)),
        RAISED,
        "the cooldown is not over"
    );
    subject.adaptive.look(at(470)).await;
    // never from above one straight to less than one: but one is what the rule has
    assert_eq!(levels(&subject.report(471, 0)), OWN);
    assert!(
        subject.adaptive.get().await.unwrap().adaptive_sampling[0]
            .raised
            .is_none()
    );
    let now = subject.adaptive.sampling.last_rule_modification();
    assert_eq!(now, modified, "nobody reloads rules for it");
}

#[tokio::test]
async fn anomalies_that_clients_report_raise_a_rule_with_settings_instead_of_boosting_it() {
    let boost = SamplingRateBoost {
        max_rate: 1.0,
        cooldown_window_minutes: 0,
    };
    let subject = Subject::new(Some(boost));
    subject.report(0, 20);
    let target = subject.report(10, 20);
    assert!(
        target.sampling_boost.is_some(),
        "without settings by the protocol alone"
    );
    assert_eq!(levels(&target), OWN);

    subject.put("checkout").await.unwrap();
    subject.adaptive.look(at(20)).await;
    let target = subject.report(21, 0);
    assert_eq!((levels(&target), target.sampling_boost), (RAISED, None));
}

#[tokio::test]
async fn what_cannot_be_put_or_deleted_is_refused() {
    let subject = Subject::new(None);
    let unknown = subject.put("gone").await.unwrap_err().to_string();
    assert_eq!(
        unknown,
        "InvalidRequestException: Sampling rule does not exist"
    );
    let delete = async |rule_name: Option<&str>| {
        let rule_name = rule_name.map(str::to_owned);
        let request = DeleteAdaptiveSamplingRequest { rule_name };
        let error = subject.adaptive.delete(request).await.unwrap_err();
        error.to_string()
    };
    assert_eq!(
        delete(Some("checkout")).await,
        "InvalidRequestException: Sampling rule has no adaptive sampling"
    );
    assert_eq!(
        delete(None).await,
        "InvalidRequestException: RuleName must not be null"
    );
}

#[tokio::test]
async fn settings_leave_with_their_rule() {
    let subject = Subject::new(None);
    subject.put("checkout").await.unwrap();
    subject.put("Default").await.unwrap();
    let sampling = &subject.adaptive.sampling;
    let later = |rule_name: &str, second| RuleSet {
        last_modification: at(second),
        ..rule_set(rule_name, None)
    };
    sampling.replace_rules(later("other", 5), at(5));
    subject.adaptive.look(at(10)).await;
    sampling.replace_rules(later("checkout", 15), at(15));
    let shown = subject.adaptive.get().await.unwrap().adaptive_sampling;
    let names: Vec<&str> = shown.iter().map(|rule| rule.rule_name.as_str()).collect();
    assert_eq!(names, ["Default"]);
}

#[tokio::test]
async fn deleted_settings_end_a_raise_at_once() {
    let subject = Subject::new(None);
    subject.put("checkout").await.unwrap();
    subject.report(290, 0);
    subject.traffic(5, 10).await;
    subject.adaptive.look(at(340)).await;
    assert_eq!(levels(&subject.report(341, 0)), RAISED);
    let request = DeleteAdaptiveSamplingRequest {
        rule_name: Some("checkout".to_owned()),
    };
    subject.adaptive.delete(request).await.unwrap();
    subject.adaptive.look(at(350)).await;
    assert_eq!(levels(&subject.report(351, 0)), OWN);
}

#[tokio::test]
async fn rule_falls_back_even_if_the_settings_cannot_be_read() {
    let subject = Subject::new(None);
    subject.put("checkout").await.unwrap();
    subject.report(290, 0);
    subject.traffic(5, 10).await;
    subject.adaptive.look(at(340)).await;
    let store = &subject.store;
    let version = store.state(SETTINGS_KEY).await.unwrap().unwrap().version;
    let damaged = b"{".to_vec();
    store
        .put_state(SETTINGS_KEY, version, damaged)
        .await
        .unwrap();
    subject.adaptive.look(at(400)).await;
    subject.report(455, 0);
    subject.adaptive.look(at(459)).await;
    assert_eq!(levels(&subject.report(459, 0)), RAISED);
    subject.adaptive.look(at(460)).await;
    assert_eq!(levels(&subject.report(461, 0)), OWN);
}
