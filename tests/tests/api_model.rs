//! All operations of X-Ray's service model, by unmodified boto3: with valid input, and with every rule of
//! the model broken. Source: `spec/api.md` sections 2 and 10.

use radiograph_tests::{Collector, python};
use serde_json::{Value, json};

#[test]
fn every_operation_of_the_model_answers_boto3_and_refuses_what_breaks_the_model() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let walk = python::client("model_walk.py", collector.address)
        .output()
        .expect("Python runs");
    let said = String::from_utf8_lossy(&walk.stderr);
    assert!(walk.status.success(), "{said}");
    let walked: Value = serde_json::from_slice(&walk.stdout).expect("one JSON object");
    assert_eq!(walked["wrong"], json!([]), "{walked:#}");
    assert_eq!(walked["operations"], json!(38));
    // an empty walk would find nothing wrong
    assert!(walked["refused"].as_u64() > Some(150), "{walked:#}");
}
