//! What can be chosen about a collector; checked once, then immutable.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

pub use crate::query::window::WindowMax;

/// TCP port of the X-Ray API unless chosen otherwise.
pub const PORT_DEFAULT: u16 = 2080;

/// A collector's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the X-Ray API listens. Default 127.0.0.1:2080; port 0 takes any free port.
    pub listen: SocketAddr,
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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT_DEFAULT)),
            data_dir: default_data_dir(),
            region: crate::sampling::REGION_DEFAULT.to_owned(),
            account_id: crate::sampling::ACCOUNT_DEFAULT.to_owned(),
            query_window_max: WindowMax::default(),
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
