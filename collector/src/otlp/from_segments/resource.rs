//! The resource of a span: what its segment says of the service and of the place it runs in.
//! Source: `spec/otel-mapping.md` sections 6 and 11.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use radiograph_protocol::segment::Entity;
use serde_json::{Map, Value};

use super::pairs::{Pairs, text_of};

/// Members of the blocks of `aws` that name a place, and the attributes that they become.
const PLACES: [(&str, &str, &str); 17] = [
    ("ec2", "instance_id", "host.id"),
    ("ec2", "availability_zone", "cloud.availability_zone"),
    ("ec2", "instance_size", "host.type"),
    ("ec2", "ami_id", "host.image.id"),
    ("ecs", "container", "container.name"),
    ("ecs", "container_id", "container.id"),
    ("ecs", "container_arn", "aws.ecs.container.arn"),
    ("ecs", "task_arn", "aws.ecs.task.arn"),
    ("ecs", "task_family", "aws.ecs.task.family"),
    ("ecs", "cluster_arn", "aws.ecs.cluster.arn"),
    ("ecs", "launch_type", "aws.ecs.launchtype"),
    ("ecs", "availability_zone", "cloud.availability_zone"),
    ("eks", "cluster_name", "k8s.cluster.name"),
    ("eks", "pod", "k8s.pod.name"),
    ("eks", "container_id", "container.id"),
    ("elastic_beanstalk", "environment_name", "service.namespace"),
    ("elastic_beanstalk", "version_label", "service.version"),
];

/// The attributes of the resource that a segment, or what stands in for one, describes.
pub(super) fn of(owner: &Entity<'_>, members: &Map<String, Value>) -> Vec<KeyValue> {
    let mut pairs = Pairs::default();
    let name = members.get("name").and_then(Value::as_str);
    pairs.text("service.name", Some(name.unwrap_or(&owner.name)));
    let service = members.get("service");
    let version = service.and_then(|service| text_of(service, "version"));
    pairs.text("service.version", version);
    let aws = members.get("aws").filter(|aws| aws.is_object());
    let platform = owner.origin.as_deref().and_then(platform);
    let is_aws = aws.is_some() || platform.is_some();
    let provider = if is_aws { "aws" } else { "unknown" };
    pairs.text("cloud.provider", Some(provider));
    if let Some((platform, launch_type)) = platform {
        pairs.text("cloud.platform", Some(platform));
        pairs.text("aws.ecs.launchtype", launch_type);
    }
    let arn = owner.resource_arn.as_deref();
    pairs.text("aws.xray.resource_arn", arn);
    // where a function's ARN is looked for on the way back
    let is_function = platform.is_some_and(|(platform, _)| platform == LAMBDA);
    pairs.text("cloud.resource_id", arn.filter(|_| is_function));
    if let Some(aws) = aws {
        place(aws, &mut pairs);
        sdk(aws, &mut pairs);
    }
    pairs.into_vec()
}

const LAMBDA: &str = "aws_lambda";

/// `cloud.platform` of an origin, and the launch type that is part of some.
fn platform(origin: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match origin {
        "AWS::AppRunner::Service" => ("aws_app_runner", None),
        "AWS::EKS::Container" => ("aws_eks", None),
        "AWS::ElasticBeanstalk::Environment" => ("aws_elastic_beanstalk", None),
        "AWS::ECS::Container" => ("aws_ecs", None),
        "AWS::ECS::EC2" => ("aws_ecs", Some("ec2")),
        "AWS::ECS::Fargate" => ("aws_ecs", Some("fargate")),
        "AWS::EC2::Instance" => ("aws_ec2", None),
        "AWS::Lambda::Function" => (LAMBDA, None),
        _ => return None,
    })
}

fn place(aws: &Value, pairs: &mut Pairs) {
    pairs.text("cloud.account.id", text_of(aws, "account_id"));
    for (block, member, key) in PLACES {
        let block = aws.get(block);
        pairs.text(key, block.and_then(|block| text_of(block, member)));
    }
    let beanstalk = aws.get("elastic_beanstalk");
    let deployment = beanstalk.and_then(|block| block.get("deployment_id"));
    let deployment = deployment.filter(|id| id.is_number()).map(Value::to_string);
    pairs.text("service.instance.id", deployment.as_deref());
    for (member, key) in [
        ("log_group", "aws.log.group.names"),
        ("arn", "aws.log.group.arns"),
    ] {
        let groups = aws.get("cloudwatch_logs").and_then(Value::as_array);
        let named = groups.into_iter().flatten();
        let named: Vec<Value> = named
            .filter_map(|group| text_of(group, member).map(Value::from))
            .collect();
        if !named.is_empty() {
            pairs.add(key, Some(&Value::Array(named)));
        }
    }
}

/// `<name> for <language>`, apart as telemetry tells them.
fn sdk(aws: &Value, pairs: &mut Pairs) {
    let Some(xray) = aws.get("xray") else {
        return;
    };
    if let Some(sdk) = text_of(xray, "sdk") {
        let (name, language) = match sdk.rsplit_once(" for ") {
            Some((name, language)) => (name, Some(language)),
            None => (sdk, None),
        };
        pairs.text("telemetry.sdk.name", Some(name));
        pairs.text("telemetry.sdk.language", language);
    }
    pairs.text("telemetry.sdk.version", text_of(xray, "sdk_version"));
}
