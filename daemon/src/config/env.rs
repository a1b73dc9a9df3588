//! Settings from the environment: ours, and those of AWS that rank below the file.
//!
//! The one reader of the environment. An empty variable counts as unset.

use std::path::PathBuf;

use crate::config::layer::Layer;
use crate::config::{ConfigError, LogLevel};

/// A variable of this process.
#[expect(
    clippy::disallowed_methods,
    reason = "config is the one reader of the environment"
)]
pub(crate) fn process(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `RADIOGRAPH_…`, ranking between flag and file.
pub(crate) fn own(variable: impl Fn(&str) -> Option<String>) -> Result<Layer, ConfigError> {
    let number = |name: &'static str| {
        let value = variable(name);
        value
            .map(|value| value.parse::<i64>().map_err(|_| not_whole(name, &value)))
            .transpose()
    };
    let log_level = variable("RADIOGRAPH_LOG_LEVEL").map(|word| {
        LogLevel::parse(&word).ok_or(ConfigError::Value {
            key: "RADIOGRAPH_LOG_LEVEL",
            value: word,
            allowed: "write dev, debug, info, warn, error or prod",
        })
    });
    Ok(Layer {
        bind: variable("RADIOGRAPH_BIND"),
        bind_tcp: variable("RADIOGRAPH_BIND_TCP"),
        endpoint: variable("RADIOGRAPH_ENDPOINT"),
        buffer_mb: number("RADIOGRAPH_BUFFER_MEMORY")?,
        concurrency: number("RADIOGRAPH_CONCURRENCY")?,
        region: variable("RADIOGRAPH_REGION"),
        log_level: log_level.transpose()?,
        warnings: Vec::new(),
    })
}

/// The configuration file, when no flag names one.
pub(crate) fn config_path(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    variable("RADIOGRAPH_CONFIG").map(PathBuf::from)
}

/// AWS's variables, ranking below the file.
pub(crate) fn aws(variable: impl Fn(&str) -> Option<String>) -> Layer {
    Layer {
        endpoint: variable("AWS_ENDPOINT_URL_XRAY").or_else(|| variable("AWS_ENDPOINT_URL")),
        region: variable("AWS_REGION"),
        ..Layer::default()
    }
}

fn not_whole(key: &'static str, value: &str) -> ConfigError {
    ConfigError::Value {
        key,
        value: value.to_owned(),
        allowed: "write a whole number",
    }
}
