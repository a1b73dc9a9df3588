//! X-Ray's wire types and the pure rules that the daemon and the collector share.
//!
//! Values in, values out: nothing here opens a file or a socket, reads the clock, the environment
//! or a random number; what a rule needs of these is an argument (`now`, `draw`).

pub mod api;
pub mod bundle;
pub mod datagram;
pub mod error;
pub mod framing;
pub mod hex;
pub mod ids;
pub mod limits;
pub mod sampling;
pub mod segment;
pub mod sigv4;
pub mod timestamp;
pub mod trace_header;
