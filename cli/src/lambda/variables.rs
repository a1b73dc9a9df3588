//! The environment of the function's process: pure.
//!
//! Source: Lambda developer guide, "Defined runtime environment variables"; for X-Ray
//! `spec/daemon.md` section 13. What is not set here comes from the environment of whoever started it,
//! credentials too.

use std::net::SocketAddr;

use super::function::{Function, VERSION};
use super::options::Language;

/// Set for each invocation by the runtime interface client; one from outside would be another trace's.
pub(super) const REMOVED: [&str; 2] = ["_X_AMZN_TRACE_ID", "AWS_LAMBDA_FUNCTION_TIMEOUT"];

/// What else the environment depends on.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    /// Where this process's runtime API listens.
    pub(super) runtime_api: SocketAddr,
    /// The daemon.
    pub(super) daemon: SocketAddr,
    /// The stream of this process's log.
    pub(super) log_stream: String,
    /// The runtime, if it is one that is known.
    pub(super) language: Option<Language>,
    /// Whether credentials are made up.
    pub(super) dummy_credentials: bool,
}

/// Names and values to set.
pub(super) fn variables(
    function: &Function,
    surroundings: &Surroundings,
) -> Vec<(&'static str, String)> {
    let root = function.root.to_string_lossy();
    let daemon = surroundings.daemon;
    let mut variables = vec![
        (
            "AWS_LAMBDA_RUNTIME_API",
            surroundings.runtime_api.to_string(),
        ),
        ("_HANDLER", function.handler.clone()),
        ("LAMBDA_TASK_ROOT", root.to_string()),
        ("LAMBDA_RUNTIME_DIR", root.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", VERSION.to_owned()),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            function.memory_mb.to_string(),
        ),
        ("AWS_LAMBDA_LOG_GROUP_NAME", function.log_group()),
        (
            "AWS_LAMBDA_LOG_STREAM_NAME",
            surroundings.log_stream.clone(),
        ),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_REGION", function.region.clone()),
        ("AWS_DEFAULT_REGION", function.region.clone()),
        ("TZ", ":UTC".to_owned()),
        ("AWS_XRAY_DAEMON_ADDRESS", daemon.to_string()),
        ("_AWS_XRAY_DAEMON_ADDRESS", daemon.ip().to_string()),
        ("_AWS_XRAY_DAEMON_PORT", daemon.port().to_string()),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".to_owned()),
    ];
    let execution = match surroundings.language {
        Some(Language::Python) => Some("AWS_Lambda_python3"),
        Some(Language::Node) => Some("AWS_Lambda_nodejs"),
        None => None,
    };
    variables.extend(execution.map(|name| ("AWS_EXECUTION_ENV", name.to_owned())));
    if surroundings.dummy_credentials {
        variables.push(("AWS_ACCESS_KEY_ID", "local".to_owned()));
        variables.push(("AWS_SECRET_ACCESS_KEY", "local".to_owned()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::lambda::function::example;

    fn made(dummy_credentials: bool) -> BTreeMap<&'static str, String> {
        let surroundings = Surroundings {
            runtime_api: "127.0.0.1:9001".parse().unwrap(),
            daemon: "127.0.0.1:2000".parse().unwrap(),
            log_stream: "stream".to_owned(),
            language: Some(Language::Python),
            dummy_credentials,
        };
        variables(&example(), &surroundings).into_iter().collect()
    }

    #[test]
    fn sdks_find_the_daemon_the_function_and_lambda_mode() {
        let made = made(false);
        for (name, value) in [
            ("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000"),
            ("_AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1"),
            ("_AWS_XRAY_DAEMON_PORT", "2000"),
            ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
            ("LAMBDA_TASK_ROOT", "/srv/resize"),
            ("_HANDLER", "app.handler"),
            ("AWS_LAMBDA_FUNCTION_NAME", "resize"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/resize"),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_python3"),
        ] {
            assert_eq!(made.get(name).map(String::as_str), Some(value), "{name}");
        }
    }

    #[test]
    fn credentials_are_made_up_only_when_asked_for() {
        assert!(!made(false).contains_key("AWS_ACCESS_KEY_ID"));
        assert_eq!(made(true)["AWS_ACCESS_KEY_ID"], "local");
    }
}
