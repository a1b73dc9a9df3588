//! Who this host is, for telemetry records (`spec/daemon.md` section 6).

use std::time::Duration;

use crate::aws::http;
use crate::aws::instance::{self, Instance};
use crate::config::Config;

/// For both questions together.
const ASK_MAX: Duration = Duration::from_secs(2);

/// Host name and instance; empty when unknown, which is how a record says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) hostname: String,
    pub(crate) instance_id: String,
}

/// `$AWS_HOSTNAME` and `$AWS_INSTANCE_ID`, and what is missing from instance metadata, unless in local
/// mode. Takes up to 2 s.
pub(crate) async fn identity(config: &Config) -> Host {
    let variable = |name| config.variables.get(name).unwrap_or_default().to_owned();
    let mut host = Host {
        hostname: variable("AWS_HOSTNAME"),
        instance_id: variable("AWS_INSTANCE_ID"),
    };
    let is_complete = !host.hostname.is_empty() && !host.instance_id.is_empty();
    if !is_complete && !config.local_mode && !instance::is_disabled(&config.variables) {
        let asked = tokio::time::timeout(ASK_MAX, complete(&mut host, config)).await;
        if asked.is_err() {
            tracing::debug!("Instance metadata did not answer in time");
        }
    }
    host
}

async fn complete(host: &mut Host, config: &Config) {
    let Ok(client) = http::local_client() else {
        return;
    };
    let Ok(instance) = Instance::greet(client, &config.variables).await else {
        return;
    };
    for (value, path) in [
        (&mut host.hostname, "/meta-data/hostname"),
        (&mut host.instance_id, "/meta-data/instance-id"),
    ] {
        if value.is_empty() {
            let document = instance.document(path).await.unwrap_or_default();
            document.trim().clone_into(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::stand_in::{StandIn, install_tls_provider};

    /// Variables of a case.
    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn instance() -> StandIn {
        StandIn::start(|seen| match seen.line.as_str() {
            "PUT /latest/api/token" => (200, "t".to_owned()),
            "GET /latest/meta-data/hostname" => (200, "ip-10-0-0-1.ec2.internal\n".to_owned()),
            "GET /latest/meta-data/instance-id" => (200, "i-1".to_owned()),
            _ => (404, String::new()),
        })
    }

    fn host(hostname: &str, instance_id: &str) -> Host {
        Host {
            hostname: hostname.to_owned(),
            instance_id: instance_id.to_owned(),
        }
    }

    #[tokio::test]
    async fn variables_come_before_metadata_and_local_mode_asks_nobody() {
        install_tls_provider();
        let name = ("AWS_HOSTNAME", "web-1");
        let id = ("AWS_INSTANCE_ID", "mi-7");
        let disabled = ("AWS_EC2_METADATA_DISABLED", "true");
        let metadata = host("ip-10-0-0-1.ec2.internal", "i-1");
        let cases: [(Pairs<'_>, bool, Host, usize); 6] = [
            (&[], false, metadata, 3),
            (&[name], false, host("web-1", "i-1"), 2),
            (&[name, id], false, host("web-1", "mi-7"), 0),
            (&[], true, host("", ""), 0),
            (&[id], true, host("", "mi-7"), 0),
            (&[disabled], false, host("", ""), 0),
        ];
        for (variables, local_mode, expected, requests) in cases {
            let instance = instance();
            let endpoint = instance.url();
            let endpoint = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str());
            let config = Config {
                local_mode,
                variables: variables.iter().copied().chain([endpoint]).collect(),
                ..Config::default()
            };
            assert_eq!(identity(&config).await, expected, "{variables:?}");
            assert_eq!(instance.seen().len(), requests, "{variables:?}");
        }
    }

    #[tokio::test]
    async fn a_host_that_is_no_instance_is_unknown() {
        install_tls_provider();
        let endpoint = format!("http://127.0.0.1:{}", crate::aws::stand_in::closed_port());
        let config = Config {
            variables: [("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint)]
                .into_iter()
                .collect(),
            ..Config::default()
        };
        assert_eq!(identity(&config).await, Host::default());
    }
}
