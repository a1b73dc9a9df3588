//! The `http` and `sql` blocks (sections 4 and 7).

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use super::build::{child, event, only, root, with_events};

fn http(kind: SpanKind, attributes: Value) -> Value {
    only(child(kind, "x", attributes))["http"].take()
}

fn url(kind: SpanKind, attributes: Value) -> Value {
    http(kind, attributes)["request"]["url"].take()
}

#[test]
fn old_and_new_names_give_the_same_block_and_disappear() {
    let old = json!({
        "http.method": "GET", "http.url": "http://a/b", "http.user_agent": "curl",
        "http.status_code": 200, "http.client_ip": "203.0.113.7", "http.scheme": "http",
    });
    let new = json!({
        "http.request.method": "GET", "url.full": "http://a/b", "user_agent.original": "curl",
        "http.response.status_code": 200, "client.address": "203.0.113.7", "url.scheme": "http",
    });
    let expected = json!({
        "request": {
            "method": "GET", "url": "http://a/b", "user_agent": "curl",
            "client_ip": "203.0.113.7", "x_forwarded_for": true,
        },
        "response": {"status": 200},
    });
    for attributes in [old, new] {
        let document = only(root(SpanKind::Server, "x", attributes));
        assert_eq!(document["http"], expected);
        assert!(document["metadata"]["default"].is_null(), "{document}");
    }
}

#[test]
fn without_an_http_attribute_there_is_no_block_and_nothing_is_lost() {
    let attributes = json!({"net.peer.name": "db1", "server.port": 5432, "host.name": "h"});
    let document = only(child(SpanKind::Client, "x", attributes.clone()));
    assert!(document["http"].is_null());
    assert_eq!(document["metadata"]["default"], attributes);
}

#[test]
fn an_address_that_is_no_ip_is_metadata() {
    let attributes = json!({
        "http.method": "GET", "client.address": "client.example", "network.peer.address": "/run/s"
    });
    let document = only(root(SpanKind::Server, "x", attributes));
    assert_eq!(document["http"], json!({"request": {"method": "GET"}}));
    let expected = json!({"client.address": "client.example", "network.peer.address": "/run/s"});
    assert_eq!(document["metadata"]["default"], expected);
}

#[test]
fn a_client_address_wins_over_the_peer_and_was_forwarded_if_there_is_no_peer() {
    let cases = [
        (
            json!({"net.peer.ip": "10.0.0.1"}),
            json!({"client_ip": "10.0.0.1"}),
        ),
        (
            json!({"network.peer.address": "::1"}),
            json!({"client_ip": "::1"}),
        ),
        (
            json!({"client.address": "203.0.113.7"}),
            json!({"client_ip": "203.0.113.7", "x_forwarded_for": true}),
        ),
        (
            json!({"http.client_ip": "203.0.113.7", "net.peer.ip": "10.0.0.1"}),
            json!({"client_ip": "203.0.113.7"}),
        ),
    ];
    for (mut attributes, mut expected) in cases {
        attributes["http.method"] = json!("GET");
        expected["method"] = json!("GET");
        let mut block = http(SpanKind::Server, attributes);
        block["request"].as_object_mut().unwrap().remove("url");
        assert_eq!(block["request"], expected);
    }
}

#[test]
fn a_servers_url_is_put_together_from_its_own_host() {
    let cases = [
        (
            json!({"http.target": "/a?b=c", "http.host": "h:81"}),
            json!("http://h:81/a?b=c"),
        ),
        (
            json!({"http.target": "/a", "http.host": "h", "net.host.port": 81}),
            json!("http://h/a"),
        ),
        (
            json!({"http.target": "/", "http.server_name": "s", "net.host.name": "n", "net.host.port": 8080}),
            json!("http://s:8080/"),
        ),
        (
            json!({"http.scheme": "https", "net.host.name": "n", "net.host.port": "443"}),
            json!("https://n/"),
        ),
        (
            json!({"http.scheme": "http", "host.name": "h", "net.host.port": 80}),
            json!("http://h/"),
        ),
        (
            json!({"url.scheme": "https", "server.address": "s", "server.port": 80, "url.path": "/p", "url.query": "q=1"}),
            json!("https://s:80/p?q=1"),
        ),
        (
            json!({"url.path": "/p", "server.address": "::1", "server.port": 81}),
            json!("http://[::1]:81/p"),
        ),
        (
            json!({"url.path": "/p", "net.peer.name": "caller"}),
            json!(null),
        ),
    ];
    for (attributes, expected) in cases {
        assert_eq!(
            url(SpanKind::Server, attributes.clone()),
            expected,
            "{attributes}"
        );
    }
}

#[test]
fn a_callers_url_is_put_together_from_the_peer() {
    let cases = [
        (
            json!({"http.target": "/a", "net.peer.name": "p", "net.peer.ip": "10.0.0.1", "net.peer.port": 81}),
            json!("http://p:81/a"),
        ),
        (
            json!({"http.method": "GET", "net.peer.ip": "10.0.0.1"}),
            json!("http://10.0.0.1/"),
        ),
        (
            json!({"http.method": "GET", "server.address": "s", "server.port": 81}),
            json!("http://s:81/"),
        ),
        (
            json!({"http.method": "GET", "net.host.name": "me"}),
            json!(null),
        ),
    ];
    for (attributes, expected) in cases {
        assert_eq!(
            url(SpanKind::Client, attributes.clone()),
            expected,
            "{attributes}"
        );
    }
}

#[test]
fn the_content_length_is_the_payload_received_else_the_body_size_else_absent() {
    let received = json!({"message.type": "RECEIVED", "messaging.message_payload_size_bytes": 7});
    let sent = json!({"message.type": "SENT", "messaging.message_payload_size_bytes": 9});
    let length = |attributes: Value, events| {
        let span = with_events(root(SpanKind::Server, "x", attributes), events);
        only(span)["http"]["response"]["content_length"].take()
    };
    let events = vec![event("message", sent), event("message", received.clone())];
    let plain = json!({"http.status_code": 200});
    assert_eq!(length(plain.clone(), events), 7);
    assert_eq!(length(plain, Vec::new()), Value::Null);
    let mut of_span = received;
    of_span["http.status_code"] = json!(200);
    of_span["http.response.body.size"] = json!(8);
    assert_eq!(length(of_span, Vec::new()), 7);
    let of_body = json!({"http.status_code": 200, "http.response.body.size": 8});
    assert_eq!(length(of_body, Vec::new()), 8);
}

#[test]
fn sql_databases_have_a_block_under_old_and_new_names() {
    let old = json!({
        "db.system": "postgresql", "db.name": "orders", "db.user": "app",
        "db.connection_string": "postgresql://db1:5432", "db.statement": "select ?",
    });
    let document = only(child(SpanKind::Client, "SELECT", old));
    let expected = json!({
        "database_type": "postgresql", "user": "app", "sanitized_query": "select ?",
        "url": "SELECT", "connection_string": "postgresql://db1:5432/orders",
    });
    assert_eq!(document["sql"], expected);
    assert!(document["metadata"]["default"].is_null());

    let new = json!({
        "db.system.name": "microsoft.sql_server", "db.namespace": "orders",
        "db.query.text": "select ?",
    });
    let expected = json!({
        "database_type": "microsoft.sql_server", "sanitized_query": "select ?",
        "url": "SELECT", "connection_string": "localhost/orders",
    });
    assert_eq!(
        only(child(SpanKind::Client, "SELECT", new))["sql"],
        expected
    );
}

#[test]
fn every_sql_database_has_a_block_and_no_other() {
    let sql = "db2 derby hive mariadb mssql mysql oracle postgresql sqlite teradata other_sql \
               microsoft.sql_server oracle.db ibm.db2";
    let block = |system: &str| only(child(SpanKind::Client, "x", json!({"db.system": system})));
    for system in sql.split(' ') {
        assert!(block(system)["sql"].is_object(), "{system}");
    }
    for system in ["redis", "mongodb", "MySQL", "dynamodb"] {
        let document = block(system);
        assert!(document["sql"].is_null(), "{system}");
        assert_eq!(document["metadata"]["default"]["db.system"], system);
    }
}
