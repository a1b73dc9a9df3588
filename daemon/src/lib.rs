//! Drop-in replacement for the AWS X-Ray daemon: segments arrive by UDP and leave in batches.
//!
//! [`start`] runs a daemon inside any tokio process; the binary adds command line, log and signals.
//! Not here: requests signed for AWS, a spool on disk, sampling decisions, telemetry records.

mod batch;
mod clock;
pub mod config;
mod endpoint;
mod listen;
pub mod log;
mod log_limit;
mod metrics;
mod pipeline;
mod proxy;
mod queue;
mod receive;
mod retry;
pub mod shutdown;
mod upload;

pub use config::Config;
pub use endpoint::EndpointError;
pub use listen::ListenError;
pub use metrics::Counters;
pub use pipeline::{Daemon, StartError, start};
