//! What operators see of a running daemon: its admin address, its telemetry, its log file.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may panic, which is how a test fails"
)]

mod admin;
#[cfg(unix)]
mod log_file;
mod support;
mod telemetry;
