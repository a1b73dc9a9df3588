//! A plan to the entities of its traces.

use radiograph_protocol::ids::TraceId;
use serde_json::{Map, Value, json};

use super::plan::{
    AnnotationPlan, Caller, Kind, RequestPlan, ResultPlan, SendingPlan, TracePlan, TracesPlan,
    WorkPlan,
};
use super::{Generated, Outcome, Planned, Rival, Role, Sending, render};
use crate::trace::node::NodeKey;

/// 2023-11-14 22:14:00 UTC, a full minute.
const START: i64 = 1_700_000_040_000_000;

/// An id that no entity of any trace has.
const NOBODY: u64 = 0xeeee_0000_0000_0001;

/// Name, origin and account of each service; one Lambda function is two of them.
pub(super) const SERVICES: [(&str, Option<&str>, Option<&str>); 6] = [
    ("front", None, None),
    ("orders", Some("AWS::ECS::Container"), None),
    ("stock", Some("AWS::EC2::Instance"), Some("111122223333")),
    ("resize", Some("AWS::Lambda"), None),
    (
        "resize",
        Some("AWS::Lambda::Function"),
        Some("111122223333"),
    ),
    ("canary", Some("client::Synthetics"), None),
];

/// The traces of a plan.
pub(super) fn traces(plan: &TracesPlan) -> Vec<Generated> {
    let mut traces: Vec<Generated> = Vec::new();
    for (number, trace) in plan.traces.iter().enumerate() {
        let number = number as u64 + 1;
        let mut building = Building {
            plan: trace,
            number,
            entities: Vec::new(),
        };
        trace.requests.iter().for_each(|one| building.request(one));
        let time = if trace.is_w3c {
            0xf1e2_d3c4
        } else {
            0x6553_f128
        };
        traces.push(Generated {
            trace_id: TraceId::from_bits((time << 96) | u128::from(number)),
            entities: building.entities,
            documents: Vec::new(),
        });
    }
    add_links(&mut traces, plan);
    for (trace, plan) in traces.iter_mut().zip(&plan.traces) {
        render::send(trace, plan.is_python, plan.is_shouting);
    }
    traces
}

/// At most 5 links, far below what a segment may have.
fn add_links(traces: &mut [Generated], plan: &TracesPlan) {
    if traces.len() < 2 {
        return;
    }
    for link in &plan.links {
        let (from, to) = (
            link.from.0.index(traces.len()),
            link.to.0.index(traces.len()),
        );
        if from == to {
            continue;
        }
        let producer = &traces[to];
        let id = producer.entities[link.to.1.index(producer.entities.len())].id;
        let mut value = json!({"trace_id": producer.trace_id, "id": format!("{id:016x}")});
        if let Some(kind) = link.kind {
            value["attributes"] = json!({"aws.xray.reserved.reference_type": kind});
        }
        let carriers = &mut traces[from].entities;
        let carrier = link.from.1.index(carriers.len());
        let links = carriers[carrier].members.entry("links");
        if let Value::Array(links) = links.or_insert_with(|| json!([])) {
            links.push(value);
        }
    }
}

struct Building<'p> {
    plan: &'p TracePlan,
    number: u64,
    entities: Vec<Planned>,
}

impl Building<'_> {
    /// Ids do not grow in the order in which entities are made, so that ties go either way.
    fn next_id(&self) -> u64 {
        let place = self.entities.len() as u64;
        (self.number << 56) | (place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16 << 8) | place
    }

    fn request(&mut self, plan: &RequestPlan) {
        let (parent, around) = self.caller(&plan.caller);
        let (name, origin, account) = SERVICES[plan.service];
        let mut members = members(name, &plan.result, &plan.annotations);
        if let Some(origin) = origin {
            members.insert("origin".into(), json!(origin));
        }
        let mut aws = json!({});
        if let Some(account) = account {
            aws["account_id"] = json!(account);
        }
        if let Some(host) = plan.host {
            aws["ec2"] = json!({"instance_id": format!("i-{host}"), "availability_zone": "z-1a"});
            aws["ecs"] = json!({"availability_zone": format!("z-1{host}")});
            members.insert("resource_arn".into(), json!(format!("arn:x:{host}")));
        }
        members.insert("aws".into(), aws);
        if let Some(user) = plan.user {
            members.insert("user".into(), json!(format!("u{user}")));
        }
        let node = key(name, origin, account);
        let start = around + plan.timing.offset;
        let segment = self.entities.len();
        self.entities.push(Planned {
            id: self.next_id(),
            is_segment: true,
            parent,
            start,
            end: plan.timing.length.map(|length| start + length),
            outcome: outcome(&plan.result),
            role: Role::Service(node),
            members,
            sending: sending(&plan.sending, Rival::Subsegment),
        });
        plan.work.iter().for_each(|work| self.work(segment, work));
    }

    /// The parent that a segment names, and about when it called.
    fn caller(&self, caller: &Caller) -> (Option<u64>, i64) {
        let of = |choose: fn(&&Planned) -> bool, index: &proptest::sample::Index| {
            let candidates: Vec<_> = self.entities.iter().filter(choose).collect();
            let chosen =
                (!candidates.is_empty()).then(|| candidates[index.index(candidates.len())]);
            chosen.map(|chosen| (Some(chosen.id), chosen.start))
        };
        let known = match caller {
            Caller::Call(index) => of(|one| matches!(one.role, Role::Call(_)), index),
            Caller::Segment(index) => of(|one| one.is_segment, index),
            Caller::Client => None,
            Caller::Unknown => Some((Some(NOBODY), START + self.plan.start)),
        };
        known.unwrap_or((None, START + self.plan.start))
    }

    fn work(&mut self, segment: usize, plan: &WorkPlan) {
        let own = &self.entities[segment..];
        let parent = plan.within.map_or(0, |within| within.index(own.len()));
        let (parent, around) = (own[parent].id, own[parent].start);
        let (name, extra, role) = kind(plan.kind);
        let mut members = members(&name, &plan.result, &plan.annotations);
        let Value::Object(extra) = extra else { return };
        for (name, value) in extra {
            match members.get_mut(&name) {
                Some(Value::Object(known)) if value.is_object() => {
                    known.extend(value.as_object().cloned().unwrap_or_default());
                }
                _ => {
                    members.insert(name, value);
                }
            }
        }
        let start = around + plan.timing.offset;
        self.entities.push(Planned {
            id: self.next_id(),
            is_segment: false,
            parent: Some(parent),
            start,
            end: plan.timing.length.map(|length| start + length),
            outcome: outcome(&plan.result),
            role,
            members,
            sending: sending(&plan.sending, Rival::EndedEarlier),
        });
    }
}

pub(super) fn key(name: &str, kind: Option<&str>, account: Option<&str>) -> NodeKey {
    NodeKey {
        name: name.to_owned(),
        kind: kind.map(str::to_owned),
        account_id: account.map(str::to_owned),
    }
}

/// Name, members and role of a subsegment.
fn kind(kind: Kind) -> (String, Value, Role) {
    let aws = |name: &str, operation: &str, resource: Value, node: NodeKey| {
        let mut aws = json!({"operation": operation, "region": "eu-west-1", "retries": 0});
        if let (Value::Object(aws), Value::Object(resource)) = (&mut aws, resource) {
            aws.extend(resource);
        }
        let members = json!({"namespace": "aws", "aws": aws});
        (name.to_owned(), members, Role::Call(node))
    };
    match kind {
        Kind::Local => ("## work".into(), json!({}), Role::Local),
        Kind::Named(namespace) => ("load".into(), json!({"namespace": namespace}), Role::Local),
        Kind::Handler => (
            "handler".into(),
            json!({"aws": {"function_arn": "arn:aws:lambda:us-east-1:111122223333:function:resize"}}),
            Role::Local,
        ),
        Kind::Remote { host, is_traced } => remote(host, is_traced),
        Kind::Sql(database) => {
            let name = format!("orders@db{database}");
            let members = json!({"namespace": "remote", "sql": {"sanitized_query": "select 1"}});
            let node = key(&name, Some("Database::SQL"), None);
            (name, members, Role::Call(node))
        }
        Kind::DynamoDb { table: None } => {
            let node = key("DynamoDB", Some("AWS::DynamoDB"), None);
            aws("dynamodb", "ListTables", json!({}), node)
        }
        Kind::DynamoDb { table: Some(table) } => {
            let name = format!("table{table}");
            let node = key(&name, Some("AWS::DynamoDB::Table"), None);
            aws("DynamoDB", "GetItem", json!({"table_name": name}), node)
        }
        Kind::S3 { bucket: None } => {
            let node = key("S3", Some("AWS::S3"), None);
            aws("Amazon S3", "ListBuckets", json!({}), node)
        }
        Kind::S3 {
            bucket: Some(bucket),
        } => {
            let name = format!("bucket{bucket}");
            let node = key(&name, Some("AWS::S3::Bucket"), Some("444455556666"));
            let resource = json!({"bucket_name": name, "account_id": "444455556666"});
            aws("S3", "GetObject", resource, node)
        }
        Kind::Sqs { queue } => {
            let url = format!("https://sqs.test/1/queue{queue}");
            let node = key(&url, Some("AWS::SQS::Queue"), None);
            aws("SQS", "SendMessage", json!({"queue_url": url}), node)
        }
        Kind::Sns => {
            let node = key("SNS", Some("AWS::SNS"), None);
            aws("AWSSNS", "Publish", json!({"topic_arn": "arn:x"}), node)
        }
        Kind::Lambda { function } => {
            let name = format!("function{function}");
            let node = key(&name, Some("AWS::Lambda"), None);
            aws("lambda", "Invoke", json!({"function_name": name}), node)
        }
        Kind::Ssm => {
            let node = key("SSM", Some("AWS::SSM"), None);
            aws("ssm", "GetParameter", json!({}), node)
        }
    }
}

/// A call of a host; Node says beside `http` that the callee is traced.
fn remote(host: u8, is_traced: bool) -> (String, Value, Role) {
    let name = format!("host{host}.test");
    let mut members = json!({"namespace": "remote"});
    match (is_traced, host) {
        (true, 0) => members["traced"] = json!(true),
        (true, _) => members["http"] = json!({"request": {"traced": true, "method": "GET"}}),
        (false, _) => {}
    }
    let node = key(&name, Some("remote"), None);
    (name, members, Role::Call(node))
}

/// What every entity may have; odd members of several SDKs among them.
fn members(
    name: &str,
    result: &ResultPlan,
    annotations: &[(u8, AnnotationPlan)],
) -> Map<String, Value> {
    let mut members = json!({
        "name": name,
        "Dummy": false,
        "metadata": {"default": {"depth": [[[{"n": 1.5e300}]]], "é\u{1F600}": null, "big": u64::MAX}},
    });
    for flag in result.flags {
        members[*flag] = json!(true);
    }
    if let Some(status) = result.status {
        members["http"] = json!({"response": {"status": status, "content_length": "12"}});
    }
    if result.has_cause {
        members["cause"] = json!({"working_directory": "/", "exceptions": [
            {"id": "00000000000000aa", "type": "E", "message": "\"quoted\" \\ text", "stack": []}
        ]});
    }
    for (key, value) in annotations {
        members["annotations"][format!("k{key}")] = match value {
            AnnotationPlan::Text(text) => json!(format!("t{text}")),
            AnnotationPlan::Number(number) => json!(number),
            AnnotationPlan::Bool(value) => json!(value),
            AnnotationPlan::Null => Value::Null,
        };
    }
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn outcome(result: &ResultPlan) -> Outcome {
    let has = |flag| result.flags.contains(&flag);
    let status = result.status.unwrap_or(0);
    if has("fault") || (500..600).contains(&status) {
        Outcome::Fault
    } else if has("throttle") || status == 429 {
        Outcome::Throttle
    } else if has("error") || (400..500).contains(&status) {
        Outcome::Error
    } else {
        Outcome::Ok
    }
}

fn sending(plan: &SendingPlan, rival: Rival) -> Sending {
    Sending {
        is_streamed: plan.is_streamed,
        is_unfinished_first: plan.is_unfinished_first,
        is_early: plan.is_early,
        // a document of its own is longer than a rival that says nothing
        rival: plan.has_rival.then_some(match plan.is_streamed {
            true if plan.is_early => Rival::Shorter,
            _ => rival,
        }),
        is_withheld: plan.is_withheld,
        is_repeated: plan.is_repeated,
    }
}
