//! One destination's HTTP side: uploads, sampling calls and telemetry all go through it.
//!
//! Calls to AWS are signed always, and fail before any connection when there are no keys. Calls to
//! other hosts are signed when keys are configured, and never wait for instance metadata; without keys
//! they cost no hash of the body. Source: `spec/daemon.md` sections 4.2, 5.2 and 7.

pub(crate) mod client;
pub(crate) mod failure;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, InvalidHeaderValue, USER_AGENT};
use reqwest::{Client, Method, Response};

use crate::aws::{self, Cache, Chain, CredentialsError, Region, Scope};
use crate::clock;
use crate::config::{AWS_VERSION, Config, Destination, Variables};
use crate::endpoint::{Endpoint, EndpointError};

pub(crate) use failure::failure_of;

/// Where segments go when neither an endpoint nor a region is known: a collector on this host. AWS's
/// daemon ends with an error; a host without a region has no AWS to send to.
const COLLECTOR: &str = "http://127.0.0.1:2080";

/// How long a call to a host that is none of AWS's waits for keys before it goes unsigned.
const KEYS_WAIT_MAX: Duration = Duration::from_secs(1);

/// Makes calls to one destination, signed where it needs that.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Replaced when certificates are read again, and when connections have got old unseen.
    client: RwLock<Client>,
    settings: client::Settings,
    endpoint: Endpoint,
    region: Region,
    signing: Signing,
    identity: String,
    user_agent: HeaderValue,
}

#[derive(Debug)]
enum Signing {
    /// AWS takes no other calls.
    Always(Cache),
    /// As long as there are keys.
    WithKeys(Cache),
    /// No keys are configured.
    Never,
}

/// Why a destination cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The endpoint is unusable.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The outbound proxy is unusable; not shown, it may hold a password.
    #[error("ProxyAddress: no usable address; write http://host:port")]
    ProxyAddress,
    /// The certificates to trust or to show cannot be had.
    #[error("{setting}: {path}: {problem}")]
    File {
        /// Which setting names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// No process-wide TLS provider was installed before.
    #[error("no TLS provider is installed in this process")]
    NoTlsProvider,
    /// The HTTP client cannot be built; of `https`, because the system has no certificates.
    #[error("http client")]
    Client(#[source] reqwest::Error),
}

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The transport failed.
    #[error("transport")]
    Transport(#[from] reqwest::Error),
    /// The call must be signed, and there are no keys; no connection was made.
    #[error("no credentials to sign with")]
    NoCredentials(#[source] Arc<CredentialsError>),
    /// The keys hold what no header may hold.
    #[error("credentials that no header may hold")]
    Unsignable(#[from] InvalidHeaderValue),
}

impl Caller {
    /// Finds region, endpoint and credentials source; makes no connection to the destination itself.
    /// Instance metadata is asked, for a second where there is none, if neither an endpoint nor a
    /// region is configured, or no region for an endpoint of AWS.
    ///
    /// # Errors
    /// When endpoint, proxy or certificates are unusable. Missing credentials are no error here.
    pub(crate) async fn new(
        destination: &Destination,
        config: &Config,
    ) -> Result<Self, CallerError> {
        let variables = &config.variables;
        let (endpoint, region) = place(destination, config).await?;
        let settings = client::Settings {
            has_tls: endpoint.is_tls(),
            no_verify_ssl: destination.no_verify_ssl,
            ca_file: client::ca_file(destination.ca_file.as_deref(), variables),
            client_certificate: destination.client_certificate.clone(),
            proxy_address: destination.proxy_address.clone(),
            no_proxy: client::no_proxy(variables),
            ..client::Settings::default()
        };
        let client = client::build(&settings)?;
        let is_aws = endpoint.is_aws();
        // A role says that somebody wants the calls signed, whoever answers them.
        let allows_instance = is_aws || destination.role_arn.is_some();
        let chain = Chain::new(destination, variables, region.clone(), allows_instance);
        let cache = Cache::new(chain);
        let source = cache.describe();
        let identity = match &source {
            Ok(source) => source.clone(),
            Err(error) if is_aws => failure::with_causes(error),
            Err(CredentialsError::None { .. }) => "none, calls are unsigned".to_owned(),
            Err(error) => format!("none, calls are unsigned: {}", failure::with_causes(error)),
        };
        let signing = match source {
            _ if is_aws => Signing::Always(cache),
            Ok(_) => Signing::WithKeys(cache),
            Err(CredentialsError::None { .. }) => Signing::Never,
            // What is configured is broken now; somebody may mend it.
            Err(_) => Signing::WithKeys(cache),
        };
        Ok(Self(Arc::new(Inner {
            client: RwLock::new(client),
            settings,
            endpoint,
            region,
            signing,
            identity,
            user_agent: user_agent(variables),
        })))
    }

    /// Sends one request to `path`, which begins with a slash and may hold a query; the answer's body
    /// is unread. A user agent among the headers stays. The caller sets time-outs by dropping the
    /// future.
    ///
    /// # Errors
    /// [`failure_of`] says as what telemetry counts each.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, CallError> {
        let inner = &self.0;
        let url = inner.endpoint.call(path);
        if !headers.contains_key(USER_AGENT) {
            headers.insert(USER_AGENT, inner.user_agent.clone());
        }
        let keys = match &inner.signing {
            Signing::Never => None,
            Signing::Always(cache) => Some(
                cache
                    .credentials()
                    .await
                    .map_err(CallError::NoCredentials)?,
            ),
            // A failed load is logged where it happens.
            Signing::WithKeys(cache) => tokio::time::timeout(KEYS_WAIT_MAX, cache.credentials())
                .await
                .ok()
                .and_then(Result::ok),
        };
        if let Some(keys) = keys {
            let scope = Scope {
                region: inner.region.as_str(),
                service: "xray",
            };
            if !body.is_empty() {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            }
            let now = clock::since_epoch();
            aws::sign(&method, &url, &mut headers, &body, &keys, scope, now)?;
        }
        let client = self.client();
        let request = client.request(method, url).headers(headers).body(body);
        Ok(request.send().await.map_err(reqwest::Error::without_url)?)
    }

    /// Has the keys loaded anew, to be called after an answer of 403; the next call waits for them.
    /// Does nothing more often than every 10 s, or where calls are not signed.
    pub(crate) fn refresh_credentials(&self) {
        match &self.0.signing {
            Signing::Always(cache) | Signing::WithKeys(cache) => cache.refresh(),
            Signing::Never => {}
        }
    }

    /// Reads the files of certificates again and makes later calls over new connections; calls under way
    /// end as they began.
    ///
    /// # Errors
    /// As of [`Self::new`], of its files; everything then stays as it was.
    pub(crate) fn renew(&self) -> Result<(), CallerError> {
        let client = client::build(&self.0.settings)?;
        let mut current = self
            .0
            .client
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = client;
        Ok(())
    }

    /// A handle; all share their connections.
    fn client(&self) -> Client {
        let client = self.0.client.read();
        client.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where calls go, for the log.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// The region that calls are signed for, for the log.
    pub(crate) fn region(&self) -> &str {
        self.0.region.as_str()
    }

    /// Whose keys sign the calls, for the log; as configured, nobody was asked.
    pub(crate) fn identity(&self) -> &str {
        &self.0.identity
    }
}

/// Endpoint and region of a destination.
async fn place(
    destination: &Destination,
    config: &Config,
) -> Result<(Endpoint, Region), EndpointError> {
    let endpoint = destination
        .endpoint
        .as_deref()
        .map(Endpoint::parse)
        .transpose()?;
    let mut region = Region::configured(destination, config);
    if region.is_none() && endpoint.as_ref().is_none_or(Endpoint::is_aws) {
        region = Region::of_instance(config).await;
    }
    let region = region.or_else(|| endpoint.as_ref().and_then(Endpoint::aws_region));
    let region = region
        .map(|text| Region::parse(&text).ok_or(EndpointError::Region { region: text }))
        .transpose()?;
    let endpoint = match (endpoint, &region) {
        (Some(endpoint), _) => endpoint,
        (None, Some(region)) => Endpoint::parse(&region.url_of("xray", &config.variables))?,
        (None, None) => Endpoint::parse(COLLECTOR)?,
    };
    Ok((endpoint, region.unwrap_or_else(Region::fallback)))
}

/// Ours, and the part of AWS's daemon that tells daemons apart (`spec/daemon.md` section 4.2).
fn user_agent(variables: &Variables) -> HeaderValue {
    let own = concat!("radiograph-daemon/", env!("CARGO_PKG_VERSION"));
    let environment = variables.get("AWS_EXECUTION_ENV").unwrap_or("UNKNOWN");
    let environment: String = environment.chars().filter(char::is_ascii_graphic).collect();
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    let system = if system == "macos" { "darwin" } else { system };
    let machine = match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let text = format!(
        "{own} xray-agent/xray-daemon/{AWS_VERSION} exec-env/{environment} OS/{system}-{machine}"
    );
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(own))
}
