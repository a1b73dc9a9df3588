//! Documents of one trace in, everything derived from them out: pure, without I/O or clock.
//!
//! [`view::view`] is the one entry for what is stored; [`documents::entries`] cuts the answer of
//! BatchGetTraces. Source: `spec/traces-and-graph.md`.

pub mod contributions;
pub mod documents;
pub mod graph;
pub mod histogram;
pub mod node;
pub mod present;
pub mod root_cause;
pub mod stitch;
pub mod summarize;
pub mod summary;
pub mod totals;
pub mod view;
