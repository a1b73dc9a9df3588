//! From what all sources say to one checked [`Config`]: defaults, ranges, and the lines of
//! `--check-config`. Pure: values in, values out.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::env::Environment;
use crate::config::key::Key;
use crate::config::layer::{Layer, Source};
use crate::config::memory;
use crate::config::reading::{Line, Reading};
use crate::config::{Config, ConfigError, LogConfig, LogLevel, SpoolConfig, destinations, units};

/// A configuration, what to tell about it, and where each value comes from.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) config: Config,
    pub(crate) warnings: Vec<String>,
    pub(crate) lines: Vec<Line>,
}

/// Fills in the defaults and checks the ranges.
pub(crate) fn checked(mut layer: Layer, environment: &Environment) -> Result<Checked, ConfigError> {
    let mut warnings = std::mem::take(&mut layer.warnings);
    let mut reading = Reading::new(&layer);
    let bind = reading.value(Key::Bind, units::address)?;
    let bind_tcp = reading.value(Key::BindTcp, units::address)?;
    let buffer_bytes = buffer(&mut reading, environment, &mut warnings)?;
    let log = LogConfig {
        level: reading.value(Key::LogLevel, LogLevel::parse)?,
        path: reading.text(Key::LogPath)?.map(PathBuf::from),
        rotate: reading.value(Key::LogRotation, units::boolean)?,
    };
    let local_mode = reading.value(Key::LocalMode, units::boolean)?;
    let resource_arn = reading.text(Key::ResourceArn)?.unwrap_or_default();
    let admin = reading.value(Key::Admin, units::address_or_off)?;
    let spool = spool(&mut reading, environment)?;
    let sampling = reading.value(Key::Sampling, units::sampling_mode)?;
    let proxy_all = reading.value(Key::ProxyAll, units::boolean)?;
    let grace = reading.value(Key::Grace, grace)?;
    let destinations = destinations::checked(&mut reading, &mut warnings)?;
    let lines = reading.lines;
    let config = Config {
        bind,
        bind_is_explicit: layer.get(Key::Bind).is_some(),
        bind_tcp,
        bind_tcp_is_explicit: layer.get(Key::BindTcp).is_some(),
        destinations,
        buffer_bytes,
        log,
        grace,
        local_mode,
        resource_arn,
        sampling,
        proxy_all,
        admin,
        admin_is_explicit: layer.get(Key::Admin).is_some(),
        spool,
        extension: None,
        variables: environment.variables.clone(),
    };
    Ok(Checked {
        config,
        warnings,
        lines,
    })
}

/// Shown is the effective size, which is seldom what was written.
fn buffer(
    reading: &mut Reading<'_>,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> Result<usize, ConfigError> {
    let memory = environment.memory;
    let buffer = reading.value(Key::BufferMemory, |text| {
        memory::buffer_bytes(units::whole(text)?, memory.physical, memory.cgroup)
    })?;
    if let Some(line) = reading.lines.last_mut() {
        line.value = (buffer.bytes >> 20).to_string();
    }
    warnings.extend(buffer.warning);
    Ok(buffer.bytes)
}

fn spool(
    reading: &mut Reading<'_>,
    environment: &Environment,
) -> Result<Option<SpoolConfig>, ConfigError> {
    let data_dir = match reading.layer.get(Key::DataDir) {
        Some(_) => reading.value(Key::DataDir, |text| Ok(PathBuf::from(text)))?,
        None => {
            let data_dir = environment.data_dir();
            let shown = data_dir.display().to_string();
            reading.note(Key::DataDir.known().name, shown, Source::BuiltIn);
            data_dir
        }
    };
    let is_enabled = reading.value(Key::Spool, units::boolean)?;
    let spool = SpoolConfig {
        data_dir,
        bytes_max: reading.value(Key::SpoolBytes, spool_bytes)?,
        age_max: reading.value(Key::SpoolAge, spool_age)?,
    };
    Ok(is_enabled.then_some(spool))
}

fn spool_bytes(text: &str) -> Result<u64, &'static str> {
    let bytes = units::size(text)?;
    if bytes < 1 << 20 {
        return Err("1MiB or more; Radiograph.Spool.Enabled: false switches the spool off");
    }
    Ok(bytes)
}

fn spool_age(text: &str) -> Result<Duration, &'static str> {
    let age = units::time(text)?;
    if age < Duration::from_secs(1) || age > Duration::from_secs(3_650 * 86_400) {
        return Err("1s to 3650d; Radiograph.Spool.Enabled: false switches the spool off");
    }
    Ok(age)
}

fn grace(text: &str) -> Result<Duration, &'static str> {
    let grace = units::time(text)?;
    if grace > Duration::from_secs(3_600) {
        return Err("0 to 3600 seconds");
    }
    Ok(grace)
}
