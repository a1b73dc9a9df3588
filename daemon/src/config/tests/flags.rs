//! The command line beside what the table of all settings says.

use super::*;

#[test]
fn the_last_of_a_flag_given_twice_holds() {
    // Arguments to `docker run` stand behind those of the image's entry point.
    let args = [
        "-t",
        "0.0.0.0:2000",
        "-b",
        "0.0.0.0:2000",
        "-b",
        "0.0.0.0:3000",
        "-o",
        "-o=false",
    ];
    let expected = Config {
        bind: "0.0.0.0:3000".to_owned(),
        bind_is_explicit: true,
        bind_tcp: "0.0.0.0:2000".to_owned(),
        bind_tcp_is_explicit: true,
        ..defaults()
    };
    assert_eq!(config(&args, &[]), expected);
}

#[test]
fn the_documented_command_line_of_the_image_works() {
    let args = ["-o", "-n", "us-east-1", "--log-level", "debug"];
    let mut expected = Config {
        local_mode: true,
        ..defaults()
    };
    first(&mut expected).region = Some("us-east-1".to_owned());
    expected.log.level = LogLevel::Debug;
    assert_eq!(config(&args, &[]), expected);
}

#[test]
fn empty_values_leave_the_setting_to_the_next_source() {
    let file = TempFile::new("Version: 2\nRegion: eu-west-1\n");
    let args = [
        "-n", "", "-p=", "-b", "", "-f", "", "-l", "", "-c", &file.path,
    ];
    let mut expected = defaults();
    first(&mut expected).region = Some("eu-west-1".to_owned());
    assert_eq!(config(&args, &[]), expected);
    assert_eq!(config(&["-c", ""], &[]), defaults());
}

#[test]
fn zero_and_negative_sizes_mean_the_default_whatever_the_file_says() {
    let file = TempFile::new("Version: 2\nTotalBufferSizeMB: 64\n");
    for megabytes in ["0", "-1"] {
        let found = config(&["-m", megabytes, "-c", &file.path], &[]);
        assert_eq!(found, defaults(), "{megabytes}");
    }
}

#[test]
fn switches_take_the_booleans_of_go() {
    for (args, is_spooling) in [
        (&["--no-spool"], false),
        (&["-no-spool"], false),
        (&["--no-spool=1"], false),
        (&["--no-spool=F"], true),
    ] {
        let found = config(args, &[]);
        assert_eq!(found.spool.is_some(), is_spooling, "{args:?}");
    }
    for (flag, expected) in [("-o=T", true), ("--local-mode=0", false)] {
        assert_eq!(config(&[flag], &[]).local_mode, expected, "{flag}");
    }
}

#[test]
fn the_admin_address_can_be_switched_off() {
    for value in ["off", "[::1]:9"] {
        let found = config(&["--admin", value], &[]);
        assert_eq!(
            found.admin.as_deref(),
            Some(value).filter(|value| *value != "off")
        );
        assert!(found.admin_is_explicit, "{value}");
    }
}

#[test]
fn the_version_is_asked_for_in_four_ways_whatever_else_is_wrong() {
    for flag in ["-v", "--v", "-version", "--version"] {
        let found = request(&[flag, "-c", "/nowhere"], &environment(&[]));
        assert!(matches!(found, Ok(Request::Version)), "{flag}: {found:?}");
    }
}

#[test]
fn a_health_check_asks_the_configured_admin_address() {
    for (args, address) in [
        (&["--healthcheck"] as Args<'_>, "127.0.0.1:2001"),
        (&["-healthcheck", "--admin", "h:1"], "h:1"),
    ] {
        match request(args, &environment(&[])) {
            Ok(Request::HealthCheck(found)) => assert_eq!(found, address),
            other => panic!("{args:?}: {other:?}"),
        }
    }
    let off = request(&["--healthcheck", "--admin=off"], &environment(&[])).unwrap_err();
    assert_eq!(
        off.to_string(),
        "--healthcheck: the admin address is off; give it an address"
    );
}

#[test]
fn wrong_command_lines_are_refused_as_usage_errors() {
    let cases: [Args<'_>; 16] = [
        &["stray"],
        &["-o", "true", "-n", "x"],
        &["--unknown"],
        &["-z"],
        &["-m", "much"],
        &["-m", "1.5"],
        &["-b"],
        &["--endpoint"],
        &["-o=maybe"],
        &["--no-spool=maybe"],
        &["--proxy-all=2"],
        &["--spool-bytes", "4G"],
        &["--spool-age", "3w"],
        &["--grace", "-1"],
        &["--sampling", "some"],
        &["--check-config=x"],
    ];
    for args in cases {
        let error = request(args, &environment(&[])).unwrap_err();
        assert!(
            matches!(&error, ConfigError::Usage(usage) if usage.exit_code() == 2),
            "{args:?}: {error}"
        );
    }
    for help in ["-h", "--h", "-help", "--help"] {
        let error = request(&[help], &environment(&[])).unwrap_err();
        assert!(
            matches!(&error, ConfigError::Usage(usage) if usage.exit_code() == 0),
            "{help}: {error}"
        );
    }
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_refused_as_a_usage_error() {
    use std::os::unix::ffi::OsStringExt;

    for args in [["-n", "x"], ["x", "x"]] {
        let mut args: Vec<OsString> = args.iter().map(OsString::from).collect();
        args.insert(0, OsString::from("radiograph-daemon"));
        args.pop();
        args.push(OsString::from_vec(vec![0xff]));
        let error = load_in(args.into_iter(), &environment(&[])).unwrap_err();
        assert!(
            matches!(&error, ConfigError::Usage(usage) if usage.exit_code() == 2),
            "{error}"
        );
    }
}

#[test]
fn an_unknown_log_level_flag_leaves_the_files_level() {
    let file = TempFile::new("Version: 2\nLogging: {LogLevel: warn}\n");
    let (config, warnings) = run(&["-l", "INFO", "-c", &file.path], &[]).unwrap();
    assert_eq!(config.log.level, LogLevel::Warn);
    assert_eq!(warnings, ["--log-level INFO is unknown and ignored"]);
}

#[test]
fn every_word_for_a_log_level_is_known() {
    for (word, level) in [
        ("dev", LogLevel::Trace),
        ("debug", LogLevel::Debug),
        ("info", LogLevel::Info),
        ("prod", LogLevel::Info),
        ("warn", LogLevel::Warn),
        ("error", LogLevel::Error),
    ] {
        assert_eq!(config(&["-l", word], &[]).log.level, level, "{word}");
    }
}

#[test]
fn values_out_of_range_are_refused_with_flag_and_value() {
    let cases: [(Args<'_>, &str); 14] = [
        (
            &["-m", "1"],
            "-m: 1 is not allowed; 3 MB or more, or 0 for 1 % of the memory",
        ),
        (
            &["-m", "2"],
            "-m: 2 is not allowed; 3 MB or more, or 0 for 1 % of the memory",
        ),
        (
            &["-b", "2000"],
            "-b: 2000 is not allowed; missing port in address; write host:port",
        ),
        (
            &["-t", "::1:2000"],
            "-t: ::1:2000 is not allowed; write an IPv6 address in brackets, [::1]:2000",
        ),
        (
            &["--admin", "h:x"],
            "--admin: h:x is not allowed; write host:port, the port as a number up to 65535",
        ),
        (
            &["-p", "user:secret@p"],
            "-p: ***@p is not allowed; write http://host:port or https://host:port",
        ),
        (
            &["--endpoint", "c:9"],
            "--endpoint: c:9 is not allowed; write http://host:port or https://host:port, without \
             user name and password",
        ),
        (
            &["--endpoint", "http://user:secret@c:9"],
            "--endpoint: http://***@c:9 is not allowed; write http://host:port or \
             https://host:port, without user name and password",
        ),
        (
            &["-n", "evil.example/"],
            "-n: evil.example/ is not allowed; letters, digits and - are allowed, 64 at most",
        ),
        (
            &["--spool-bytes", "0"],
            "--spool-bytes: 0 is not allowed; 1MiB or more; Radiograph.Spool.Enabled: false \
             switches the spool off",
        ),
        (
            &["--spool-age", "0s"],
            "--spool-age: 0s is not allowed; 1s to 3650d; Radiograph.Spool.Enabled: false switches \
             the spool off",
        ),
        (
            &["--client-cert", "/c.pem"],
            "--client-cert: /c.pem is not allowed; ClientKey must name the key to it",
        ),
        (
            &["--client-key", "/k.pem"],
            "--client-key: /k.pem is not allowed; ClientCert must name the certificate to it",
        ),
        (
            &["--grace", "2h"],
            "--grace: 2h is not allowed; 0 to 3600 seconds",
        ),
    ];
    for (args, message) in cases {
        assert_eq!(error(args, &[]), message);
    }
}

#[test]
fn the_cgroup_bounds_the_buffer_with_a_warning() {
    let environment = Environment {
        memory: Memory {
            physical: Some(16 * GIB),
            cgroup: Some(GIB / 4),
        },
        ..environment(&[])
    };
    let Ok(Request::Run(config, warnings)) = request(&["-m", "100"], &environment) else {
        panic!("refused");
    };
    assert_eq!(config.buffer_bytes, 64 << 20);
    assert_eq!(
        warnings,
        [
            "buffer memory of 100 MB is cut to 67108864 bytes, a quarter of the cgroup's limit of \
          268435456 bytes"
        ]
    );
}
