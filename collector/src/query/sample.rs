//! Stores with settled traces, for the tests of queries.

use std::collections::BTreeSet;
use std::sync::Arc;

use radiograph_protocol::api::groups::CreateGroupRequest;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::segment;
use tempfile::TempDir;

use super::Query;
use super::token::TokenKey;
use super::window::WindowMax;
use crate::groups::Groups;
use crate::settle::settle;
use crate::store::Record;
use crate::store::embedded::{EmbeddedStore, Options};

/// A full minute in epoch seconds, as in the worked examples.
pub(super) const T0: i64 = 1_700_000_040;

/// Queries on a store of its own, which goes away with the directory.
pub(super) fn empty() -> (Query, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap());
    let groups = Groups::new(
        Arc::clone(&store) as _,
        "us-east-1".to_owned(),
        "000000000000".to_owned(),
    );
    let key = TokenKey::new([1; 32]);
    (Query::new(store, key, groups, WindowMax::default()), dir)
}

/// Queries on a store that has these documents, all settled.
pub(super) async fn with(documents: &[String]) -> (Query, TempDir) {
    let (query, dir) = empty();
    let mut ids = BTreeSet::new();
    let mut records = Vec::new();
    for document in documents {
        let trace_id = segment::parse(document).unwrap().trace_id;
        ids.insert(trace_id);
        records.push(Record {
            trace_id,
            document: document.clone(),
        });
    }
    query.store.append(records).await.unwrap();
    let ids: Vec<TraceId> = ids.into_iter().collect();
    assert_eq!(settle(&*query.store, &ids).await.unwrap(), ids.len());
    (query, dir)
}

/// Makes a group.
pub(super) async fn group(query: &Query, name: &str, filter: &str) {
    let request = CreateGroupRequest {
        group_name: Some(name.to_owned()),
        filter_expression: Some(filter.to_owned()),
        ..CreateGroupRequest::default()
    };
    query.groups.create(request).await.unwrap();
}

/// A request to `shop`, which asks `pay` and the table `carts`: every third one is a fault, every
/// fifth one is throttled. It begins `at` seconds after [`T0`] and takes some hundred milliseconds.
pub(super) fn visit(number: u32, at: f64) -> Vec<String> {
    let trace_id = TraceId::from_bits(u128::from(number) + 1);
    let id = |place: u32| format!("{:016x}", number * 16 + place + 1);
    let start = 1_700_000_040.0 + at;
    let time = |millis: u32| start + f64::from(millis) / 1000.0;
    let (status, took) = match number {
        number if number % 3 == 0 => (500, 900 + number),
        number if number % 5 == 0 => (429, 20),
        number => (200, 100 + number),
    };
    let shop = format!(
        r#"{{"trace_id":"{trace_id}","id":"{}","name":"shop","origin":"AWS::ECS::Container","start_time":{},"end_time":{},"http":{{"response":{{"status":{status}}}}},"subsegments":[
            {{"id":"{}","name":"DynamoDB","namespace":"aws","aws":{{"operation":"GetItem","table_name":"carts"}},"start_time":{},"end_time":{}}},
            {{"id":"{}","name":"pay.internal","namespace":"remote","start_time":{},"end_time":{}}}]}}"#,
        id(0),
        time(0),
        time(took),
        id(1),
        time(1),
        time(3),
        id(2),
        time(4),
        time(took - 1),
    );
    let pay = format!(
        r#"{{"trace_id":"{trace_id}","id":"{}","parent_id":"{}","name":"pay","start_time":{},"end_time":{},"http":{{"response":{{"status":{status}}}}}}}"#,
        id(3),
        id(2),
        time(5),
        time(took - 2),
    );
    vec![shop, pay]
}

/// Visits number 0 to `count` − 1, `apart` seconds apart.
pub(super) fn visits(count: u32, apart: f64) -> Vec<String> {
    (0..count)
        .flat_map(|number| visit(number, f64::from(number) * apart))
        .collect()
}

/// The message of a refusal.
pub(super) fn message<T: std::fmt::Debug>(answer: Result<T, crate::error::ServiceError>) -> String {
    answer.unwrap_err().to_string()
}
