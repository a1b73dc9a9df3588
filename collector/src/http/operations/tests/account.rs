//! What real clients were recorded to send about settings of the account and retrievals, and how
//! their errors are told.

use super::*;

const CLIENTS: [&str; 3] = ["boto3", "awscli", "aws-sdk-js-v3"];

/// All requests recorded of a client to paths that begin like this.
fn all_recorded(client: &str, paths: &[&str]) -> Vec<(String, Bytes)> {
    let file = radiograph_proto_fixtures::root().join(format!("api/{client}.jsonl"));
    let lines = std::fs::read_to_string(file).unwrap();
    let requests = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("path"), Bytes::from(text("body_utf8")))
    });
    let is_asked = |path: &str| paths.contains(&path);
    requests.filter(|(path, _)| is_asked(path)).collect()
}

/// Status, error name and body of a refusal.
async fn refusal(services: &Services, path: &str, body: &Value) -> (u16, String, Value) {
    let operation = Operation::of_path(path).unwrap();
    let body = Bytes::from(body.to_string());
    let answer = operation.carry_out(services, Form::Json, body).await;
    let response = answer.unwrap_err().response();
    let name = response.headers()["x-amzn-errortype"].to_str().unwrap();
    let (status, name) = (response.status().as_u16(), name.to_owned());
    let body = axum::body::to_bytes(response.into_body(), 1 << 16).await;
    let body = serde_json::from_slice(&body.unwrap()).unwrap();
    (status, name, body)
}

#[tokio::test]
async fn the_recorded_settings_are_kept_and_shown() {
    let paths = [
        "/PutEncryptionConfig",
        "/EncryptionConfig",
        "/PutResourcePolicy",
        "/ListResourcePolicies",
        "/GetIndexingRules",
        "/UpdateIndexingRule",
        "/GetTraceSegmentDestination",
        "/UpdateTraceSegmentDestination",
    ];
    for client in CLIENTS {
        let (services, _dir) = services().await;
        let requests = all_recorded(client, &paths);
        assert!(requests.len() >= 8, "{client}: {}", requests.len());
        for (path, body) in requests {
            answer(&services, &path, body).await;
        }
        let config = answer(&services, "/EncryptionConfig", Bytes::new()).await;
        let kms = json!({"KeyId": "alias/aws/xray", "Status": "ACTIVE", "Type": "KMS"});
        assert_eq!(config["EncryptionConfig"], kms, "{client}");
        let destination = answer(&services, "/GetTraceSegmentDestination/", Bytes::new()).await;
        let logs = json!({"Destination": "CloudWatchLogs", "Status": "ACTIVE"});
        assert_eq!(destination, logs, "{client}");
        let rules = answer(&services, "/GetIndexingRules", Bytes::new()).await;
        let rule = &rules["IndexingRules"][0];
        let percent = &rule["Rule"]["Probabilistic"]["DesiredSamplingPercentage"];
        assert_eq!(percent, &json!(10.5), "{client}");
        assert!(rule["ModifiedAt"].is_f64(), "{client}: {rule}");
    }
}

#[tokio::test]
async fn the_recorded_life_of_a_policy_is_answered_as_each_client_expects() {
    for client in ["boto3", "aws-sdk-js-v3"] {
        let (services, _dir) = services().await;
        let ask = async |scenario: &str| {
            let (path, body) = recorded(client, scenario);
            answer(&services, &path, body).await
        };
        let put = ask("PutResourcePolicy/one").await;
        let policy = &put["ResourcePolicy"];
        assert_eq!(policy["PolicyName"], "p", "{client}");
        assert_eq!(policy["PolicyRevisionId"], "1", "{client}");
        let document = r#"{"Version":"2012-10-17","Statement":[]}"#;
        assert_eq!(policy["PolicyDocument"], document, "{client}");
        assert!(policy["LastUpdatedTime"].is_f64(), "{client}");
        let listed = ask("ListResourcePolicies/min").await;
        assert_eq!(listed, json!({"ResourcePolicies": [policy]}), "{client}");
        assert_eq!(ask("DeleteResourcePolicy/one").await, json!({}), "{client}");
        let listed = ask("ListResourcePolicies/min").await;
        assert_eq!(listed, json!({"ResourcePolicies": []}), "{client}");
    }
}

#[tokio::test]
async fn the_recorded_retrieval_is_started_and_its_made_up_token_is_not_found() {
    for client in CLIENTS {
        let (services, _dir) = services().await;
        let (path, body) = recorded(client, "StartTraceRetrieval/one");
        let started = answer(&services, &path, body).await;
        let token = json!({"RetrievalToken": started["RetrievalToken"]});
        let body = Bytes::from(token.to_string());
        let listed = answer(&services, "/ListRetrievedTraces", body.clone()).await;
        let empty = json!({"RetrievalStatus": "COMPLETE", "TraceFormat": "XRAY", "Traces": []});
        assert_eq!(listed, empty, "{client}");
        let graph = answer(&services, "/GetRetrievedTracesGraph", body.clone()).await;
        let empty = json!({"RetrievalStatus": "COMPLETE", "Services": []});
        assert_eq!(graph, empty, "{client}");
        let cancelled = answer(&services, "/CancelTraceRetrieval", body).await;
        assert_eq!(cancelled, json!({}), "{client}");
        let paths = [
            "/ListRetrievedTraces",
            "/GetRetrievedTracesGraph",
            "/CancelTraceRetrieval",
        ];
        let requests = all_recorded(client, &paths);
        assert!(!requests.is_empty(), "{client}");
        for (path, body) in requests {
            let body = serde_json::from_slice(&body).unwrap();
            let (status, name, body) = refusal(&services, &path, &body).await;
            assert_eq!(
                (status, &*name),
                (404, "ResourceNotFoundException"),
                "{path}"
            );
            assert_eq!(body["ResourceName"], "tok", "{path}");
        }
    }
}

#[tokio::test]
async fn each_error_of_policies_is_told_by_its_name_with_status_400() {
    let (services, _dir) = services().await;
    let put = |name: &str, document: &str, revision: Option<&str>| json!({"PolicyName": name, "PolicyDocument": document, "PolicyRevisionId": revision});
    for name in ["a", "b", "c", "d", "e"] {
        let body = Bytes::from(put(name, "{}", Some("0")).to_string());
        answer(&services, "/PutResourcePolicy", body).await;
    }
    let locking = r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"*"}}"#;
    let rows = [
        (put("a", "x", None), "MalformedPolicyDocumentException"),
        (put("a", locking, None), "LockoutPreventionException"),
        (
            put("a", "{}", Some("0")),
            "InvalidPolicyRevisionIdException",
        ),
        (
            put("a", &" ".repeat(5121), None),
            "PolicySizeLimitExceededException",
        ),
        (put("f", "{}", None), "PolicyCountLimitExceededException"),
        (put("a b", "{}", None), "MalformedPolicyDocumentException"),
    ];
    for (body, expected) in rows {
        let (status, name, told) = refusal(&services, "/PutResourcePolicy", &body).await;
        assert_eq!((status, &*name), (400, expected), "{body}");
        assert_eq!(told["__type"], expected);
        assert!(told["Message"].is_string(), "{told}");
    }
    let delete = json!({"PolicyName": "f"});
    let (status, name, _) = refusal(&services, "/DeleteResourcePolicy", &delete).await;
    assert_eq!((status, &*name), (400, "InvalidRequestException"));
    let other = json!({
        "Name": "Other", "Rule": {"Probabilistic": {"DesiredSamplingPercentage": 1}},
    });
    let (status, name, told) = refusal(&services, "/UpdateIndexingRule", &other).await;
    assert_eq!((status, &*name), (404, "ResourceNotFoundException"));
    assert_eq!(told["ResourceName"], "Other");
}
