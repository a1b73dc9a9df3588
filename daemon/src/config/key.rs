//! Every setting, once: its name in the file, its type there, its flag, its variable, its default.
//!
//! Defaults are text, read like what a person wrote. Where `spec/daemon.md` sections 8 to 10 have a
//! setting its name is AWS's; ours stand under `Radiograph`.

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Bind,
    BindTcp,
    BufferMemory,
    Concurrency,
    Region,
    ResourceArn,
    RoleArn,
    ProxyAddress,
    Endpoint,
    LogRotation,
    LogPath,
    LogLevel,
    LocalMode,
    NoVerifySsl,
    Admin,
    DataDir,
    Spool,
    SpoolBytes,
    SpoolAge,
    Sampling,
    ProxyAll,
    Grace,
    CaFile,
    ClientCert,
    ClientKeyFile,
    Profile,
    Telemetry,
}

/// What is known of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// In the file, sections before a dot.
    pub(crate) name: &'static str,
    /// Its type in the file.
    pub(crate) kind: Kind,
    /// The flag as AWS's users know it; empty where there is none.
    pub(crate) flag: &'static str,
    /// Our variable.
    pub(crate) variable: &'static str,
    /// Empty where there is none, or where it depends on the system.
    pub(crate) default: &'static str,
}

/// What the file must hold under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Text,
    Boolean,
    /// Bytes: a whole number, or text with a unit.
    Size,
    /// Seconds: a whole number, or text with a unit.
    Time,
    /// Text, or false for `off`.
    Switch,
}

impl Key {
    /// In the order in which they are shown.
    pub(crate) const ALL: [Self; 27] = [
        Self::Bind,
        Self::BindTcp,
        Self::BufferMemory,
        Self::LogLevel,
        Self::LogPath,
        Self::LogRotation,
        Self::LocalMode,
        Self::ResourceArn,
        Self::Admin,
        Self::DataDir,
        Self::Spool,
        Self::SpoolBytes,
        Self::SpoolAge,
        Self::Sampling,
        Self::ProxyAll,
        Self::Grace,
        Self::Endpoint,
        Self::Region,
        Self::RoleArn,
        Self::Profile,
        Self::Concurrency,
        Self::ProxyAddress,
        Self::NoVerifySsl,
        Self::CaFile,
        Self::ClientCert,
        Self::ClientKeyFile,
        Self::Telemetry,
    ];

    /// Those that each destination may have for itself.
    pub(crate) const OF_DESTINATION: [Self; 11] = [
        Self::Endpoint,
        Self::Region,
        Self::RoleArn,
        Self::Profile,
        Self::Concurrency,
        Self::ProxyAddress,
        Self::NoVerifySsl,
        Self::CaFile,
        Self::ClientCert,
        Self::ClientKeyFile,
        Self::Telemetry,
    ];

    /// Its row of the table.
    #[rustfmt::skip]
    pub(crate) const fn known(self) -> Known {
        use Kind::{Boolean, Integer, Size, Switch, Text, Time};
        match self {
            Self::Bind => row("Socket.UDPAddress", Text, "-b", "RADIOGRAPH_BIND", "127.0.0.1:2000"),
            Self::BindTcp => row("Socket.TCPAddress", Text, "-t", "RADIOGRAPH_BIND_TCP", "127.0.0.1:2000"),
            Self::BufferMemory => row("TotalBufferSizeMB", Integer, "-m", "RADIOGRAPH_BUFFER_MEMORY", "0"),
            Self::Concurrency => row("Concurrency", Integer, "", "RADIOGRAPH_CONCURRENCY", "8"),
            Self::Region => row("Region", Text, "-n", "RADIOGRAPH_REGION", ""),
            Self::ResourceArn => row("ResourceARN", Text, "-a", "RADIOGRAPH_RESOURCE_ARN", ""),
            Self::RoleArn => row("RoleARN", Text, "-r", "RADIOGRAPH_ROLE_ARN", ""),
            Self::ProxyAddress => row("ProxyAddress", Text, "-p", "RADIOGRAPH_PROXY_ADDRESS", ""),
            Self::Endpoint => row("Endpoint", Text, "--endpoint", "RADIOGRAPH_ENDPOINT", ""),
            Self::LogRotation => row("Logging.LogRotation", Boolean, "", "RADIOGRAPH_LOG_ROTATION", "true"),
            Self::LogPath => row("Logging.LogPath", Text, "-f", "RADIOGRAPH_LOG_FILE", ""),
            Self::LogLevel => row("Logging.LogLevel", Text, "-l", "RADIOGRAPH_LOG_LEVEL", "prod"),
            Self::LocalMode => row("LocalMode", Boolean, "-o", "RADIOGRAPH_LOCAL_MODE", "false"),
            Self::NoVerifySsl => row("NoVerifySSL", Boolean, "", "RADIOGRAPH_NO_VERIFY_SSL", "false"),
            Self::Admin => row("Radiograph.AdminAddress", Switch, "--admin", "RADIOGRAPH_ADMIN", "127.0.0.1:2001"),
            Self::DataDir => row("Radiograph.DataDir", Text, "--data-dir", "RADIOGRAPH_DATA_DIR", ""),
            Self::Spool => row("Radiograph.Spool.Enabled", Boolean, "--no-spool", "RADIOGRAPH_SPOOL", "true"),
            Self::SpoolBytes => row("Radiograph.Spool.MaxBytes", Size, "--spool-bytes", "RADIOGRAPH_SPOOL_BYTES", "4GiB"),
            Self::SpoolAge => row("Radiograph.Spool.MaxAge", Time, "--spool-age", "RADIOGRAPH_SPOOL_AGE", "3d"),
            Self::Sampling => row("Radiograph.Sampling", Switch, "--sampling", "RADIOGRAPH_SAMPLING", "auto"),
            Self::ProxyAll => row("Radiograph.ProxyAll", Boolean, "--proxy-all", "RADIOGRAPH_PROXY_ALL", "false"),
            Self::Grace => row("Radiograph.Grace", Time, "--grace", "RADIOGRAPH_GRACE", "5s"),
            Self::CaFile => row("Radiograph.CAFile", Text, "", "RADIOGRAPH_CA_FILE", ""),
            Self::ClientCert => row("Radiograph.ClientCert", Text, "--client-cert", "RADIOGRAPH_CLIENT_CERT", ""),
            Self::ClientKeyFile => row("Radiograph.ClientKey", Text, "--client-key", "RADIOGRAPH_CLIENT_KEY", ""),
            Self::Profile => row("Radiograph.Profile", Text, "", "RADIOGRAPH_PROFILE", ""),
            Self::Telemetry => row("Radiograph.Telemetry", Boolean, "", "RADIOGRAPH_TELEMETRY", "true"),
        }
    }

    /// The setting of this name in the file.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.known().name == name)
    }

    /// Its name within a destination, where sections fall away.
    pub(crate) fn member(self) -> &'static str {
        let name = self.known().name;
        name.rsplit_once('.').map_or(name, |(_, last)| last)
    }
}

const fn row(
    name: &'static str,
    kind: Kind,
    flag: &'static str,
    variable: &'static str,
    default: &'static str,
) -> Known {
    Known {
        name,
        kind,
        flag,
        variable,
        default,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_setting_is_listed_once_under_a_name_and_a_variable_of_its_own() {
        let each = |of: fn(Known) -> &'static str| {
            let all = Key::ALL.into_iter().map(|key| of(key.known()));
            all.collect::<BTreeSet<_>>().len()
        };
        assert_eq!(Key::ALL.into_iter().collect::<BTreeSet<_>>().len(), 27);
        assert_eq!(each(|known| known.name), 27);
        assert_eq!(each(|known| known.variable), 27);
        for key in Key::ALL {
            let variable = key.known().variable;
            assert!(variable.starts_with("RADIOGRAPH_"), "{variable}");
        }
    }
}
