//! What a resource says of the kind of compute: `origin`, `resource_arn` and `service`.
//! Source: `spec/otel-mapping.md` section 6.

use super::attributes::Attributes;
use super::object::Object;

const PLATFORM: &str = "cloud.platform";

/// Whether the resource runs on AWS; one that does not say counts as AWS.
pub(super) fn is_aws(resource: Attributes<'_>) -> bool {
    let provider = resource.text("cloud.provider");
    provider.is_none_or(|provider| provider == "aws")
}

/// `cloud.platform`, if it is one of AWS.
pub(super) fn platform(resource: Attributes<'_>) -> Option<&str> {
    resource.text(PLATFORM).filter(|_| is_aws(resource))
}

/// `origin`, by the platform.
pub(super) fn of(resource: Attributes<'_>) -> Option<&'static str> {
    Some(match platform(resource)? {
        "aws_app_runner" => "AWS::AppRunner::Service",
        "aws_eks" => "AWS::EKS::Container",
        "aws_elastic_beanstalk" => "AWS::ElasticBeanstalk::Environment",
        "aws_ecs" => match resource.text("aws.ecs.launchtype") {
            Some("ec2") => "AWS::ECS::EC2",
            Some("fargate") => "AWS::ECS::Fargate",
            _ => "AWS::ECS::Container",
        },
        "aws_ec2" => "AWS::EC2::Instance",
        "aws_lambda" => "AWS::Lambda::Function",
        _ => return None,
    })
}

/// The function's ARN in Lambda.
pub(super) fn resource_arn(resource: Attributes<'_>) -> Option<&str> {
    let is_lambda = platform(resource) == Some("aws_lambda");
    let arn = resource.text("cloud.resource_id");
    arn.filter(|id| is_lambda && id.starts_with("arn:"))
}

/// `service`, which tells the version.
pub(super) fn service(resource: Attributes<'_>) -> Object {
    let tag = || {
        let tags = resource.texts("container.image.tags").unwrap_or_default();
        let first = tags.first().copied();
        first.or_else(|| resource.text("container.image.tag"))
    };
    let version = resource.text("service.version").or_else(tag);
    Object::default().put("version", version)
}
