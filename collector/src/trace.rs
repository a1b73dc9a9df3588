//! Documents of one trace in, everything derived from them out: pure, without I/O or clock.
//!
//! [`view::view`] is the one entry for what is stored; [`documents::entries`] cuts the answer of
//! BatchGetTraces. Source: `spec/traces-and-graph.md`.

mod collect;
pub mod contributions;
pub mod documents;
pub mod facts;
pub mod graph;
pub mod histogram;
pub mod link;
pub mod node;
pub mod nodes;
pub mod present;
pub mod root_cause;
pub mod running;
pub mod stitch;
pub mod summarize;
pub mod summary;
pub mod totals;
pub mod view;

#[cfg(test)]
pub(crate) mod generate;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
