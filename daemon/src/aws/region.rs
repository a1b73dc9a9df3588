//! The region that endpoint and signature are for, and the partition that it lies in.
//!
//! Source: `spec/daemon.md` section 7.

use std::path::Path;

use crate::aws::files;
use crate::aws::http;
use crate::aws::instance::{self, Instance};
use crate::aws::profile::{self, Profiles};
use crate::config::{Config, Destination, Variables};

/// Signed for when no region is known and none is needed to find the endpoint.
const DEFAULT: &str = "us-east-1";

/// Domains of the partitions: a region's first letters, its domain, and that of endpoints that IPv6
/// reaches. The last is AWS's public one.
const PARTITIONS: [(&str, &str, &str); 7] = [
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("us-isob-", "sc2s.sgov.gov", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk", "cloud.adc-e.uk"),
    ("us-iso-", "c2s.ic.gov", "c2s.ic.gov"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("", "amazonaws.com", "api.aws"),
];

/// A region's name: letters, digits and hyphens, so that it can stand in host names and signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region(String);

impl Region {
    /// Reads a name; `None` for what can be none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_name = !text.is_empty() && text.len() <= 64 && text.bytes().all(is_letter);
        is_name.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The region to sign for when none is known.
    pub(crate) fn fallback() -> Self {
        Self(DEFAULT.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The public address of a service in this region. `AWS_USE_FIPS_ENDPOINT` and
    /// `AWS_USE_DUALSTACK_ENDPOINT` choose its variants.
    pub(crate) fn url_of(&self, service: &str, variables: &Variables) -> String {
        let is_set = |name| {
            let value = variables.get(name);
            value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        let fips = if is_set("AWS_USE_FIPS_ENDPOINT") {
            "-fips"
        } else {
            ""
        };
        let region = &self.0;
        let partition = PARTITIONS
            .into_iter()
            .find(|(prefix, ..)| region.starts_with(prefix));
        let (_, domain, dual_stack) = partition.unwrap_or(("", "amazonaws.com", "api.aws"));
        let domain = if is_set("AWS_USE_DUALSTACK_ENDPOINT") {
            dual_stack
        } else {
            domain
        };
        format!("https://{service}{fips}.{region}.{domain}")
    }

    /// Looks where no network is needed: settings, then ECS's metadata file, or in local mode what the
    /// SDK itself would look at.
    pub(crate) fn configured(destination: &Destination, config: &Config) -> Option<String> {
        let variables = &config.variables;
        let set = destination
            .region
            .as_deref()
            .or_else(|| variables.get("AWS_REGION"));
        if let Some(region) = set {
            return Some(region.to_owned());
        }
        if !config.local_mode {
            return of_task(variables);
        }
        let default = variables.get("AWS_DEFAULT_REGION").map(str::to_owned);
        default.or_else(|| of_profile(destination, variables))
    }

    /// Asks instance metadata, unless in local mode. Takes a second where there is none.
    pub(crate) async fn of_instance(config: &Config) -> Option<String> {
        if config.local_mode || instance::is_disabled(&config.variables) {
            return None;
        }
        let client = http::local_client().ok()?;
        let instance = Instance::greet(client, &config.variables).await.ok()?;
        instance.region().await
    }
}

/// The fourth field of the task's ARN in ECS's metadata file.
fn of_task(variables: &Variables) -> Option<String> {
    let enabled = variables.get("ECS_ENABLE_CONTAINER_METADATA")?;
    if !enabled.eq_ignore_ascii_case("true") {
        return None;
    }
    let path = variables.get("ECS_CONTAINER_METADATA_FILE")?;
    let metadata = files::read(Path::new(path)).ok()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).ok()?;
    let region = metadata.get("TaskARN")?.as_str()?.split(':').nth(3)?;
    (!region.is_empty()).then(|| region.to_owned())
}

fn of_profile(destination: &Destination, variables: &Variables) -> Option<String> {
    let (name, _) = profile::chosen(destination.profile.as_deref(), variables);
    let profiles = Profiles::read(variables).ok()?;
    profiles.get(name)?.get("region").cloned()
}

#[cfg(test)]
mod tests;
