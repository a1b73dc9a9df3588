//! The `aws` block, `origin`, `resource_arn` and `service` (section 6).

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use super::build::{child, only, only_of, root};

/// The `aws` block of a call, without `xray`.
fn called(attributes: Value) -> Value {
    let mut aws = only(child(SpanKind::Client, "x", attributes))["aws"].take();
    aws.as_object_mut().unwrap().remove("xray");
    aws
}

/// A segment of a resource.
fn on(resource: Value) -> Value {
    only_of(root(SpanKind::Server, "x", json!({})), resource)
}

#[test]
fn the_called_resource_is_read_from_the_first_name_that_is_there() {
    let function = "arn:aws:lambda:us-east-1:123456789012:function:pay";
    let cases = [
        (
            json!({"aws.operation": "A", "rpc.method": "B"}),
            json!({"operation": "A"}),
        ),
        (json!({"rpc.method": "B"}), json!({"operation": "B"})),
        (
            json!({"aws.account_id": "1", "aws.region": "r"}),
            json!({"account_id": "1", "region": "r"}),
        ),
        (
            json!({"aws.request_id": "1", "aws.requestId": "2"}),
            json!({"request_id": "1"}),
        ),
        (json!({"aws.requestId": "2"}), json!({"request_id": "2"})),
        (
            json!({"messaging.url": "m", "aws.queue_url": "q"}),
            json!({"queue_url": "m"}),
        ),
        (json!({"aws.queue_url": "q"}), json!({"queue_url": "q"})),
        (json!({"aws.queue.url": "q"}), json!({"queue_url": "q"})),
        (json!({"aws.sqs.queue.url": "q"}), json!({"queue_url": "q"})),
        (
            json!({"aws.dynamodb.table_names": ["t"], "aws.table_name": "u"}),
            json!({"table_name": "t"}),
        ),
        (
            json!({"aws.dynamodb.table_names": ["t", "u"], "aws.table_name": "v"}),
            json!({"table_names": ["t", "u"]}),
        ),
        (
            json!({"aws.dynamodb.table_names": "t"}),
            json!({"table_name": "t"}),
        ),
        (
            json!({"aws.dynamodb.table_names": [], "aws.table_name": "u"}),
            json!({"table_name": "u"}),
        ),
        (json!({"aws.table.name": "u"}), json!({"table_name": "u"})),
        (json!({"aws.s3.bucket": "b"}), json!({"bucket_name": "b"})),
        (
            json!({"aws.sns.topic.arn": "arn:t"}),
            json!({"topic_arn": "arn:t"}),
        ),
        (
            json!({"aws.lambda.invoked_arn": function}),
            json!({"function_name": "pay"}),
        ),
        (
            json!({"aws.lambda.invoked_arn": format!("{function}:7")}),
            json!({"function_name": "pay"}),
        ),
        (
            json!({"faas.invoked_name": "pay"}),
            json!({"function_name": "pay"}),
        ),
    ];
    for (attributes, expected) in cases {
        assert_eq!(called(attributes.clone()), expected, "{attributes}");
        let document = only(child(SpanKind::Client, "x", attributes));
        assert!(document["metadata"]["default"].is_null(), "{document}");
    }
}

#[test]
fn the_account_of_a_call_is_the_callers_unless_it_says_otherwise() {
    let resource = json!({"cloud.account.id": "1"});
    let of = |attributes| only_of(child(SpanKind::Client, "x", attributes), resource.clone());
    assert_eq!(of(json!({}))["aws"]["account_id"], "1");
    assert_eq!(of(json!({"aws.account_id": "2"}))["aws"]["account_id"], "2");
}

#[test]
fn another_cloud_has_no_block_no_origin_and_loses_nothing() {
    let resource = json!({"cloud.provider": "gcp", "cloud.platform": "aws_ec2", "host.id": "i-1"});
    let attributes = json!({"aws.operation": "A", "rpc.method": "B"});
    let document = only_of(child(SpanKind::Client, "x", attributes.clone()), resource);
    assert!(document["aws"].is_null() && document["origin"].is_null());
    assert_eq!(document["metadata"]["default"], attributes);
}

#[test]
fn the_platform_is_the_origin() {
    let rows = [
        (
            json!({"cloud.platform": "aws_app_runner"}),
            json!("AWS::AppRunner::Service"),
        ),
        (
            json!({"cloud.platform": "aws_eks"}),
            json!("AWS::EKS::Container"),
        ),
        (
            json!({"cloud.platform": "aws_elastic_beanstalk"}),
            json!("AWS::ElasticBeanstalk::Environment"),
        ),
        (
            json!({"cloud.platform": "aws_ecs"}),
            json!("AWS::ECS::Container"),
        ),
        (
            json!({"cloud.platform": "aws_ecs", "aws.ecs.launchtype": "ec2"}),
            json!("AWS::ECS::EC2"),
        ),
        (
            json!({"cloud.platform": "aws_ecs", "aws.ecs.launchtype": "fargate"}),
            json!("AWS::ECS::Fargate"),
        ),
        (
            json!({"cloud.platform": "aws_ecs", "aws.ecs.launchtype": "x"}),
            json!("AWS::ECS::Container"),
        ),
        (
            json!({"cloud.platform": "aws_ec2", "cloud.provider": "aws"}),
            json!("AWS::EC2::Instance"),
        ),
        (
            json!({"cloud.platform": "aws_lambda"}),
            json!("AWS::Lambda::Function"),
        ),
        (json!({"cloud.platform": "aws_openshift"}), json!(null)),
        (json!({"host.id": "i-1"}), json!(null)),
    ];
    for (resource, expected) in rows {
        assert_eq!(on(resource.clone())["origin"], expected, "{resource}");
        let subsegment = only_of(child(SpanKind::Internal, "x", json!({})), resource);
        assert_eq!(subsegment["origin"], expected);
    }
}

#[test]
fn a_function_has_its_arn_on_segments() {
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:pay";
    let resource = json!({"cloud.platform": "aws_lambda", "cloud.resource_id": arn});
    assert_eq!(on(resource.clone())["resource_arn"], arn);
    let call = only_of(child(SpanKind::Client, "x", json!({})), resource);
    assert!(call["resource_arn"].is_null());
    for (platform, id) in [("aws_lambda", "pay"), ("aws_ec2", arn)] {
        let resource = json!({"cloud.platform": platform, "cloud.resource_id": id});
        assert!(on(resource)["resource_arn"].is_null(), "{platform} {id}");
    }
}

#[test]
fn every_block_of_the_place_has_its_members() {
    let resource = json!({
        "host.id": "i-1", "cloud.availability_zone": "z", "host.type": "m5", "host.image.id": "ami",
        "container.name": "c", "container.id": "cid", "aws.ecs.container.arn": "carn",
        "aws.ecs.task.arn": "tarn", "aws.ecs.task.family": "fam", "aws.ecs.cluster.arn": "clarn",
        "aws.ecs.launchtype": "ec2", "k8s.cluster.name": "k", "k8s.pod.name": "p",
        "service.namespace": "env", "service.instance.id": "23", "service.version": "1.2",
    });
    let ec2 = json!({
        "instance_id": "i-1", "availability_zone": "z", "instance_size": "m5", "ami_id": "ami"
    });
    let eks = json!({"cluster_name": "k", "pod": "p", "container_id": "cid"});
    let ecs = json!({
        "container": "c", "container_id": "cid", "container_arn": "carn", "task_arn": "tarn",
        "task_family": "fam", "cluster_arn": "clarn", "launch_type": "ec2", "availability_zone": "z",
    });
    let beanstalk = json!({"environment_name": "env", "deployment_id": 23, "version_label": "1.2"});
    let null = Value::Null;
    // platform, then which of the blocks besides ec2 and eks, which their ids alone make
    let rows = [
        ("aws_ecs", &ecs, &null),
        ("aws_elastic_beanstalk", &null, &beanstalk),
        ("aws_ec2", &null, &null),
    ];
    for (platform, ecs, beanstalk) in rows {
        let mut resource = resource.clone();
        resource["cloud.platform"] = json!(platform);
        let aws = on(resource)["aws"].take();
        assert_eq!((&aws["ec2"], &aws["eks"]), (&ec2, &eks), "{platform}");
        assert_eq!(
            (&aws["ecs"], &aws["elastic_beanstalk"]),
            (ecs, beanstalk),
            "{platform}"
        );
    }
}

#[test]
fn a_deployment_that_is_no_number_is_0() {
    let platform = "aws_elastic_beanstalk";
    let resource = json!({"cloud.platform": platform, "service.instance.id": "i-1"});
    assert_eq!(
        on(resource)["aws"]["elastic_beanstalk"],
        json!({"deployment_id": 0})
    );
    let resource = json!({"cloud.platform": platform});
    assert!(on(resource)["aws"]["elastic_beanstalk"].is_null());
}

#[test]
fn log_groups_come_from_arns_else_from_names() {
    let arn = "arn:aws:logs:us-east-1:123456789012:log-group:shop:*";
    let by_arn = json!([{"log_group": "shop", "arn": arn}, {"log_group": "odd", "arn": "odd"}]);
    let by_name = json!([{"log_group": "a"}, {"log_group": "b"}]);
    let cases = [
        (
            json!({"aws.log.group.arns": [arn, "odd"], "aws.log.group.names": ["a"]}),
            &by_arn,
        ),
        (
            json!({"aws.log.group.arns": format!("{arn}&&odd")}),
            &by_arn,
        ),
        (json!({"aws.log.group.names": ["a", "b"]}), &by_name),
        (
            json!({"aws.log.group.names": "a&b", "aws.log.group.arns": []}),
            &by_name,
        ),
        (json!({"aws.log.group.names": 7}), &Value::Null),
    ];
    for (resource, expected) in cases {
        assert_eq!(
            &on(resource.clone())["aws"]["cloudwatch_logs"],
            expected,
            "{resource}"
        );
    }
}

#[test]
fn the_sdk_is_told_by_name_language_and_version() {
    let cases = [
        (json!({}), json!({"auto_instrumentation": false})),
        (
            json!({"telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "go", "telemetry.sdk.version": "1"}),
            json!({"sdk": "opentelemetry for go", "sdk_version": "1", "auto_instrumentation": false}),
        ),
        (
            json!({"telemetry.sdk.name": "x", "telemetry.auto.version": "1"}),
            json!({"sdk": "x", "auto_instrumentation": true}),
        ),
        (
            json!({"telemetry.sdk.language": "go", "telemetry.distro.version": "1"}),
            json!({"auto_instrumentation": true}),
        ),
    ];
    for (resource, expected) in cases {
        assert_eq!(on(resource.clone())["aws"]["xray"], expected, "{resource}");
    }
}

#[test]
fn the_version_is_the_services_else_the_images_tag() {
    let cases = [
        (
            json!({"service.version": "1", "container.image.tag": "t"}),
            json!({"version": "1"}),
        ),
        (
            json!({"container.image.tags": ["a", "b"], "container.image.tag": "t"}),
            json!({"version": "a"}),
        ),
        (
            json!({"container.image.tags": [], "container.image.tag": "t"}),
            json!({"version": "t"}),
        ),
        (json!({}), Value::Null),
    ];
    for (resource, expected) in cases {
        assert_eq!(on(resource.clone())["service"], expected, "{resource}");
    }
}
