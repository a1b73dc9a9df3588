//! The `aws` block: the resource that is called, from the span, and the place the code runs in, from
//! its resource. Source: `spec/otel-mapping.md` section 6.

use super::attributes::Attributes;
use super::documents::Role;
use super::object::{Object, Used};
use super::origin;
use super::span::ReadSpan;

const OPERATION: [&str; 2] = ["aws.operation", "rpc.method"];
const ACCOUNT: &str = "aws.account_id";
const REGION: &str = "aws.region";
const REQUEST: [&str; 2] = ["aws.request_id", "aws.requestId"];
const QUEUE: [&str; 4] = [
    "messaging.url",
    "aws.queue_url",
    "aws.queue.url",
    "aws.sqs.queue.url",
];
const TABLES: &str = "aws.dynamodb.table_names";
const TABLE: [&str; 2] = ["aws.table_name", "aws.table.name"];
const BUCKET: &str = "aws.s3.bucket";
const TOPIC: &str = "aws.sns.topic.arn";
const FUNCTION: [&str; 2] = ["aws.lambda.invoked_arn", "faas.invoked_name"];

/// `None` for a resource of another cloud. The service segment of a span that is also a call does
/// not tell what it calls.
pub(super) fn block(span: &ReadSpan<'_>, role: Role, used: &mut Used) -> Option<Object> {
    if !origin::is_aws(span.resource) {
        return None;
    }
    used.extend([ACCOUNT, REGION, TABLES, BUCKET, TOPIC]);
    used.extend(OPERATION.iter().chain(&REQUEST).chain(&QUEUE));
    used.extend(TABLE.iter().chain(&FUNCTION));
    let place = place(span.resource);
    Some(if role == Role::Service {
        place
    } else {
        place.merge(called(span))
    })
}

fn called(span: &ReadSpan<'_>) -> Object {
    let attributes = span.attributes;
    // usually the caller's own account, as the exporter has it
    let account = attributes
        .text(ACCOUNT)
        .or_else(|| span.resource.text("cloud.account.id"));
    let function = attributes.first_text(&FUNCTION).map(function_name);
    Object::default()
        .put("operation", attributes.first_text(&OPERATION))
        .put("account_id", account)
        .put("region", attributes.text(REGION))
        .put("request_id", attributes.first_text(&REQUEST))
        .put("queue_url", attributes.first_text(&QUEUE))
        .put("bucket_name", attributes.text(BUCKET))
        .put("topic_arn", attributes.text(TOPIC))
        .put("function_name", function)
        .merge(tables(attributes))
}

/// One table by its name, several as an array.
fn tables(attributes: Attributes<'_>) -> Object {
    let tables = attributes.texts(TABLES).unwrap_or_default();
    let one = match *tables {
        [] => attributes
            .text(TABLES)
            .or_else(|| attributes.first_text(&TABLE)),
        [table] => Some(table),
        _ => None,
    };
    let several = if tables.len() > 1 { tables } else { Vec::new() };
    Object::default()
        .put("table_name", one)
        .put_array("table_names", several)
}

/// The name at the end of an ARN, before a version or alias; a plain name stays as it is.
fn function_name(function: &str) -> &str {
    let named = function.split(':').nth(6);
    named.unwrap_or_else(|| function.rsplit(':').next().unwrap_or(function))
}

fn place(resource: Attributes<'_>) -> Object {
    let platform = origin::platform(resource);
    let is_ec2 = platform == Some("aws_ec2") || resource.text("host.id").is_some();
    let is_ecs = platform == Some("aws_ecs");
    let is_eks = platform == Some("aws_eks") || resource.text("k8s.cluster.name").is_some();
    let deployment = resource
        .text("service.instance.id")
        .filter(|_| platform == Some("aws_elastic_beanstalk"));
    Object::default()
        .put("ec2", is_ec2.then(|| ec2(resource)))
        .put("ecs", is_ecs.then(|| ecs(resource)))
        .put("eks", is_eks.then(|| eks(resource)))
        .put(
            "elastic_beanstalk",
            deployment.map(|id| elastic_beanstalk(resource, id)),
        )
        .put_array("cloudwatch_logs", log_groups(resource))
        .put("xray", Some(xray(resource)))
}

fn ec2(resource: Attributes<'_>) -> Object {
    Object::default()
        .put("instance_id", resource.text("host.id"))
        .put("availability_zone", resource.text(ZONE))
        .put("instance_size", resource.text("host.type"))
        .put("ami_id", resource.text("host.image.id"))
}

fn ecs(resource: Attributes<'_>) -> Object {
    Object::default()
        .put("container", resource.text("container.name"))
        .put("container_id", resource.text("container.id"))
        .put("container_arn", resource.text("aws.ecs.container.arn"))
        .put("task_arn", resource.text("aws.ecs.task.arn"))
        .put("task_family", resource.text("aws.ecs.task.family"))
        .put("cluster_arn", resource.text("aws.ecs.cluster.arn"))
        .put("launch_type", resource.text("aws.ecs.launchtype"))
        .put("availability_zone", resource.text(ZONE))
}

fn eks(resource: Attributes<'_>) -> Object {
    Object::default()
        .put("cluster_name", resource.text("k8s.cluster.name"))
        .put("pod", resource.text("k8s.pod.name"))
        .put("container_id", resource.text("container.id"))
}

fn elastic_beanstalk(resource: Attributes<'_>, deployment: &str) -> Object {
    Object::default()
        .put("environment_name", resource.text("service.namespace"))
        .put("deployment_id", Some(deployment.parse().unwrap_or(0_i64)))
        .put("version_label", resource.text("service.version"))
}

/// Log groups by ARN, else by name; environment variables can only give them as one text.
fn log_groups(resource: Attributes<'_>) -> Vec<Object> {
    let listed = |key| match resource.text(key) {
        Some(text) => text.split('&').filter(|part| !part.is_empty()).collect(),
        None => resource.texts(key).unwrap_or_default(),
    };
    let arns = listed("aws.log.group.arns");
    if arns.is_empty() {
        let names = listed("aws.log.group.names").into_iter();
        return names
            .map(|name| Object::default().put("log_group", Some(name)))
            .collect();
    }
    let groups = arns.into_iter().map(|arn| {
        let group = arn.split(':').nth(6).unwrap_or(arn);
        Object::default()
            .put("log_group", Some(group))
            .put("arn", Some(arn))
    });
    groups.collect()
}

fn xray(resource: Attributes<'_>) -> Object {
    let name = resource.text("telemetry.sdk.name");
    let sdk = name.map(|name| match resource.text("telemetry.sdk.language") {
        Some(language) => format!("{name} for {language}"),
        None => name.to_owned(),
    });
    let distributions = ["telemetry.auto.version", "telemetry.distro.version"];
    let is_automatic = resource.first_text(&distributions).is_some();
    Object::default()
        .put("sdk", sdk)
        .put("sdk_version", resource.text("telemetry.sdk.version"))
        .put("auto_instrumentation", Some(is_automatic))
}

const ZONE: &str = "cloud.availability_zone";
