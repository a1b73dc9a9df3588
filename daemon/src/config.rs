//! The daemon's configuration: four sources into one checked [`Config`].
//!
//! Precedence: flag, `RADIOGRAPH_…` variable, file, AWS's own variables, built-in
//! (`spec/daemon.md` sections 8 to 10). [`load`] reads them, [`changes`] compares two.

mod changes;
mod check;
mod cli;
mod destinations;
mod env;
mod error;
mod extension;
mod file;
mod key;
mod layer;
mod load;
mod manual;
mod mask;
mod memory;
mod nearest;
mod reading;
mod report;
mod units;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

pub use changes::{Changes, changes};
pub use error::{ConfigError, explain};
pub use extension::ExtensionConfig;
pub use load::{Request, fuzz_file, load, reload};
pub use manual::{Setting, command, settings};

/// What AWS's daemon calls itself; scripts read it from `-v`.
pub const AWS_VERSION: &str = "3.6.6";

/// A daemon's configuration, complete and immutable once the daemon has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// UDP address for segments, `host:port`; port 0 takes a free one, `0.0.0.0` means IPv6 too.
    /// Default `127.0.0.1:2000`. AWS: `-b`, `Socket.UDPAddress`.
    pub bind: String,
    /// Whether somebody wrote the UDP address: a socket that systemd passes must then have it.
    pub bind_is_explicit: bool,
    /// TCP address of the sampling proxy, `host:port`. Default `127.0.0.1:2000`. AWS: `-t`,
    /// `Socket.TCPAddress`.
    pub bind_tcp: String,
    /// Whether somebody wrote the TCP address.
    pub bind_tcp_is_explicit: bool,
    /// Where segments go, at least one. The first is the primary: sampling calls go there alone.
    pub destinations: Vec<Destination>,
    /// Bytes of documents held in memory at most, those being uploaded included. Default 1 % of the
    /// memory that this process may use (cgroup limits included), at least 16 MiB. AWS: `-m`,
    /// `TotalBufferSizeMB`.
    pub buffer_bytes: usize,
    /// Where the log goes and how much is logged.
    pub log: LogConfig,
    /// How long documents may still be delivered after the daemon was asked to stop; what is left
    /// then goes to the spool. Default 5 s: Docker kills after 10 s. AWS has no limit.
    pub grace: Duration,
    /// Whether instance metadata is not asked for region, host name and instance id. Default false.
    /// AWS: `-o`, `LocalMode`.
    pub local_mode: bool,
    /// The resource named in telemetry records; empty when unknown. AWS: `-a`, `ResourceARN`.
    pub resource_arn: String,
    /// For which traces the daemon itself decides. Default `Auto`.
    pub sampling: SamplingMode,
    /// Whether the TCP proxy passes on any call with the daemon's rights, as AWS's does. Default
    /// false.
    pub proxy_all: bool,
    /// Address of `/livez`, `/readyz` and `/metrics`, `host:port`; none switches them off. Default
    /// `127.0.0.1:2001`.
    pub admin: Option<String>,
    /// Whether somebody wrote the admin address. Where that is the default and taken, the daemon
    /// runs on without: a second daemon on a host must start.
    pub admin_is_explicit: bool,
    /// Where undeliverable documents wait on disk; none keeps them in memory alone.
    pub spool: Option<SpoolConfig>,
    /// Which Lambda environment the daemon runs in as an extension; none: it is no extension.
    pub extension: Option<ExtensionConfig>,
    /// Variables of the process that AWS's credential chain and the outbound proxy follow.
    pub variables: Variables,
}

/// One place that segments are sent to. What it prints has no password of a proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    /// Names it in the log, in metrics and as the folder of its spool: letters, digits, `-`, `_`, at
    /// most 64. Default `default`.
    pub name: String,
    /// `http://host:port` or `https://…`, a path is a prefix. None: AWS X-Ray in the region.
    /// AWS: `Endpoint`, `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// Region of endpoint and signature; none: found at the start. AWS: `-n`, `Region`.
    pub region: Option<String>,
    /// Role to assume before signing. AWS: `-r`, `RoleARN`.
    pub role_arn: Option<String>,
    /// Profile of the shared files, instead of `AWS_PROFILE`.
    pub profile: Option<String>,
    /// Uploads in flight at once. Default 8. AWS: `Concurrency`.
    pub concurrency: NonZeroUsize,
    /// Outbound proxy, `http://host:port`. AWS: `-p`, `ProxyAddress`, `HTTPS_PROXY`.
    pub proxy_address: Option<String>,
    /// Whether certificates are not checked. Default false. AWS: `NoVerifySSL`.
    pub no_verify_ssl: bool,
    /// PEM file with certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// What is shown to a destination that asks its clients for a certificate; none: nothing.
    pub client_certificate: Option<ClientCertificate>,
    /// Whether telemetry records are sent there. Default true.
    pub telemetry: bool,
}

/// The daemon's own certificate, for destinations that want one. Both files are read at the start and
/// at every reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM file with the certificate and those between it and its authority.
    pub certificate: PathBuf,
    /// PEM file with its private key, not encrypted.
    pub key: PathBuf,
}

/// Where the log goes and how much is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Default `prod`, that is `info`. AWS: `-l`, `Logging.LogLevel`.
    pub level: LogLevel,
    /// A file instead of standard output. AWS: `-f`, `Logging.LogPath`.
    pub path: Option<PathBuf>,
    /// Whether that file is renamed once it has 50 MiB. Default true. AWS: `Logging.LogRotation`.
    pub rotate: bool,
}

/// The spool's place and bounds, which hold for each destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// The data directory; the spool of a destination is `spool/<name>` in it.
    pub data_dir: PathBuf,
    /// Bytes on disk at most. Default 4 GiB.
    pub bytes_max: u64,
    /// What is older is dropped. Default 3 days.
    pub age_max: Duration,
}

/// For which traces the daemon decides itself (`design.md`, sampling).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplingMode {
    /// For root segments that no SDK has decided.
    Auto,
    /// For none.
    Off,
    /// For every root segment, decided by an SDK or not.
    Strict,
}

/// Environment variables, by name. What it prints shows the names alone: some values are secrets.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Variables(std::collections::BTreeMap<String, String>);

impl Variables {
    /// The value of a variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: "127.0.0.1:2000".to_owned(),
            bind_tcp: "127.0.0.1:2000".to_owned(),
            bind_is_explicit: false,
            bind_tcp_is_explicit: false,
            destinations: vec![Destination::default()],
            buffer_bytes: memory::buffer_bytes_default(),
            log: LogConfig::default(),
            grace: Duration::from_secs(5),
            local_mode: false,
            resource_arn: String::new(),
            sampling: SamplingMode::Auto,
            proxy_all: false,
            admin: None,
            admin_is_explicit: false,
            spool: None,
            extension: None,
            variables: Variables::default(),
        }
    }
}

impl Default for Destination {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            endpoint: None,
            region: None,
            role_arn: None,
            profile: None,
            concurrency: CONCURRENCY_DEFAULT,
            proxy_address: None,
            no_verify_ssl: false,
            ca_file: None,
            client_certificate: None,
            telemetry: true,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            path: None,
            rotate: true,
        }
    }
}

const CONCURRENCY_DEFAULT: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// AWS: `dev`.
    Trace,
    /// AWS: `debug`.
    Debug,
    /// AWS: `info` and `prod`.
    Info,
    /// AWS: `warn`.
    Warn,
    /// AWS: `error`.
    Error,
}

impl LogLevel {
    /// Reads AWS's word for it, or says what is allowed.
    pub(crate) fn parse(word: &str) -> Result<Self, &'static str> {
        Ok(match word {
            "dev" => Self::Trace,
            "debug" => Self::Debug,
            "info" | "prod" => Self::Info,
            "warn" => Self::Warn,
            "error" => Self::Error,
            _ => return Err("write dev, debug, info, warn, error or prod"),
        })
    }
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Named one by one, so that a new secret is noticed here.
        let Self {
            name,
            endpoint,
            region,
            role_arn,
            profile,
            concurrency,
            proxy_address,
            no_verify_ssl,
            ca_file,
            client_certificate,
            telemetry,
        } = self;
        f.debug_struct("Destination")
            .field("name", name)
            .field("endpoint", &endpoint.as_deref().map(mask::url))
            .field("region", region)
            .field("role_arn", role_arn)
            .field("profile", profile)
            .field("concurrency", concurrency)
            .field("proxy_address", &proxy_address.as_deref().map(mask::url))
            .field("no_verify_ssl", no_verify_ssl)
            .field("ca_file", ca_file)
            .field("client_certificate", client_certificate)
            .field("telemetry", telemetry)
            .finish()
    }
}

/// Where data lies unless configured otherwise.
pub(crate) fn data_dir_default() -> PathBuf {
    env::Environment::of_this_process().data_dir()
}

/// The variables of this process that matter to calls.
pub(crate) fn process_variables() -> Variables {
    env::Environment::of_this_process().variables
}

#[cfg(test)]
mod tests;
