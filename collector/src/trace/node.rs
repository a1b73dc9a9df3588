//! What a vertex of the service graph is called. Source: `spec/traces-and-graph.md` section 3.1.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;

use radiograph_protocol::segment::Entity;
use serde::{Deserialize, Serialize};

/// Type of the node that stands for whoever calls a root service.
pub const CLIENT: &str = "client";
/// Type of an inferred node that is neither an AWS resource nor a database.
pub const REMOTE: &str = "remote";
/// Type of an inferred database node.
pub const SQL: &str = "Database::SQL";

/// Identity of a node. Ordered as answers are: by name, type, account, absent before present.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeKey {
    /// Canonical name.
    pub name: String,
    /// `Type`: origin, resource type, `client`, `remote`; absent when unknown.
    pub kind: Option<String>,
    /// `AccountId`, absent when unknown.
    pub account_id: Option<String>,
}

impl NodeKey {
    /// Whether this is the client of a root service.
    #[must_use]
    pub fn is_client(&self) -> bool {
        self.kind.as_deref() == Some(CLIENT)
    }

    /// The client of a root service of this name.
    #[must_use]
    pub fn client_of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: Some(CLIENT.to_owned()),
            account_id: None,
        }
    }
}

/// Identity of an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EdgeKey {
    /// The caller's node.
    pub source: NodeKey,
    /// The callee's node.
    pub target: NodeKey,
}

impl EdgeKey {
    /// The edge between these ends.
    #[must_use]
    pub fn of(ends: &dyn Ends) -> Self {
        let (source, target) = ends.ends();
        Self {
            source: source.clone(),
            target: target.clone(),
        }
    }
}

/// The source and target of an edge, whoever holds them: edges are looked up by it without making an
/// [`EdgeKey`], and are ordered as these are.
pub trait Ends {
    /// Source and target.
    fn ends(&self) -> (&NodeKey, &NodeKey);
}

impl Ends for EdgeKey {
    fn ends(&self) -> (&NodeKey, &NodeKey) {
        (&self.source, &self.target)
    }
}

impl Ends for (&NodeKey, &NodeKey) {
    fn ends(&self) -> (&NodeKey, &NodeKey) {
        *self
    }
}

impl<'a> Borrow<dyn Ends + 'a> for EdgeKey {
    fn borrow(&self) -> &(dyn Ends + 'a) {
        self
    }
}

impl Ord for dyn Ends + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.ends().cmp(&other.ends())
    }
}

impl PartialOrd for dyn Ends + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for dyn Ends + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.ends() == other.ends()
    }
}

impl Eq for dyn Ends + '_ {}

/// Services whose names are spelled as here, however a sender writes them.
const CANONICAL_NAMES: [&str; 13] = [
    "DynamoDB",
    "S3",
    "SNS",
    "SQS",
    "Lambda",
    "Kinesis",
    "SSM",
    "STS",
    "KMS",
    "SecretsManager",
    "StepFunctions",
    "Events",
    "CloudWatchLogs",
];

/// An AWS service's name without `Amazon` or `AWS` in front, in AWS's own spelling where it is known.
#[must_use]
pub fn canonical_service_name(name: &str) -> &str {
    let rest = name
        .strip_prefix("Amazon")
        .or_else(|| name.strip_prefix("AWS"))
        .unwrap_or(name);
    let rest = rest.trim_start();
    if rest.is_empty() {
        return name;
    }
    let known = |text: &str| {
        CANONICAL_NAMES
            .iter()
            .find(|known| known.eq_ignore_ascii_case(text))
    };
    let without_version = rest
        .strip_suffix("v2")
        .or_else(|| rest.strip_suffix("V2"))
        .unwrap_or(rest);
    known(rest)
        .or_else(|| known(without_version))
        .copied()
        .unwrap_or(rest)
}

/// The node of a sent segment.
#[must_use]
pub fn of_segment(entity: &Entity<'_>) -> NodeKey {
    NodeKey {
        name: entity.name.to_string(),
        kind: entity.origin.as_deref().and_then(present),
        account_id: account_of(entity),
    }
}

/// The node of a subsegment whose parent is missing: the Lambda function that sent it, if it tells
/// (`spec/traces-and-graph.md` section 2.4).
#[must_use]
pub fn of_orphan(entity: &Entity<'_>) -> NodeKey {
    let arns = [
        entity
            .aws
            .as_ref()
            .and_then(|aws| aws.function_arn.as_deref()),
        entity.resource_arn.as_deref(),
    ];
    match arns.into_iter().flatten().find_map(lambda_function) {
        Some((account_id, function)) => NodeKey {
            name: function,
            kind: Some("AWS::Lambda::Function".to_owned()),
            account_id: Some(account_id),
        },
        None => NodeKey {
            name: entity.name.to_string(),
            kind: None,
            account_id: None,
        },
    }
}

/// Account and name in `arn:<partition>:lambda:<region>:<account>:function:<name>[:<version>]`.
fn lambda_function(arn: &str) -> Option<(String, String)> {
    let mut parts = arn.split(':');
    let (arn, _partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (_region, account, kind, name) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_function = arn == "arn" && service == "lambda" && kind == "function";
    (is_function && !name.is_empty()).then(|| (account.to_owned(), name.to_owned()))
}

/// The name an inferred segment carries: not its node's name, which may be a resource.
#[must_use]
pub fn inferred_name<'e>(call: &'e Entity<'_>) -> &'e str {
    if call.namespace.as_deref() == Some("aws") {
        canonical_service_name(&call.name)
    } else {
        &call.name
    }
}

/// The node at the other end of a call that no sent segment answered.
#[must_use]
pub fn of_inferred(call: &Entity<'_>) -> NodeKey {
    if call.namespace.as_deref() == Some("aws") {
        return of_aws_call(call);
    }
    let kind = if call.sql.is_some() { SQL } else { REMOTE };
    NodeKey {
        name: call.name.to_string(),
        kind: Some(kind.to_owned()),
        account_id: account_of(call),
    }
}

fn of_aws_call(call: &Entity<'_>) -> NodeKey {
    let service = canonical_service_name(&call.name);
    let aws = call.aws.as_deref().filter(|aws| aws.operation.is_some());
    let resource = aws.and_then(|aws| {
        let (named, listed) = match service {
            "DynamoDB" => (aws.table_name.as_deref(), aws.table_names.as_deref()),
            "S3" => (aws.bucket_name.as_deref(), None),
            "SQS" => (aws.queue_url.as_deref().or(aws.queue_name.as_deref()), None),
            "Lambda" => (aws.function_name.as_deref(), None),
            _ => return None,
        };
        let single = |list: Option<&[Cow<'_, str>]>| match list {
            Some([only]) => present(only),
            _ => None,
        };
        let named = named.and_then(present);
        named
            .or_else(|| single(listed))
            .or_else(|| single(aws.resource_names.as_deref()))
    });
    let kind = match (service, &resource) {
        ("DynamoDB", Some(_)) => "AWS::DynamoDB::Table".to_owned(),
        ("S3", Some(_)) => "AWS::S3::Bucket".to_owned(),
        ("SQS", Some(_)) => "AWS::SQS::Queue".to_owned(),
        _ => format!("AWS::{service}"),
    };
    NodeKey {
        name: resource.unwrap_or_else(|| service.to_owned()),
        kind: Some(kind),
        account_id: account_of(call),
    }
}

fn account_of(entity: &Entity<'_>) -> Option<String> {
    entity.aws.as_ref()?.account_id.as_deref().and_then(present)
}

/// Empty texts count as absent: AWS never shows an empty `Type` or account.
fn present(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use radiograph_protocol::segment;

    fn call(members: &str) -> NodeKey {
        let text = format!(
            r#"{{"type":"subsegment","id":"a1b2c3d4e5f60718","trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4","parent_id":"3f1e0c2b9a8d7e6f","start_time":1,"end_time":2,{members}}}"#
        );
        of_inferred(&segment::parse(&text).unwrap().entity)
    }

    fn key(name: &str, kind: &str, account_id: Option<&str>) -> NodeKey {
        NodeKey {
            name: name.to_owned(),
            kind: Some(kind.to_owned()),
            account_id: account_id.map(str::to_owned),
        }
    }

    #[test]
    fn each_call_has_the_node_of_the_table() {
        let rows = [
            (
                r#""name":"dynamodb","namespace":"aws","aws":{"operation":"GetItem","table_name":"carts"}"#,
                key("carts", "AWS::DynamoDB::Table", None),
            ),
            (
                r#""name":"DynamoDB","namespace":"aws","aws":{"operation":"BatchGetItem","table_names":["carts"]}"#,
                key("carts", "AWS::DynamoDB::Table", None),
            ),
            (
                r#""name":"DynamoDB","namespace":"aws","aws":{"operation":"BatchGetItem","table_names":["a","b"]}"#,
                key("DynamoDB", "AWS::DynamoDB", None),
            ),
            (
                r#""name":"DynamoDB","namespace":"aws","aws":{"table_name":"carts"}"#,
                key("DynamoDB", "AWS::DynamoDB", None),
            ),
            (
                r#""name":"Amazon S3","namespace":"aws","aws":{"operation":"PutObject","bucket_name":"b","account_id":"1"}"#,
                key("b", "AWS::S3::Bucket", Some("1")),
            ),
            (
                r#""name":"sqs","namespace":"aws","aws":{"operation":"SendMessage","queue_url":"https://q/1/jobs","queue_name":"jobs"}"#,
                key("https://q/1/jobs", "AWS::SQS::Queue", None),
            ),
            (
                r#""name":"SQS","namespace":"aws","aws":{"operation":"SendMessage","queue_name":"jobs"}"#,
                key("jobs", "AWS::SQS::Queue", None),
            ),
            (
                r#""name":"SNS","namespace":"aws","aws":{"operation":"Publish","topic_arn":"arn:x"}"#,
                key("SNS", "AWS::SNS", None),
            ),
            (
                r#""name":"Lambda","namespace":"aws","aws":{"operation":"Invoke","function_name":"resize"}"#,
                key("resize", "AWS::Lambda", None),
            ),
            (
                r#""name":"AWSLambda","namespace":"aws""#,
                key("Lambda", "AWS::Lambda", None),
            ),
            (
                r#""name":"ssm","namespace":"aws","aws":{"operation":"GetParameter"}"#,
                key("SSM", "AWS::SSM", None),
            ),
            (
                r#""name":"AWS XRay","namespace":"aws""#,
                key("XRay", "AWS::XRay", None),
            ),
            (
                r#""name":"dynamodbv2","namespace":"aws""#,
                key("DynamoDB", "AWS::DynamoDB", None),
            ),
            (
                r#""name":"orders@db1","namespace":"remote","sql":{"url":"x"}"#,
                key("orders@db1", "Database::SQL", None),
            ),
            (
                r#""name":"pay.test","namespace":"remote""#,
                key("pay.test", "remote", None),
            ),
        ];
        for (members, expected) in rows {
            assert_eq!(call(members), expected, "{members}");
        }
    }

    #[test]
    fn an_edge_is_found_by_its_ends_and_by_no_others() {
        let [a, b, c] = ["a", "b", "c"].map(NodeKey::client_of);
        let edge = |source: &NodeKey, target: &NodeKey| EdgeKey {
            source: source.clone(),
            target: target.clone(),
        };
        let edges = BTreeSet::from([edge(&a, &b), edge(&b, &a), edge(&a, &c), edge(&c, &c)]);
        for source in [&a, &b, &c] {
            for target in [&a, &b, &c] {
                let ends: &dyn Ends = &(source, target);
                let expected = edges.get(&edge(source, target));
                assert_eq!(edges.get(ends), expected);
                assert_eq!(EdgeKey::of(ends), edge(source, target));
            }
        }
    }

    #[test]
    fn a_name_that_is_nothing_but_the_prefix_stays() {
        assert_eq!(canonical_service_name("AWS"), "AWS");
        assert_eq!(canonical_service_name("awesome"), "awesome");
    }

    #[test]
    fn orphans_are_named_after_their_function_or_themselves() {
        let orphan = |members: &str| {
            let text = format!(
                r#"{{"type":"subsegment","id":"a1b2c3d4e5f60718","name":"handler","trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4","parent_id":"3f1e0c2b9a8d7e6f","start_time":1,"end_time":2{members}}}"#
            );
            of_orphan(&segment::parse(&text).unwrap().entity)
        };
        let function = key("resize", "AWS::Lambda::Function", Some("111122223333"));
        let arn = "arn:aws:lambda:us-east-1:111122223333:function:resize";
        assert_eq!(
            orphan(&format!(r#","aws":{{"function_arn":"{arn}:$LATEST"}}"#)),
            function
        );
        assert_eq!(orphan(&format!(r#","resource_arn":"{arn}""#)), function);
        let itself = NodeKey {
            name: "handler".to_owned(),
            kind: None,
            account_id: None,
        };
        assert_eq!(orphan(r#","resource_arn":"arn:aws:s3:::bucket""#), itself);
    }
}
