//! What the `aws` block of a segment says about where it ran, and its `origin`.
//!
//! Every service runs on a few hosts in two availability zones. Account and instance ids are made
//! up; the account is the one AWS's documentation uses.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::services::{Compute, Look, Service};

/// The account everything runs in.
pub(super) const ACCOUNT: &str = "111122223333";
/// The region everything runs in.
pub(super) const REGION: &str = "eu-west-1";

/// Last digits of instance and task ids with the zone each lies in.
const HOSTS: [(&str, &str); 3] = [
    ("0718", "eu-west-1a"),
    ("1728", "eu-west-1b"),
    ("2738", "eu-west-1b"),
];

/// Writes `origin`, `service`, `aws` and `resource_arn` of a segment that `service` sends.
pub(super) fn describe(service: &Service, rng: &mut Rng, blocks: &mut Map<String, Value>) {
    let mut aws = Map::new();
    let (digits, zone) = rng.choice(HOSTS).unwrap_or(("0718", "eu-west-1a"));
    let origin = place(service, digits, zone, rng, &mut aws);
    if let Some(origin) = origin {
        blocks.insert("origin".to_owned(), json!(origin));
    }
    if service.compute == Compute::ApiGateway {
        let arn = format!("arn:aws:apigateway:{REGION}::/restapis/a1b2c3d4e5/stages/prod");
        blocks.insert("resource_arn".to_owned(), json!(arn));
    }
    aws.insert("xray".to_owned(), sdk(service.look));
    blocks.insert("aws".to_owned(), Value::Object(aws));
    if let Some(runtime) = runtime(service.look) {
        blocks.insert("service".to_owned(), runtime);
    }
}

fn place(
    service: &Service,
    digits: &str,
    zone: &str,
    rng: &mut Rng,
    aws: &mut Map<String, Value>,
) -> Option<&'static str> {
    let name = service.name;
    let (origin, member, block) = match service.compute {
        Compute::Plain => return None,
        Compute::ApiGateway => {
            aws.insert("account_id".to_owned(), json!(ACCOUNT));
            let block = json!({"account_id": ACCOUNT, "rest_api_id": "a1b2c3d4e5", "stage": "prod",
                "request_id": format!("{:032x}", rng.u128(..))});
            ("AWS::ApiGateway::Stage", "api_gateway", block)
        }
        Compute::Fargate => {
            let task = format!("7f3a9c5e2b1d4f60a8c7e6d5b4a3{digits}");
            let arn = format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task/shop/{task}");
            let block = json!({"container": format!("{name}-{digits}"), "task_arn": arn,
                "task_family": name, "launch_type": "fargate", "availability_zone": zone,
                "cluster_arn": format!("arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop")});
            ("AWS::ECS::Fargate", "ecs", block)
        }
        Compute::Ec2 => {
            // the name's length tells the instances of different services apart
            let instance = format!("i-0a1b2c3d4e{:03x}{digits}", name.len());
            let block = json!({"instance_id": instance, "availability_zone": zone,
                "instance_size": "m7g.large", "ami_id": "ami-0abcdef1234567890"});
            ("AWS::EC2::Instance", "ec2", block)
        }
        Compute::Eks => {
            let block = json!({"cluster_name": "shop", "pod": format!("{name}-6d4cf56db6-{digits}"),
                "container_id": format!("4f2a{digits}")});
            ("AWS::EKS::Container", "eks", block)
        }
        Compute::Beanstalk => {
            let block = json!({"environment_name": format!("shop-{name}"),
                "version_label": "v42", "deployment_id": 42});
            (
                "AWS::ElasticBeanstalk::Environment",
                "elastic_beanstalk",
                block,
            )
        }
    };
    aws.insert(member.to_owned(), block);
    Some(origin)
}

/// `aws.xray`. Each names a rule or an SDK: a daemon must see that sampling was decided already.
fn sdk(look: Look) -> Value {
    match look {
        Look::Gateway => json!({"sampling_rule_name": "Default"}),
        Look::Python => json!({"sdk": "X-Ray for Python", "sdk_version": "2.15.0",
            "sampling_rule_name": "Default"}),
        Look::Node => json!({"sdk": "X-Ray for Node.js", "sdk_version": "3.12.0",
            "package": "aws-xray-sdk", "rule_name": "Default"}),
        Look::Java => json!({"sdk": "X-Ray for Java", "sdk_version": "2.18.2",
            "rule_name": "Default"}),
    }
}

fn runtime(look: Look) -> Option<Value> {
    match look {
        Look::Gateway => None,
        Look::Python => Some(json!({"runtime": "CPython", "runtime_version": "3.11.7"})),
        Look::Node => Some(json!({"runtime": "node", "runtime_version": "v20.20.2",
            "version": "4.2.0", "name": "unknown"})),
        Look::Java => Some(json!({"runtime": "OpenJDK 64-Bit Server VM",
            "runtime_version": "21.0.5"})),
    }
}
