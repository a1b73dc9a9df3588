//! The `aws` block: where the code runs (segments), or which resource was called (subsegments).
//! Source: `spec/segment-document.md` section 5. Only members that something is derived from are
//! typed; the others live on in the document's text.

use std::borrow::Cow;

use super::lenient::json_object;

json_object! {
    /// `aws`.
    pub struct Aws<'a> {
        /// The account, as text.
        account_id: Cow<'a, str> = "account_id",
        /// API action, for instance `PutItem`.
        operation: Cow<'a, str> = "operation",
        /// The DynamoDB table called.
        table_name: Cow<'a, str> = "table_name",
        /// Several tables; a single element may stand in for `table_name`.
        table_names: Vec<Cow<'a, str>> = "table_names",
        /// Resources; a single element may stand in for the singular member of its service.
        resource_names: Vec<Cow<'a, str>> = "resource_names",
        /// The S3 bucket called.
        bucket_name: Cow<'a, str> = "bucket_name",
        /// The SQS queue called, as URL.
        queue_url: Cow<'a, str> = "queue_url",
        /// The SQS queue called, by name.
        queue_name: Cow<'a, str> = "queue_name",
        /// The Lambda function called.
        function_name: Cow<'a, str> = "function_name",
        /// The function that ran, on segments and facade subsegments in Lambda.
        function_arn: Cow<'a, str> = "function_arn",
        /// The EC2 instance the code runs on.
        ec2: Host<'a> = "ec2",
        /// The ECS task the code runs in.
        ecs: Host<'a> = "ecs",
        /// Who made the document.
        xray: Xray<'a> = "xray",
    }
}

json_object! {
    /// `aws.ec2` or `aws.ecs`, as far as summaries need it.
    pub struct Host<'a> {
        /// EC2 instance id.
        instance_id: Cow<'a, str> = "instance_id",
        /// Availability zone.
        availability_zone: Cow<'a, str> = "availability_zone",
    }
}

json_object! {
    /// `aws.xray`.
    pub struct Xray<'a> {
        /// Name of the SDK that made the document.
        sdk: Cow<'a, str> = "sdk",
        /// Its version.
        sdk_version: Cow<'a, str> = "sdk_version",
        /// The sampling rule that matched, as Python, Go and .NET spell it.
        sampling_rule_name: Cow<'a, str> = "sampling_rule_name",
        /// The same, as Node and Java spell it.
        rule_name: Cow<'a, str> = "rule_name",
    }
}

impl Xray<'_> {
    /// The sampling rule the sender decided by, in either spelling.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.sampling_rule_name
            .as_deref()
            .or(self.rule_name.as_deref())
    }
}
