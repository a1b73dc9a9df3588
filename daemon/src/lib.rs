//! Drop-in replacement for the AWS X-Ray daemon: segments arrive by UDP and leave in batches.
//!
//! [`start`] runs a daemon inside any tokio process; the binary adds command line, log and signals.

mod admin;
mod aws;
mod batch;
mod buffers;
mod call;
mod clock;
pub mod config;
mod destination;
mod documents;
mod endpoint;
mod flush;
pub mod health;
mod intake;
mod kernel;
pub mod lambda;
mod listen;
pub mod log;
mod metrics;
mod otlp;
mod pipeline;
mod proxy;
mod receive;
mod retry;
mod route;
mod sampler;
pub mod shutdown;
mod spool;
pub mod spool_command;
pub mod supervision;
mod telemetry;
mod upload;

use radiograph_admin::log_limit;

pub use call::CallerError;
pub use config::Config;
pub use endpoint::EndpointError;
pub use listen::ListenError;
pub use metrics::{Counters, DestinationCounters};
pub use pipeline::{Daemon, StartError, start, start_on};
#[doc(hidden)]
pub use spool::fuzz_record_reader;
