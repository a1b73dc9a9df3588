//! The floor of what reads documents: serde_json into plain derived structs, strings borrowed where
//! they hold no escape, the members that the collector reads and no others. Nothing is lenient here:
//! an unexpected type, a `null` or a repeated name refuses the whole document.

#![expect(
    dead_code,
    reason = "what the floor reads is dropped: only reading it is measured"
)]

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

/// A segment or subsegment.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Entity<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    trace_id: Cow<'a, str>,
    #[serde(borrow)]
    parent_id: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    start_time: f64,
    end_time: Option<f64>,
    in_progress: bool,
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    origin: Cow<'a, str>,
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    resource_arn: Cow<'a, str>,
    error: bool,
    throttle: bool,
    fault: bool,
    traced: bool,
    #[serde(borrow)]
    http: Option<Box<Http<'a>>>,
    #[serde(borrow)]
    aws: Option<Box<Aws<'a>>>,
    #[serde(borrow)]
    sql: Option<Sql<'a>>,
    #[serde(borrow)]
    cause: Option<Cause<'a>>,
    #[serde(borrow)]
    annotations: BTreeMap<Cow<'a, str>, Annotation<'a>>,
    #[serde(borrow)]
    links: Vec<Link<'a>>,
    #[serde(borrow)]
    subsegments: Vec<Self>,
}

/// `http`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Http<'a> {
    #[serde(borrow)]
    request: Option<HttpRequest<'a>>,
    response: Option<HttpResponse>,
}

/// `http.request`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct HttpRequest<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow)]
    user_agent: Cow<'a, str>,
    #[serde(borrow)]
    client_ip: Cow<'a, str>,
    traced: bool,
}

/// `http.response`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct HttpResponse {
    status: Option<i64>,
}

/// `aws`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Aws<'a> {
    #[serde(borrow)]
    account_id: Cow<'a, str>,
    #[serde(borrow)]
    operation: Cow<'a, str>,
    #[serde(borrow)]
    table_name: Cow<'a, str>,
    #[serde(borrow)]
    table_names: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    resource_names: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    bucket_name: Cow<'a, str>,
    #[serde(borrow)]
    queue_url: Cow<'a, str>,
    #[serde(borrow)]
    queue_name: Cow<'a, str>,
    #[serde(borrow)]
    function_name: Cow<'a, str>,
    #[serde(borrow)]
    function_arn: Cow<'a, str>,
    #[serde(borrow)]
    ec2: Option<Host<'a>>,
    #[serde(borrow)]
    ecs: Option<Host<'a>>,
    #[serde(borrow)]
    xray: Option<Xray<'a>>,
}

/// `aws.ec2` and `aws.ecs`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Host<'a> {
    #[serde(borrow)]
    instance_id: Cow<'a, str>,
    #[serde(borrow)]
    availability_zone: Cow<'a, str>,
}

/// `aws.xray`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Xray<'a> {
    #[serde(borrow)]
    sdk: Cow<'a, str>,
    #[serde(borrow)]
    sdk_version: Cow<'a, str>,
    #[serde(borrow)]
    sampling_rule_name: Cow<'a, str>,
    #[serde(borrow)]
    rule_name: Cow<'a, str>,
}

/// `sql`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Sql<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow)]
    sanitized_query: Cow<'a, str>,
    #[serde(borrow)]
    database_type: Cow<'a, str>,
}

/// `cause` as an object.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Exceptions<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    exceptions: Vec<Exception<'a>>,
}

/// One of `cause.exceptions`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Exception<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// One of `links`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Link<'a> {
    #[serde(borrow)]
    trace_id: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    attributes: Option<LinkAttributes<'a>>,
}

/// `attributes` of a link.
#[derive(Deserialize, Default)]
#[serde(default)]
struct LinkAttributes<'a> {
    #[serde(borrow, rename = "aws.xray.reserved.reference_type")]
    reference_type: Cow<'a, str>,
}

/// `cause`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Cause<'a> {
    Reference(#[serde(borrow)] Cow<'a, str>),
    Described(#[serde(borrow)] Exceptions<'a>),
}

/// The value of an annotation.
#[derive(Deserialize)]
#[serde(untagged)]
enum Annotation<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Number(f64),
    Bool(bool),
}
