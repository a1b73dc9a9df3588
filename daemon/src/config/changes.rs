//! What a reload changes, and what of it needs a restart.

use std::path::Path;

use crate::config::key::Key;
use crate::config::{Config, Destination, LogConfig};

/// The settings in which two configurations differ, by their names in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Those that a running daemon can take over.
    pub reloadable: Vec<&'static str>,
    /// Those that need a restart.
    pub needs_restart: Vec<&'static str>,
}

/// Compares the configuration that runs with a new one.
#[must_use]
pub fn changes(old: &Config, new: &Config) -> Changes {
    // Named one by one, so that a new setting cannot be forgotten here.
    let Config {
        bind,
        bind_tcp,
        // Of the same settings.
        bind_is_explicit: _,
        bind_tcp_is_explicit: _,
        destinations,
        buffer_bytes,
        log: LogConfig {
            level,
            path,
            rotate,
        },
        grace,
        local_mode,
        resource_arn,
        sampling,
        proxy_all,
        admin,
        // No setting of its own.
        admin_is_explicit: _,
        spool,
        // A process's surroundings do not change.
        extension: _,
        variables: _,
    } = new;
    let name = |key: Key| key.known().name;
    let reloadable = [
        (name(Key::LogLevel), *level != old.log.level),
        (name(Key::Grace), *grace != old.grace),
        (name(Key::Sampling), *sampling != old.sampling),
        (name(Key::ProxyAll), *proxy_all != old.proxy_all),
    ];
    let needs_restart = [
        (name(Key::Bind), *bind != old.bind),
        (name(Key::BindTcp), *bind_tcp != old.bind_tcp),
        (name(Key::BufferMemory), *buffer_bytes != old.buffer_bytes),
        (name(Key::LogPath), *path != old.log.path),
        (name(Key::LogRotation), *rotate != old.log.rotate),
        (name(Key::LocalMode), *local_mode != old.local_mode),
        (name(Key::ResourceArn), *resource_arn != old.resource_arn),
        (name(Key::Admin), *admin != old.admin),
        ("Radiograph.Spool", *spool != old.spool),
    ];
    let differing = |each: &[(&'static str, bool)]| {
        let differing = each.iter().filter(|(_, differs)| *differs);
        differing.map(|(name, _)| *name).collect()
    };
    let mut needs_restart: Vec<&'static str> = differing(&needs_restart);
    needs_restart.extend(of_destinations(&old.destinations, destinations));
    Changes {
        reloadable: differing(&reloadable),
        needs_restart,
    }
}

/// The members that differ; the list as a whole where its names or their order do.
fn of_destinations(old: &[Destination], new: &[Destination]) -> Vec<&'static str> {
    let names = |list: &[Destination]| -> Vec<String> {
        list.iter().map(|each| each.name.clone()).collect()
    };
    if names(old) != names(new) {
        return vec!["Radiograph.Destinations"];
    }
    let differ = |differs: fn(&Destination, &Destination) -> bool| {
        old.iter().zip(new).any(|(old, new)| differs(old, new))
    };
    let members = [
        (
            Key::Endpoint,
            differ(|old, new| old.endpoint != new.endpoint),
        ),
        (Key::Region, differ(|old, new| old.region != new.region)),
        (
            Key::RoleArn,
            differ(|old, new| old.role_arn != new.role_arn),
        ),
        (Key::Profile, differ(|old, new| old.profile != new.profile)),
        (
            Key::Concurrency,
            differ(|old, new| old.concurrency != new.concurrency),
        ),
        (
            Key::ProxyAddress,
            differ(|old, new| old.proxy_address != new.proxy_address),
        ),
        (
            Key::NoVerifySsl,
            differ(|old, new| old.no_verify_ssl != new.no_verify_ssl),
        ),
        (Key::CaFile, differ(|old, new| old.ca_file != new.ca_file)),
        (
            Key::ClientCert,
            differ(|old, new| certificate(old) != certificate(new)),
        ),
        (Key::ClientKeyFile, differ(|old, new| key(old) != key(new))),
        (
            Key::Telemetry,
            differ(|old, new| old.telemetry != new.telemetry),
        ),
    ];
    let differing = members.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(key, _)| key.member()).collect()
}

fn certificate(destination: &Destination) -> Option<&Path> {
    let shown = destination.client_certificate.as_ref();
    shown.map(|shown| shown.certificate.as_path())
}

fn key(destination: &Destination) -> Option<&Path> {
    let shown = destination.client_certificate.as_ref();
    shown.map(|shown| shown.key.as_path())
}
