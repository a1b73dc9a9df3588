//! Whether the daemon runs as an extension in AWS Lambda, and what is then different by default.
//!
//! Lambda starts `/opt/extensions/<name>` without arguments and with `AWS_LAMBDA_RUNTIME_API` set. A
//! flag or a variable says it outright, for a runtime that starts extensions from elsewhere. Source:
//! AWS Lambda developer guide, Extensions API (2020-01-01).

use std::path::Path;

use crate::config::ConfigError;
use crate::config::env::{EXTENSION_VARIABLE, Environment};
use crate::config::key::Key;
use crate::config::layer::{Layer, Source};
use crate::config::reading::Line;
use crate::config::units;

/// Where Lambda looks for extensions.
const FOLDER: &str = "/opt/extensions";

/// Lambda's variable: `host:port` of its APIs.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// What an extension must know of its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionConfig {
    /// `host:port` of the Extensions and the Telemetry API.
    pub runtime_api: String,
    /// The file's name, under which Lambda knows the extension.
    pub name: String,
}

/// An extension's configuration, and why the daemon takes itself for one.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) config: ExtensionConfig,
    source: Source,
}

/// Whether this process is an extension: as the flag says, else the variable, else the place of the
/// program.
pub(crate) fn find(
    flag: Option<bool>,
    environment: &Environment,
) -> Result<Option<Found>, ConfigError> {
    let runtime_api = environment.variables.get(RUNTIME_API);
    let program = environment.program.as_deref();
    let (is_wanted, source) = match (flag, environment.own.get(EXTENSION_VARIABLE)) {
        (Some(is_wanted), _) => (is_wanted, Source::Flag("--lambda-extension")),
        (None, Some(text)) => {
            let is_wanted = units::boolean(text)
                .map_err(|allowed| refused(EXTENSION_VARIABLE, text, allowed))?;
            (is_wanted, Source::OwnVariable(EXTENSION_VARIABLE))
        }
        (None, None) => {
            let is_there = program.and_then(Path::parent) == Some(Path::new(FOLDER));
            let is_wanted = is_there && runtime_api.is_some();
            (is_wanted, Source::AwsVariable(RUNTIME_API))
        }
    };
    if !is_wanted {
        return Ok(None);
    }
    let runtime_api = runtime_api.ok_or_else(|| {
        let place = source.place(EXTENSION_VARIABLE);
        refused(
            &place,
            "true",
            "AWS_LAMBDA_RUNTIME_API must be set, as Lambda does",
        )
    })?;
    let runtime_api = units::address(runtime_api)
        .map_err(|allowed| refused(RUNTIME_API, runtime_api, allowed))?;
    let name = program.and_then(Path::file_name);
    let name = name.map_or_else(
        || "radiograph-daemon".into(),
        |name| name.to_string_lossy().into_owned(),
    );
    let config = ExtensionConfig { runtime_api, name };
    Ok(Some(Found { config, source }))
}

/// What `--check-config` shows of it.
pub(crate) fn line(found: &Found) -> Line {
    let ExtensionConfig { runtime_api, name } = &found.config;
    Line {
        name: "Lambda extension".to_owned(),
        value: format!("{name} at {runtime_api}"),
        source: found.source.clone(),
    }
}

fn refused(place: &str, value: &str, allowed: &'static str) -> ConfigError {
    ConfigError::Value {
        place: place.to_owned(),
        value: value.to_owned(),
        allowed,
    }
}

/// What nobody has said is different in Lambda: `/tmp` is all there is to write to, 512 MB unless
/// configured; the environment gives two seconds to stop, asks nobody else for metrics, and has no
/// instance metadata. Whether a trace is sampled Lambda has decided, and a record of telemetry that is
/// on its way when the environment is frozen would be lost.
pub(crate) fn defaults() -> Layer {
    let mut layer = Layer::default();
    for (key, text) in [
        (Key::DataDir, "/tmp/radiograph-data"),
        (Key::SpoolBytes, "64MiB"),
        (Key::Grace, "1s"),
        (Key::Admin, "off"),
        (Key::LocalMode, "true"),
        (Key::Sampling, "off"),
        (Key::Telemetry, "false"),
    ] {
        layer.say(key, text, Source::BuiltIn);
    }
    layer
}
