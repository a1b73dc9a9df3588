//! A daemon between real sockets: datagrams in, requests to a small HTTP sink out.
//!
//! Waiting means asking for a condition again and again until a generous deadline; nothing here
//! measures time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may panic, which is how a test fails"
)]

mod delivery;
mod destinations;
mod framed;
mod outage;
mod process;
mod proxy;

mod sink;
mod spooling;
mod stopping;
mod support;
