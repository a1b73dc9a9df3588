//! What can be chosen about a collector; checked once, then immutable.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use radiograph_admin::address::address_or_off;
use radiograph_protocol::limits::SAMPLING_RULES_MAX_DEFAULT;

pub use self::args::CollectorArgs;
pub use self::arguments::{Arguments, command};
pub use self::exposure::{Exposure, ExposureError};
pub use self::limits::{ConnectionsMax, LimitError, RequestRate};
pub use self::retention::{RetentionAge, RetentionBytes, RetentionError};
pub use self::seal::{SealBytes, SealBytesError};
pub use self::tls::TlsFiles;
use crate::keys::AccessKey;
pub use crate::query::window::WindowMax;

mod args;
mod arguments;
mod exposure;
mod limits;
mod retention;
mod seal;
mod tls;

/// TCP port of the X-Ray API unless chosen otherwise.
pub const PORT_DEFAULT: u16 = 2080;

/// Address of `/livez`, `/readyz` and `/metrics` unless chosen otherwise; the daemon's is 127.0.0.1:2001.
pub const ADMIN_DEFAULT: &str = "127.0.0.1:2081";

/// Where `/livez`, `/readyz` and `/metrics` are answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AdminAddress {
    /// Nowhere.
    #[default]
    Off,
    /// At [`ADMIN_DEFAULT`]. Where that is taken, the collector runs on without: a second one on a host
    /// must start.
    Default,
    /// At this `host:port`, or not at all: the collector does not start where it is unusable.
    Chosen(String),
}

impl FromStr for AdminAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match address_or_off(text)? {
            Some(address) => Self::Chosen(address),
            None => Self::Off,
        })
    }
}

impl AdminAddress {
    /// The address, `host:port`; `None` when it is off.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Off => None,
            Self::Default => Some(ADMIN_DEFAULT),
            Self::Chosen(address) => Some(address),
        }
    }
}

/// A collector's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the X-Ray API listens. Default 127.0.0.1:2080; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Whether somebody wrote that address: a socket that systemd passes must then have it. Default false.
    pub listen_is_explicit: bool,
    /// The directory that holds everything, made if it is not there. Default `radiograph-data` under
    /// the user's data directory.
    pub data_dir: PathBuf,
    /// The region in ARNs. Default us-east-1.
    pub region: String,
    /// The account in ARNs. Default 000000000000.
    pub account_id: String,
    /// How long the window of GetTraceSummaries and GetServiceGraph may be, in whole hours; 0 or
    /// `none` lifts the bound. Default 6, which is AWS's.
    pub query_window_max: WindowMax,
    /// What arrived longer ago is dropped, by whole hours; `none` or 0 keeps it. Default 30 days.
    pub retention: RetentionAge,
    /// Bytes of segments and views that are kept on disk: the oldest hours beyond are dropped, that of now
    /// excepted; `none` or 0 keeps all. Default none.
    pub retention_bytes: RetentionBytes,
    /// Bytes of documents at which a log is sealed: less takes less memory, more makes fewer files.
    /// Default 32 MB.
    pub seal_bytes: SealBytes,
    /// How many sampling rules there may be besides the Default rule. Default 25, which is AWS's; 0
    /// leaves the Default rule alone.
    pub sampling_rules_max: u16,
    /// Where `/livez`, `/readyz` and `/metrics` are answered. Default `Off`; the binaries' is
    /// [`AdminAddress::Default`].
    pub admin: AdminAddress,
    /// Files with which the X-Ray API speaks TLS. Default `None`: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Requests per second that one client may make; others are throttled. Default none, for any number.
    pub rate_limit: RequestRate,
    /// Connections that may be open; others wait until one closes. Default 768.
    pub connections_max: ConnectionsMax,
    /// The file of access keys; with it every call must be signed with one of them. Default none:
    /// everybody may call.
    pub keys: Option<PathBuf>,
    /// A key that is good besides those of the file, for a daemon in the same process. Default none;
    /// without `keys` it has no effect.
    pub own_key: Option<AccessKey>,
    /// Protections that an address beyond loopback goes without. Default none.
    pub exposure: Exposure,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT_DEFAULT)),
            listen_is_explicit: false,
            data_dir: default_data_dir(),
            region: crate::sampling::REGION_DEFAULT.to_owned(),
            account_id: crate::sampling::ACCOUNT_DEFAULT.to_owned(),
            query_window_max: WindowMax::default(),
            sampling_rules_max: SAMPLING_RULES_MAX_DEFAULT,
            admin: AdminAddress::default(),
            retention: RetentionAge::default(),
            retention_bytes: RetentionBytes::default(),
            seal_bytes: SealBytes::default(),
            tls: None,
            rate_limit: RequestRate::default(),
            connections_max: ConnectionsMax::default(),
            keys: None,
            own_key: None,
            exposure: Exposure::default(),
        }
    }
}

/// `radiograph-data` under the user's data directory (XDG on Linux), or here when the user has none.
#[must_use]
pub fn default_data_dir() -> PathBuf {
    let user = directories::BaseDirs::new();
    user.map(|dirs| dirs.data_dir().to_owned())
        .unwrap_or_default()
        .join("radiograph-data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_admin_address_is_written_as_the_daemons_is() {
        let chosen = |text: &str| Ok(AdminAddress::Chosen(text.to_owned()));
        for text in ["127.0.0.1:0", ":2081", "host:1"] {
            assert_eq!(text.parse(), chosen(text));
        }
        assert_eq!("off".parse(), Ok(AdminAddress::Off));
        assert!("2081".parse::<AdminAddress>().is_err());
        assert_eq!(AdminAddress::Default.address(), Some("127.0.0.1:2081"));
        assert_eq!(AdminAddress::Off.address(), None);
    }
}
