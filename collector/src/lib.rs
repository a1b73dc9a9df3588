//! The self-hosted X-Ray service: validates and stores segments durably, stitches them into traces,
//! and answers the X-Ray API.
//!
//! Who may know whom: `trace` knows only the protocol, `store` knows `trace`, the services
//! (`ingest`, `settle`, `query`, `sampling`) know `store` and `trace`, and `http` knows the services.

mod admin;
pub mod backup;
pub mod clock;
pub mod config;
mod derived_id;
pub mod error;
mod export;
pub mod filter;
pub mod groups;
mod http;
pub mod ingest;
mod insights;
pub mod keys;
pub mod metrics;
pub mod otlp;
pub mod pins;
pub mod query;
mod record;
mod retention;
pub mod retrieval;
pub mod sampling;
mod search;
pub mod server;
pub mod settings;
pub mod settle;
pub mod shutdown;
pub mod store;
pub mod supervision;
pub mod tags;
pub mod trace;
mod worker;

pub use config::Config;
pub use http::TlsError;
pub use server::{Collector, StartError, start, start_on};
