//! The daemon's bench: a load generator, a sink, the floor, and scenarios that set the daemon beside
//! the floor. `bin/daemon.rs` says how to run it.
//!
//! One binary plays all parts, each in a process of its own: the driver (which also sends), the sink
//! that stands for X-Ray or for a Radiograph collector, and the floor, the least program that does
//! the daemon's whole job. Linux only: it reads `/proc` and pins processes to cores. Sender and sink
//! share core 0; what is measured may use cores 0 and 1, so that every machine is a 2-core machine.

pub mod cli;
pub(crate) mod clock;
pub(crate) mod documents;
pub mod floor;
pub(crate) mod load;
pub(crate) mod mark;
pub mod proc;
pub(crate) mod rig;
pub mod scenario;
pub mod sink;
pub mod table;
pub mod target;
