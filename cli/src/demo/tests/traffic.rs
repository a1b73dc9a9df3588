//! The traffic of a seed as a whole: shares, names, kinds of entities. 10,000 traces; the ranges
//! are what a visitor of the demo was promised, and wide enough for any seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::segment::{AnnotationValue, Document, Kind};

use super::{NOW, body, complete, documents, entities};
use crate::demo::shop::Shop;

/// Traces of the long run.
const TRACES: u32 = 10_000;

/// Counts over a long run.
#[derive(Default)]
struct Census {
    counts: BTreeMap<&'static str, u32>,
    services: BTreeSet<String>,
    origins: BTreeSet<String>,
    namespaces: BTreeSet<(String, String)>,
    annotation_types: BTreeSet<&'static str>,
    users: BTreeSet<String>,
}

impl Census {
    fn count(&mut self, what: &'static str, holds: bool) {
        *self.counts.entry(what).or_default() += u32::from(holds);
    }

    fn take(&mut self, documents: &[Document<'_>]) {
        let root = documents
            .iter()
            .find(|document| document.kind == Kind::Segment && document.parent_id.is_none());
        let root = &root.unwrap().entity;
        self.count("fault", root.outcome().fault);
        self.count("error", root.outcome().error);
        let took = root.end.unwrap().since(root.start);
        self.count("slow", took.micros() >= 2_000_000);
        self.count("very slow", took.micros() >= 30_000_000);
        self.count("linked", !root.links.is_empty());
        let all = entities(documents);
        let throttled = all.iter().any(|(_, entity)| entity.outcome().throttle);
        self.count("throttle", throttled);
        let described = all.iter().any(|(_, entity)| {
            let cause = entity.cause.as_ref();
            cause.is_some_and(|cause| !cause.exceptions().is_empty())
        });
        self.count("exception", described);
        let streamed = documents
            .iter()
            .any(|document| document.kind == Kind::Subsegment);
        self.count("streamed", streamed);
        for document in documents
            .iter()
            .filter(|document| document.kind == Kind::Segment)
        {
            self.services.insert(document.entity.name.to_string());
            let origin = document.entity.origin.as_deref();
            self.origins.insert(origin.unwrap_or("none").to_owned());
            self.users
                .extend(document.entity.user.as_deref().map(str::to_owned));
        }
        for (_, entity) in all {
            if let Some(namespace) = entity.namespace.as_deref().filter(|name| *name != "local") {
                self.namespaces
                    .insert((namespace.to_owned(), entity.name.to_string()));
            }
            for (_, value) in &entity.annotations {
                self.annotation_types.insert(match value {
                    AnnotationValue::Text(_) => "text",
                    AnnotationValue::Number(_) => "number",
                    AnnotationValue::Bool(_) => "bool",
                });
            }
        }
    }
}

/// The long run, taken once for all tests.
fn census() -> &'static Census {
    static CENSUS: LazyLock<Census> = LazyLock::new(take_census);
    &CENSUS
}

fn take_census() -> Census {
    let mut shop = Shop::new(1);
    let mut census = Census::default();
    for _ in 0..TRACES {
        let trace = shop.next_trace(NOW).unwrap();
        census.take(&complete(documents(&trace)));
    }
    census
}

#[test]
fn shares_of_troubles_are_those_of_a_shop_worth_looking_at() {
    let counts = &census().counts;
    // of 10,000 traces
    for (what, range) in [
        ("fault", 130..=350),
        ("error", 350..=600),
        ("throttle", 150..=350),
        ("slow", 180..=450),
        ("very slow", 0..=0),
        ("linked", 100..=250),
        ("exception", 300..=650),
        ("streamed", 2_200..=3_200),
    ] {
        assert!(
            range.contains(&counts[what]),
            "{what}: {} not in {range:?}",
            counts[what]
        );
    }
}

#[test]
fn every_service_and_every_downstream_appears() {
    let census = census();
    let services: Vec<_> = census.services.iter().map(String::as_str).collect();
    assert_eq!(
        services,
        [
            "cart",
            "checkout",
            "inventory",
            "notifications",
            "payments",
            "recommendations",
            "shop.example.com",
            "user-profile",
            "web",
        ]
    );
    let origins: Vec<_> = census.origins.iter().map(String::as_str).collect();
    assert_eq!(
        origins,
        [
            "AWS::ApiGateway::Stage",
            "AWS::EC2::Instance",
            "AWS::ECS::Fargate",
            "AWS::EKS::Container",
            "AWS::ElasticBeanstalk::Environment",
            "none",
        ]
    );
    for (namespace, name) in [
        ("aws", "AmazonDynamoDBv2"),
        ("aws", "DynamoDB"),
        ("aws", "SQS"),
        ("aws", "dynamodb"),
        ("aws", "s3"),
        ("remote", "api.payments.example.net"),
        ("remote", "cache.shop.internal"),
        ("remote", "mail.example.net"),
        ("remote", "orders@db1.internal"),
        ("remote", "users@db2.internal"),
    ] {
        let call = (namespace.to_owned(), name.to_owned());
        assert!(census.namespaces.contains(&call), "{call:?}");
    }
    assert_eq!(census.annotation_types.len(), 3);
    assert_eq!(census.users.len(), 8);
}

#[test]
fn a_batch_links_to_messages_of_traces_sent_before() {
    let mut shop = Shop::new(3);
    let mut seen: Vec<TraceId> = Vec::new();
    let mut batches = 0;
    for _ in 0..500 {
        let trace = shop.next_trace(NOW).unwrap();
        for datagram in &trace.datagrams {
            let document = radiograph_protocol::segment::parse(body(datagram)).unwrap();
            if document.entity.links.is_empty() {
                continue;
            }
            batches += 1;
            assert_eq!(document.entity.links.len(), 3);
            for link in &document.entity.links {
                assert!(link.is_parent());
                assert!(seen.contains(&link.trace_id), "{link:?}");
            }
        }
        seen.push(trace.id);
    }
    assert!(batches > 0);
}

#[test]
fn a_callee_s_parent_is_a_subsegment_with_a_namespace() {
    let mut shop = Shop::new(4);
    for _ in 0..500 {
        let trace = shop.next_trace(NOW).unwrap();
        let documents = complete(documents(&trace));
        let all = entities(&documents);
        for document in &documents {
            let Some(parent) = document
                .parent_id
                .filter(|_| document.kind == Kind::Segment)
            else {
                continue;
            };
            let (_, caller) = all.iter().find(|(_, entity)| entity.id == parent).unwrap();
            let namespace = caller.namespace.as_deref();
            assert!(
                matches!(namespace, Some("aws" | "remote")),
                "{}",
                caller.name
            );
        }
    }
}
