//! Why a call failed, as the telemetry record counts it (`spec/daemon.md` section 6).

use std::error::Error;
use std::io;

pub(crate) use radiograph_admin::with_causes;

use crate::call::CallError;
use crate::metrics::Failure;

/// The subcounter of `BackendConnectionErrors` for a call without an answer.
pub(crate) fn failure_of(error: &CallError) -> Failure {
    let CallError::Transport(error) = error else {
        return Failure::Other;
    };
    if error.is_timeout() {
        return Failure::Timeout;
    }
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted => return Failure::ConnectionRefused,
                _ => {}
            }
        }
        // hyper-util has no type for it that one could ask for.
        if error.to_string().contains("dns error") {
            return Failure::UnknownHost;
        }
        cause = error.source();
    }
    Failure::Other
}
