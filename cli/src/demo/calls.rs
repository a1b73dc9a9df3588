//! Calls to what is not traced: databases, caches, AWS services, the payment provider.
//!
//! Every kind of call has a typical latency, a share of slow ones, and troubles with a share each.
//! Shares are per 10,000 calls. They are higher than in a shop one would like to run: a demo should
//! show something after a minute.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::compute::REGION;
use super::entity::Micros;
use super::services::Look;

/// The queue that notifications come from.
pub(super) const QUEUE_URL: &str =
    "https://sqs.eu-west-1.amazonaws.com/111122223333/order-confirmations";

/// A call about to be made.
#[derive(Debug)]
pub(super) struct Call {
    /// Name of the subsegment.
    pub(super) name: Cow<'static, str>,
    /// `aws` or `remote`.
    pub(super) namespace: &'static str,
    /// `aws`, `http` and `sql` as far as they are known before the answer.
    pub(super) blocks: Map<String, Value>,
    /// Whether the answer has an HTTP status.
    pub(super) answers_http: bool,
    /// What it usually takes.
    pub(super) typical: Micros,
    /// How many take some seconds.
    pub(super) slow_share: u32,
    /// What may go wrong.
    pub(super) troubles: &'static [Trouble],
}

/// Something that goes wrong with a kind of call.
#[derive(Debug)]
pub(super) struct Trouble {
    /// How many calls end like this.
    pub(super) share: u32,
    /// HTTP status of the answer, where there is one.
    pub(super) status: u16,
    /// Status of the caller's own answer, unless it helps itself.
    pub(super) answer: u16,
    /// Class and message of the exception raised, if one is.
    pub(super) exception: Option<(&'static str, &'static str)>,
}

impl Call {
    /// A DynamoDB operation on one table. AWS answers throttled calls with 400, and SDKs set the
    /// throttle flag by the exception's name.
    pub(super) fn dynamodb(look: Look, operation: &str, table: &str) -> Self {
        let name = match look {
            Look::Python => "dynamodb",
            Look::Java => "AmazonDynamoDBv2",
            Look::Node | Look::Gateway => "DynamoDB",
        };
        let resource = ("table_name", json!(table));
        Self::aws(name, operation, resource, 6_000, 12, DYNAMODB)
    }

    /// A read from S3.
    pub(super) fn s3(bucket: &str, key: &str) -> Self {
        let mut call = Self::aws(
            "s3",
            "GetObject",
            ("bucket_name", json!(bucket)),
            24_000,
            20,
            S3,
        );
        if let Some(Value::Object(aws)) = call.blocks.get_mut("aws") {
            aws.insert("key".to_owned(), json!(key));
        }
        call
    }

    /// A message into the queue.
    pub(super) fn send_message() -> Self {
        let resource = ("queue_url", json!(QUEUE_URL));
        Self::aws("SQS", "SendMessage", resource, 8_000, 5, &[])
    }

    fn aws(
        name: &'static str,
        operation: &str,
        (member, resource): (&str, Value),
        typical: Micros,
        slow_share: u32,
        troubles: &'static [Trouble],
    ) -> Self {
        let aws = json!({"operation": operation, "region": REGION, "retries": 0, member: resource});
        Self {
            name: Cow::Borrowed(name),
            namespace: "aws",
            blocks: Map::from_iter([("aws".to_owned(), aws)]),
            answers_http: true,
            typical,
            slow_share,
            troubles,
        }
    }

    /// A query of `database`, which is `name@host`.
    pub(super) fn sql(database: &'static str, query: &str) -> Self {
        let (name, host) = database.split_once('@').unwrap_or(("shop", database));
        let sql = json!({"url": format!("jdbc:postgresql://{host}:5432/{name}"), "user": name,
            "sanitized_query": query, "database_type": "PostgreSQL", "database_version": "16.4",
            "driver_version": "42.7.4", "preparation": "statement"});
        Self {
            name: Cow::Borrowed(database),
            namespace: "remote",
            blocks: Map::from_iter([("sql".to_owned(), sql)]),
            answers_http: false,
            typical: 9_000,
            slow_share: 40,
            troubles: POSTGRESQL,
        }
    }

    /// A command to the cache, which has neither HTTP nor SQL.
    pub(super) fn cache(command: &str) -> Self {
        let metadata = json!({"default": {"command": command}});
        Self {
            name: Cow::Borrowed("cache.shop.internal"),
            namespace: "remote",
            blocks: Map::from_iter([("metadata".to_owned(), metadata)]),
            answers_http: false,
            typical: 900,
            slow_share: 0,
            troubles: &[],
        }
    }

    /// A charge at the payment provider.
    pub(super) fn charge() -> Self {
        let url = "https://api.payments.example.net/v1/charges";
        Self::outside("api.payments.example.net", url, 180_000, 500, PROVIDER)
    }

    /// A mail handed to the mail provider.
    pub(super) fn send_mail() -> Self {
        let url = "https://mail.example.net/v3/send";
        Self::outside("mail.example.net", url, 60_000, 30, &[])
    }

    fn outside(
        host: &'static str,
        url: &str,
        typical: Micros,
        slow_share: u32,
        troubles: &'static [Trouble],
    ) -> Self {
        let http = json!({"request": {"method": "POST", "url": url}});
        Self {
            name: Cow::Borrowed(host),
            namespace: "remote",
            blocks: Map::from_iter([("http".to_owned(), http)]),
            answers_http: true,
            typical,
            slow_share,
            troubles,
        }
    }
}

static DYNAMODB: &[Trouble] = &[Trouble {
    share: 150,
    status: 400,
    answer: 429,
    exception: Some((
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded.",
    )),
}];

static S3: &[Trouble] = &[Trouble {
    share: 30,
    status: 503,
    answer: 500,
    exception: Some(("SlowDown", "Please reduce your request rate.")),
}];

static POSTGRESQL: &[Trouble] = &[Trouble {
    share: 60,
    status: 500,
    answer: 500,
    exception: Some((
        "org.postgresql.util.PSQLException",
        "FATAL: remaining connection slots are reserved for superusers",
    )),
}];

static PROVIDER: &[Trouble] = &[
    Trouble {
        share: 500,
        status: 402,
        answer: 402,
        exception: None,
    },
    Trouble {
        share: 300,
        status: 503,
        answer: 502,
        exception: Some(("java.io.IOException", "unexpected status 503 of provider")),
    },
    Trouble {
        share: 200,
        status: 429,
        answer: 429,
        exception: None,
    },
];
