//! Precedence, flags and what is refused.

use super::*;

type Args<'a> = &'a [&'a str];
type Variables<'a> = &'a [(&'a str, &'a str)];

fn request(args: Args<'_>, variables: Variables<'_>) -> Result<Request, ConfigError> {
    let args = std::iter::once("radiograph-daemon").chain(args.iter().copied());
    load_from(args.map(OsString::from), |name| {
        let found = variables.iter().find(|(each, _)| *each == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

fn config(args: Args<'_>, variables: Variables<'_>) -> Config {
    match request(args, variables) {
        Ok(Request::Run(config, _)) => config,
        other => panic!("{args:?}: {other:?}"),
    }
}

fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cfg.yaml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn without_anything_said_the_defaults_hold() {
    assert_eq!(config(&[], &[]), Config::default());
}

#[test]
fn flag_beats_own_variable_beats_file_beats_variable_of_aws() {
    let (_folder, path) = file("Version: 2\nEndpoint: http://file:1\n");
    let all = [
        ("AWS_ENDPOINT_URL", "http://aws:1"),
        ("AWS_ENDPOINT_URL_XRAY", "http://xray:1"),
        ("RADIOGRAPH_ENDPOINT", "http://own:1"),
    ];
    let cases: [(&str, Args<'_>, Variables<'_>, &str); 6] = [
        (
            "flag",
            &["-c", &path, "--endpoint", "http://flag:1"],
            &all,
            "http://flag:1",
        ),
        ("own variable", &["-c", &path], &all, "http://own:1"),
        ("file", &["-c", &path], &all[..2], "http://file:1"),
        ("service variable", &[], &all[..2], "http://xray:1"),
        ("general variable", &[], &all[..1], "http://aws:1"),
        (
            "file named by variable",
            &[],
            &[("RADIOGRAPH_CONFIG", &path)],
            "http://file:1",
        ),
    ];
    for (name, args, variables, endpoint) in cases {
        assert_eq!(config(args, variables).endpoint, endpoint, "{name}");
    }
}

#[test]
fn one_and_two_dashes_and_both_ways_to_give_a_value_are_the_same() {
    let cases: [Args<'_>; 8] = [
        &["-b", "h:1"],
        &["-b=h:1"],
        &["--b", "h:1"],
        &["--b=h:1"],
        &["-bind", "h:1"],
        &["-bind=h:1"],
        &["--bind", "h:1"],
        &["--bind=h:1"],
    ];
    for args in cases {
        assert_eq!(config(args, &[]).bind, "h:1", "{args:?}");
    }
}

#[test]
fn every_flag_of_the_aws_daemon_is_taken() {
    let args = [
        "-o",
        "-n",
        "eu-west-1",
        "-m",
        "5",
        "-t",
        "h:2",
        "-l",
        "dev",
        "-a",
        "arn",
        "-r",
        "arn",
        "-f",
        "/log",
        "-p",
        "http://p:1",
        "-b",
        "h:3",
    ];
    let Ok(Request::Run(config, warnings)) = request(&args, &[]) else {
        panic!("refused");
    };
    let expected = Config {
        bind: "h:3".to_owned(),
        bind_tcp: "h:2".to_owned(),
        buffer_bytes: 5 << 20,
        region: "eu-west-1".to_owned(),
        log_level: LogLevel::Trace,
        ..Config::default()
    };
    assert_eq!(config, expected);
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert_eq!(
        self::config(&["--local-mode=false"], &[]),
        Config::default()
    );
}

#[test]
fn zero_and_negative_sizes_mean_the_default() {
    for megabytes in ["0", "-1"] {
        assert_eq!(
            config(&["-m", megabytes], &[]),
            Config::default(),
            "{megabytes}"
        );
    }
    let (_folder, path) = file("Version: 2\nConcurrency: 0\n");
    assert_eq!(config(&["-c", &path], &[]).concurrency.get(), 8);
}

#[test]
fn the_version_is_asked_for_in_four_ways() {
    for flag in ["-v", "--v", "-version", "--version"] {
        assert!(
            matches!(request(&[flag], &[]), Ok(Request::Version)),
            "{flag}"
        );
    }
}

#[test]
fn wrong_command_lines_are_refused_as_usage_errors() {
    let cases: [Args<'_>; 6] = [
        &["stray"],
        &["-o", "true", "-n", "x"],
        &["--unknown"],
        &["-z"],
        &["-m", "much"],
        &["-b"],
    ];
    for args in cases {
        let error = request(args, &[]).unwrap_err();
        assert!(
            matches!(&error, ConfigError::Usage(usage) if usage.exit_code() == 2),
            "{args:?}: {error}"
        );
    }
    for help in ["-h", "-help", "--help"] {
        let error = request(&[help], &[]).unwrap_err();
        assert!(
            matches!(&error, ConfigError::Usage(usage) if usage.exit_code() == 0),
            "{help}: {error}"
        );
    }
}

#[test]
fn an_unknown_log_level_flag_leaves_the_files_level() {
    let (_folder, path) = file("Version: 2\nLogging: {LogLevel: warn}\n");
    let Ok(Request::Run(config, warnings)) = request(&["-l", "INFO", "-c", &path], &[]) else {
        panic!("refused");
    };
    assert_eq!(config.log_level, LogLevel::Warn);
    assert_eq!(warnings, ["--log-level INFO is unknown and ignored"]);
}

#[test]
fn values_out_of_range_are_refused_with_key_and_value() {
    let (_folder, negative) = file("Version: 2\nConcurrency: -1\n");
    let cases: [(Args<'_>, Variables<'_>, &str); 5] = [
        (
            &["-m", "2"],
            &[],
            "TotalBufferSizeMB: 2 is not allowed; 3 MB or more, or 0 for 1 % of the physical memory",
        ),
        (
            &["-c", &negative],
            &[],
            "Concurrency: -1 is not allowed; 0 to 1000, 0 for the default of 8",
        ),
        (
            &[],
            &[("RADIOGRAPH_CONCURRENCY", "1001")],
            "Concurrency: 1001 is not allowed; 0 to 1000, 0 for the default of 8",
        ),
        (
            &[],
            &[("RADIOGRAPH_BUFFER_MEMORY", "x")],
            "RADIOGRAPH_BUFFER_MEMORY: x is not allowed; write a whole number",
        ),
        (
            &[],
            &[("RADIOGRAPH_LOG_LEVEL", "loud")],
            "RADIOGRAPH_LOG_LEVEL: loud is not allowed; write dev, debug, info, warn, error or prod",
        ),
    ];
    for (args, variables, message) in cases {
        assert_eq!(request(args, variables).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_bad_or_missing_file_is_refused_by_name() {
    let missing = request(&["-c", "/nowhere/cfg.yaml"], &[]).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "configuration file /nowhere/cfg.yaml: cannot be read"
    );
    let (_folder, path) = file("Regin: x\n");
    let wrong = request(&["-c", &path], &[]).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        format!("configuration file {path}: Regin: unknown key; the nearest known one is Region")
    );
}
