//! From command line, variables and files to a configuration, in tables: every flag, key and
//! variable, their precedence, and what is refused in which words.

mod changes;
mod destinations;
mod extension;
mod files;
mod flags;
mod report;
mod variables;

use std::ffi::OsString;
use std::path::Path;

use super::env::Environment;
use super::load::load_in;
use super::memory::Memory;
use super::*;

type Args<'a> = &'a [&'a str];
type Pairs<'a> = &'a [(&'a str, &'a str)];

const GIB: u64 = 1 << 30;

/// A machine of 16 GiB whose user has a home, with these variables and no default file.
fn environment(variables: Pairs<'_>) -> Environment {
    let pairs = variables.iter();
    let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Environment {
        data_home: Some(PathBuf::from("/home/x/.local/share")),
        memory: Memory {
            physical: Some(16 * GIB),
            cgroup: None,
        },
        ..Environment::of(pairs)
    }
}

fn request(args: Args<'_>, environment: &Environment) -> Result<Request, ConfigError> {
    let args = std::iter::once("radiograph-daemon").chain(args.iter().copied());
    load_in(args.map(OsString::from), environment)
}

fn run(args: Args<'_>, variables: Pairs<'_>) -> Result<(Config, Vec<String>), ConfigError> {
    match request(args, &environment(variables))? {
        Request::Run(config, warnings) => Ok((*config, warnings)),
        other => panic!("{args:?}: {other:?}"),
    }
}

/// Without a warning.
fn config(args: Args<'_>, variables: Pairs<'_>) -> Config {
    let (config, warnings) = run(args, variables).unwrap();
    assert_eq!(warnings, [""; 0], "{args:?} {variables:?}");
    config
}

fn error(args: Args<'_>, variables: Pairs<'_>) -> String {
    run(args, variables).unwrap_err().to_string()
}

/// What holds when nobody says anything.
fn defaults() -> Config {
    Config {
        buffer_bytes: 171_798_691,
        admin: Some("127.0.0.1:2001".to_owned()),
        spool: Some(SpoolConfig {
            data_dir: PathBuf::from("/home/x/.local/share/radiograph-data"),
            bytes_max: 4 * GIB,
            age_max: Duration::from_secs(3 * 86_400),
        }),
        ..Config::default()
    }
}

/// A configuration file with this text; the folder goes away when dropped.
struct TempFile {
    _folder: tempfile::TempDir,
    path: String,
}

impl TempFile {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cfg.yaml");
        std::fs::write(&path, text).unwrap();
        Self {
            path: path.to_str().unwrap().to_owned(),
            _folder: folder,
        }
    }
}

/// How a setting changes a configuration that has the defaults.
type Change = fn(&mut Config);

/// Every setting: its flags, its name in the file, its variable; a value for flag and variable, for
/// the file the same as YAML; and what it changes. Flags with `=` take none after a space.
struct Row {
    flags: &'static [&'static str],
    name: &'static str,
    variable: &'static str,
    value: &'static str,
    yaml: &'static str,
    change: Change,
}

const fn row(
    flags: &'static [&'static str],
    name: &'static str,
    variable: &'static str,
    value: &'static str,
    yaml: &'static str,
    change: Change,
) -> Row {
    Row {
        flags,
        name,
        variable,
        value,
        yaml,
        change,
    }
}

fn first(config: &mut Config) -> &mut Destination {
    config.destinations.first_mut().unwrap()
}

/// The certificate, which is half of a pair: see [`other_half`].
fn shown(config: &mut Config) -> &mut ClientCertificate {
    let half = || ClientCertificate {
        certificate: "/other".into(),
        key: "/other".into(),
    };
    first(config).client_certificate.get_or_insert_with(half)
}

/// Certificate and key go together: the variable that sets what a row alone must not leave out.
fn other_half(row: &Row) -> Option<(&'static str, &'static str)> {
    match row.name {
        "Radiograph.ClientCert" => Some(("RADIOGRAPH_CLIENT_KEY", "/other")),
        "Radiograph.ClientKey" => Some(("RADIOGRAPH_CLIENT_CERT", "/other")),
        _ => None,
    }
}

/// These variables and what belongs to the row's setting.
fn with_other_half<'a>(
    row: &Row,
    variables: &[(&'static str, &'a str)],
) -> Vec<(&'static str, &'a str)> {
    variables.iter().copied().chain(other_half(row)).collect()
}

fn spool(config: &mut Config) -> &mut SpoolConfig {
    config.spool.as_mut().unwrap()
}

/// The file's text that sets one key.
fn yaml(name: &str, value: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    let mut text = "Version: 2\n".to_owned();
    for (depth, part) in parts.iter().enumerate() {
        text += &format!("{}{part}:", "  ".repeat(depth));
        text += if depth + 1 == parts.len() { " " } else { "\n" };
    }
    text + value + "\n"
}

#[rustfmt::skip]
const ROWS: [Row; 27] = [
    row(&["b", "bind"], "Socket.UDPAddress", "RADIOGRAPH_BIND", "h:1", "h:1", |c| { c.bind = "h:1".to_owned(); c.bind_is_explicit = true; }),
    row(&["t", "bind-tcp"], "Socket.TCPAddress", "RADIOGRAPH_BIND_TCP", "h:2", "h:2", |c| { c.bind_tcp = "h:2".to_owned(); c.bind_tcp_is_explicit = true; }),
    row(&["m", "buffer-memory"], "TotalBufferSizeMB", "RADIOGRAPH_BUFFER_MEMORY", "64", "64", |c| c.buffer_bytes = 64 << 20),
    row(&[], "Concurrency", "RADIOGRAPH_CONCURRENCY", "3", "3", |c| first(c).concurrency = NonZeroUsize::new(3).unwrap()),
    row(&["n", "region"], "Region", "RADIOGRAPH_REGION", "eu-west-1", "eu-west-1", |c| first(c).region = Some("eu-west-1".to_owned())),
    row(&["a", "resource-arn"], "ResourceARN", "RADIOGRAPH_RESOURCE_ARN", "arn:a", "arn:a", |c| c.resource_arn = "arn:a".to_owned()),
    row(&["r", "role-arn"], "RoleARN", "RADIOGRAPH_ROLE_ARN", "arn:r", "arn:r", |c| first(c).role_arn = Some("arn:r".to_owned())),
    row(&["p", "proxy-address"], "ProxyAddress", "RADIOGRAPH_PROXY_ADDRESS", "http://p:1", "http://p:1", |c| first(c).proxy_address = Some("http://p:1".to_owned())),
    row(&["endpoint"], "Endpoint", "RADIOGRAPH_ENDPOINT", "http://e:1", "http://e:1", |c| first(c).endpoint = Some("http://e:1".to_owned())),
    row(&[], "Logging.LogRotation", "RADIOGRAPH_LOG_ROTATION", "false", "false", |c| c.log.rotate = false),
    row(&["f", "log-file"], "Logging.LogPath", "RADIOGRAPH_LOG_FILE", "/l/x.log", "/l/x.log", |c| c.log.path = Some("/l/x.log".into())),
    row(&["l", "log-level"], "Logging.LogLevel", "RADIOGRAPH_LOG_LEVEL", "warn", "warn", |c| c.log.level = LogLevel::Warn),
    row(&["o=", "local-mode="], "LocalMode", "RADIOGRAPH_LOCAL_MODE", "true", "true", |c| c.local_mode = true),
    row(&[], "NoVerifySSL", "RADIOGRAPH_NO_VERIFY_SSL", "true", "true", |c| first(c).no_verify_ssl = true),
    row(&["admin"], "Radiograph.AdminAddress", "RADIOGRAPH_ADMIN", "h:3", "h:3", |c| { c.admin = Some("h:3".to_owned()); c.admin_is_explicit = true; }),
    row(&["data-dir"], "Radiograph.DataDir", "RADIOGRAPH_DATA_DIR", "/d", "/d", |c| spool(c).data_dir = "/d".into()),
    row(&[], "Radiograph.Spool.Enabled", "RADIOGRAPH_SPOOL", "false", "false", |c| c.spool = None),
    row(&["spool-bytes"], "Radiograph.Spool.MaxBytes", "RADIOGRAPH_SPOOL_BYTES", "500MB", "500MB", |c| spool(c).bytes_max = 500_000_000),
    row(&["spool-age"], "Radiograph.Spool.MaxAge", "RADIOGRAPH_SPOOL_AGE", "12h", "12h", |c| spool(c).age_max = Duration::from_secs(43_200)),
    row(&["sampling"], "Radiograph.Sampling", "RADIOGRAPH_SAMPLING", "off", "off", |c| c.sampling = SamplingMode::Off),
    row(&["proxy-all="], "Radiograph.ProxyAll", "RADIOGRAPH_PROXY_ALL", "true", "true", |c| c.proxy_all = true),
    row(&["grace"], "Radiograph.Grace", "RADIOGRAPH_GRACE", "7", "7", |c| c.grace = Duration::from_secs(7)),
    row(&[], "Radiograph.CAFile", "RADIOGRAPH_CA_FILE", "/ca.pem", "/ca.pem", |c| first(c).ca_file = Some("/ca.pem".into())),
    row(&["client-cert"], "Radiograph.ClientCert", "RADIOGRAPH_CLIENT_CERT", "/c.pem", "/c.pem", |c| shown(c).certificate = "/c.pem".into()),
    row(&["client-key"], "Radiograph.ClientKey", "RADIOGRAPH_CLIENT_KEY", "/k.pem", "/k.pem", |c| shown(c).key = "/k.pem".into()),
    row(&[], "Radiograph.Profile", "RADIOGRAPH_PROFILE", "prod", "prod", |c| first(c).profile = Some("prod".to_owned())),
    row(&[], "Radiograph.Telemetry", "RADIOGRAPH_TELEMETRY", "false", "false", |c| first(c).telemetry = false),
];

#[test]
fn the_table_has_every_setting() {
    let names = |mut names: Vec<&'static str>| {
        names.sort_unstable();
        names
    };
    let known = key::Key::ALL.iter().map(|key| key.known());
    assert_eq!(
        names(ROWS.iter().map(|row| row.name).collect()),
        names(known.clone().map(|known| known.name).collect())
    );
    assert_eq!(
        names(ROWS.iter().map(|row| row.variable).collect()),
        names(known.map(|known| known.variable).collect())
    );
}

#[test]
fn without_anything_said_the_defaults_hold() {
    assert_eq!(config(&[], &[]), defaults());
}

#[test]
fn every_key_of_the_file_takes_effect() {
    for row in &ROWS {
        let file = TempFile::new(&yaml(row.name, row.yaml));
        let mut expected = defaults();
        (row.change)(&mut expected);
        let found = config(&["-c", &file.path], &with_other_half(row, &[]));
        assert_eq!(found, expected, "{}", row.name);
    }
}

#[test]
fn every_variable_takes_effect() {
    for row in &ROWS {
        let mut expected = defaults();
        (row.change)(&mut expected);
        let variables = with_other_half(row, &[(row.variable, row.value)]);
        assert_eq!(config(&[], &variables), expected, "{}", row.variable);
    }
}

#[test]
fn every_flag_takes_effect_with_one_dash_and_two() {
    for row in &ROWS {
        let mut expected = defaults();
        (row.change)(&mut expected);
        let more = with_other_half(row, &[]);
        for flag in row.flags {
            let value = row.value;
            let name = flag.trim_end_matches('=');
            for name in [format!("-{name}"), format!("--{name}")] {
                let joined = format!("{name}={value}");
                assert_eq!(config(&[&joined], &more), expected, "{joined}");
                if *flag == name.trim_start_matches('-') {
                    assert_eq!(config(&[&name, value], &more), expected, "{name} {value}");
                } else {
                    assert_eq!(config(&[&name], &more), expected, "{name}");
                }
            }
        }
    }
}

/// A value of each setting that [`ROWS`] does not have, and nobody has by default.
#[rustfmt::skip]
const WEAKER: [(&str, &str); 27] = [
    ("Socket.UDPAddress", "weak:1"), ("Socket.TCPAddress", "weak:1"), ("TotalBufferSizeMB", "99"),
    ("Concurrency", "99"), ("Region", "weak"), ("ResourceARN", "weak"), ("RoleARN", "weak"),
    ("ProxyAddress", "http://weak:1"), ("Endpoint", "http://weak:1"), ("Logging.LogRotation", "true"),
    ("Logging.LogPath", "weak"), ("Logging.LogLevel", "error"), ("LocalMode", "false"),
    ("NoVerifySSL", "false"), ("Radiograph.AdminAddress", "weak:1"), ("Radiograph.DataDir", "weak"),
    ("Radiograph.Spool.Enabled", "true"), ("Radiograph.Spool.MaxBytes", "99MiB"),
    ("Radiograph.Spool.MaxAge", "99m"), ("Radiograph.Sampling", "strict"),
    ("Radiograph.ProxyAll", "false"), ("Radiograph.Grace", "99"), ("Radiograph.CAFile", "weak"),
    ("Radiograph.ClientCert", "weak"), ("Radiograph.ClientKey", "weak"), ("Radiograph.Profile", "weak"), ("Radiograph.Telemetry", "true"),
];

#[test]
fn a_flag_beats_our_variable_which_beats_the_file_for_every_setting() {
    for row in &ROWS {
        let weak = WEAKER.iter().find(|(name, _)| *name == row.name).unwrap().1;
        let file = TempFile::new(&yaml(row.name, weak));
        let mut expected = defaults();
        (row.change)(&mut expected);
        let variables = with_other_half(row, &[(row.variable, row.value)]);
        let found = config(&["-c", &file.path], &variables);
        assert_eq!(found, expected, "{} over the file", row.variable);
        if let Some(flag) = row.flags.first() {
            let flag = format!("--{}={}", flag.trim_end_matches('='), row.value);
            let variables = with_other_half(row, &[(row.variable, weak)]);
            let found = config(&[&flag, "-c", &file.path], &variables);
            assert_eq!(found, expected, "{flag} over the variable");
        }
    }
}

#[test]
fn what_a_configuration_prints_has_no_password() {
    let config = config(
        &["-p", "http://user:secret@p:1"],
        &[
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("HTTPS_PROXY", "http://user:secret@p:1"),
        ],
    );
    let printed = format!("{config:?}");
    assert!(!printed.contains("secret"), "{printed}");
    assert!(printed.contains("http://***@p:1"), "{printed}");
    assert_eq!(
        config
            .destinations
            .first()
            .unwrap()
            .proxy_address
            .as_deref(),
        Some("http://user:secret@p:1")
    );
}
