//! How a client of X-Ray samples: which rule a request falls under, and whether it is recorded.
//!
//! Pure state machines: the second and the random number are arguments. What the server does with
//! the reports (spreading a reservoir over its clients) is the collector's `sampling`.
//!
//! Source: `spec/sampling.md` sections 2 and 3.

pub mod document;
pub mod load;
pub mod pattern;
pub mod reservoir;
pub mod rule;
pub mod statistics;
pub mod targets;

pub use reservoir::{Decision, Lease, Reservoir};
pub use rule::{Request, SamplingRateBoost, SamplingRule};
pub use statistics::Counts;
