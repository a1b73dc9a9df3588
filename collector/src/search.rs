//! Which rows of a sealed file can satisfy a filter expression, without reading a view.
//!
//! A sealed file holds its views as rows 0..n, newest first. [`IndexBuilder`] takes from each view what
//! expressions ask about and writes it as one run of bytes; [`Index`] reads the parts of them that a
//! search needs; [`Plan`] says for an [`Expression`](crate::filter::Expression) which rows may satisfy
//! it: perhaps too many, never too few.
//!
//! ```text
//! sets of rows, lists, columns, dictionaries | root | bytes of the root (4) | mark (4)
//! ```
//!
//! The root says where everything stands, and is all that an open index keeps: about 700 bytes. A
//! search reads the dictionary of what its clauses are about, and of that the sets it names.
//!
//! - `flags`: a set each of what the trace as a whole is, exact.
//! - `family.rs`: nodes, clients and edges; of each, its rows and where its segments or calls are not as
//!   usual (a fault, say). Exact for one flag at a time.
//! - `text.rs`, `number.rs`: values, each with its rows; what has too many values is found by hash alone.
//! - `column.rs`: response time and duration of every row.
//!
//! Checksums are the container's. Times of traces are not here: the heads of the rows have them, so a
//! window is a range of rows. Pure: no clock, no files; bytes come from a [`Source`].
//! Source: `spec/filter-expressions.md` sections 2 to 6; `spec/storage.md` section 1 (summary blocks).

mod algebra;
mod builder;
mod column;
mod content;
mod family;
mod field;
mod hashed;
mod index;
mod leaf;
mod member;
mod merge;
mod number;
mod plan;
mod rows;
mod source;
mod text;

pub(crate) use builder::IndexBuilder;
pub(crate) use index::Index;
pub(crate) use merge::{LEFT_OUT, merge};
#[cfg(test)]
pub(crate) use plan::Candidates;
pub(crate) use plan::{ClauseUse, Plan, Precision};
pub(crate) use source::{SearchError, Source};

#[cfg(test)]
mod tests;
