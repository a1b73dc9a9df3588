//! What the process finds around itself: environment variables, memory, the user's directories.
//!
//! The one reader of the environment; all else works on the values read here. An empty variable
//! counts as unset. Variables that are no UTF-8 are read with replacement characters, and then fail
//! where their value is used, by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::key::Key;
use crate::config::layer::{DESTINATIONS_VARIABLE, Layer, Source};
use crate::config::memory::Memory;
use crate::config::{ConfigError, LogLevel, Variables, file, nearest, units};

/// Our variables' prefix.
const OWN: &str = "RADIOGRAPH_";

/// Names the configuration file, when no flag does.
const CONFIG_VARIABLE: &str = "RADIOGRAPH_CONFIG";

/// Says whether the daemon is a Lambda extension, when no flag does.
pub(crate) const EXTENSION_VARIABLE: &str = "RADIOGRAPH_LAMBDA_EXTENSION";

/// Where a service's data lies (`design.md`, addresses).
const SERVICE_DATA_DIR: &str = "/var/lib/radiograph";

/// What a process finds around itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// Those that the daemon hands on to the credential chain and the outbound proxy.
    pub(crate) variables: Variables,
    /// Ours, by name.
    pub(crate) own: BTreeMap<String, String>,
    /// The user's directory for data; none for a user without a home.
    pub(crate) data_home: Option<PathBuf>,
    pub(crate) memory: Memory,
    /// The program as it was called.
    pub(crate) program: Option<PathBuf>,
    /// Configuration files to look for when none is named.
    pub(crate) default_files: Vec<PathBuf>,
}

impl Environment {
    /// That of this process.
    pub(crate) fn of_this_process() -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let pairs = std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value)));
        let mut found = Self::of(pairs);
        let user = directories::BaseDirs::new();
        found.data_home = user
            .filter(|user| is_home(user.home_dir()))
            .map(|user| user.data_dir().to_owned());
        found.memory = Memory::of_this_process();
        found.program = std::env::args_os().next().map(PathBuf::from);
        found.default_files = file::DEFAULT_PATHS.map(PathBuf::from).to_vec();
        found
    }

    /// Takes from all variables those that concern the daemon.
    pub(crate) fn of(pairs: impl Iterator<Item = (String, String)>) -> Self {
        let pairs = pairs.filter(|(_, value)| !value.is_empty());
        let (own, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            pairs.partition(|(name, _)| name.starts_with(OWN));
        let wanted = others.into_iter().filter(|(name, _)| is_wanted(name));
        Self {
            variables: wanted.collect(),
            own,
            ..Self::default()
        }
    }

    /// The configuration file, when no flag names one.
    pub(crate) fn config_path(&self) -> Option<PathBuf> {
        self.own.get(CONFIG_VARIABLE).map(PathBuf::from)
    }

    /// `RADIOGRAPH_…`, ranking between flag and file.
    pub(crate) fn own(&self) -> Result<Layer, ConfigError> {
        let mut layer = Layer::default();
        for (name, value) in &self.own {
            let known = Key::ALL
                .into_iter()
                .find(|key| key.known().variable == name);
            if let Some(key) = known {
                let source = Source::OwnVariable(key.known().variable);
                layer.say(key, own_value(key, value)?, source);
            } else if name == DESTINATIONS_VARIABLE {
                let source = Source::OwnVariable(DESTINATIONS_VARIABLE);
                let list = file::destinations(value, source);
                layer.list = Some(list.map_err(|problem| ConfigError::Destinations { problem })?);
            } else if name != CONFIG_VARIABLE && name != EXTENSION_VARIABLE {
                layer.warnings.extend(slip(name));
            }
        }
        Ok(layer)
    }

    /// AWS's variables, ranking below the file (`spec/daemon.md` section 7).
    pub(crate) fn aws(&self) -> Layer {
        let mut layer = Layer::default();
        // The last one that is set holds.
        let ranked = [
            (Key::Region, "AWS_REGION"),
            (Key::Endpoint, "AWS_ENDPOINT_URL"),
            (Key::Endpoint, "AWS_ENDPOINT_URL_XRAY"),
            (Key::ProxyAddress, "HTTPS_PROXY"),
            (Key::CaFile, "SSL_CERT_FILE"),
            (Key::CaFile, "AWS_CA_BUNDLE"),
        ];
        for (key, name) in ranked {
            let value = self.variables.get(name).unwrap_or_default();
            layer.say(key, value, Source::AwsVariable(name));
        }
        layer
    }

    /// Where data lies unless configured: systemd's state directory, the user's data directory, or
    /// for a user without a home the place for services.
    pub(crate) fn data_dir(&self) -> PathBuf {
        // systemd lists several separated by colons.
        let state = self.variables.get("STATE_DIRECTORY");
        let state = state.and_then(|list| list.split(':').find(|path| !path.is_empty()));
        match (state, &self.data_home) {
            (Some(state), _) => PathBuf::from(state),
            (None, Some(home)) => home.join("radiograph-data"),
            (None, None) => PathBuf::from(SERVICE_DATA_DIR),
        }
    }
}

/// An unknown word for the level is an error here, where AWS has no say.
fn own_value(key: Key, value: &str) -> Result<String, ConfigError> {
    let checked = match key {
        Key::LogLevel => LogLevel::parse(value).map(|_| value.to_owned()),
        // Shown in one spelling, as from a flag or a file.
        Key::LogRotation
        | Key::LocalMode
        | Key::NoVerifySsl
        | Key::Spool
        | Key::ProxyAll
        | Key::Telemetry => units::boolean(value).map(|each| each.to_string()),
        _ => return Ok(value.to_owned()),
    };
    checked.map_err(|allowed| ConfigError::Value {
        place: key.known().variable.to_owned(),
        value: value.to_owned(),
        allowed,
    })
}

/// A warning for a name that is nearly one of ours. Others may be the collector's.
fn slip(name: &str) -> Option<String> {
    const EDITS_MAX: usize = 3;
    let known = Key::ALL.into_iter().map(|key| key.known().variable);
    let known = known.chain([CONFIG_VARIABLE, DESTINATIONS_VARIABLE, EXTENSION_VARIABLE]);
    let (nearest, edits) = nearest::nearest(name, known)?;
    let is_slip = edits <= EDITS_MAX && !OF_THE_COLLECTOR.contains(&name);
    is_slip.then(|| format!("{name} is unknown and ignored; the nearest known one is {nearest}"))
}

/// The collector's own, which may stand in the same environment.
const OF_THE_COLLECTOR: [&str; 2] = ["RADIOGRAPH_LISTEN", "RADIOGRAPH_ACCOUNT_ID"];

/// A service's user often has `/` or a directory that is not there.
fn is_home(path: &Path) -> bool {
    path.parent().is_some() && path.is_dir()
}

fn is_wanted(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "HOME",
        "HTTPS_PROXY",
        "NO_PROXY",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "STATE_DIRECTORY",
        "USERPROFILE",
        "no_proxy",
    ];
    const PREFIXES: [&str; 3] = ["AWS_", "ECS_", "XDG_"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
