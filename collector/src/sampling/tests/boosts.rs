//! Boosts and adaptive sampling as clients see them: in the targets of whole calls.

use super::*;

fn boosted(max_rate: f64) -> SamplingRuleRecord {
    let mut boosted = record("boosted", 100, 5);
    boosted.sampling_rule.sampling_rate_boost = Some(SamplingRateBoost {
        max_rate,
        cooldown_window_minutes: 10,
    });
    boosted
}

fn report(sampling: &Sampling, client_id: &str, anomalies: u64, seconds: i64) -> Value {
    let body = json!({
        "SamplingStatisticsDocuments": [document("boosted", client_id, 90, seconds)],
        "SamplingBoostStatisticsDocuments": [{
            "RuleName": "boosted", "ServiceName": "shop", "Timestamp": START + seconds,
            "AnomalyCount": anomalies, "TotalCount": 90, "SampledAnomalyCount": 0
        }]
    });
    let request = GetSamplingTargetsRequest::parse(body.to_string().as_bytes()).unwrap();
    let answer = serde_json::to_value(sampling.targets(&request, at(seconds))).unwrap();
    answer["SamplingTargetDocuments"][0].clone()
}

#[test]
fn every_client_of_the_rule_is_sent_the_same_boost_for_a_minute() {
    let sampling = service(&[boosted(0.8)]);
    let other = CLIENT_ID.to_uppercase();
    assert_eq!(
        report(&sampling, CLIENT_ID, 25, 0)["SamplingBoost"],
        json!(null)
    );
    let boost = json!({"BoostRate": 0.4, "BoostRateTTL": START + 70});
    for (client_id, seconds) in [(CLIENT_ID, 10), (&other, 11), (CLIENT_ID, 69)] {
        let target = report(&sampling, client_id, 5, seconds);
        assert_eq!(target["SamplingBoost"], boost, "{seconds}");
        assert_eq!(target["FixedRate"], json!(0.2), "{seconds}");
    }
    let over = report(&sampling, CLIENT_ID, 5, 70);
    assert_eq!(over["SamplingBoost"], json!(null));
}

#[test]
fn anomalies_of_a_repeated_call_count_once() {
    let sampling = service(&[boosted(1.0)]);
    for _ in 0..3 {
        report(&sampling, CLIENT_ID, 20, 0);
    }
    let target = report(&sampling, CLIENT_ID, 0, 10);
    assert_eq!(target["SamplingBoost"]["BoostRate"], json!(0.5));
}
