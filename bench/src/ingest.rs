//! What `bench/ingest` is made of: the load, what is watched meanwhile, and the floors beside it.

pub mod floor;
pub mod load;
pub mod watch;
