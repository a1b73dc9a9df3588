//! Which file is read, and how a bad one is told.

use super::*;

fn with_defaults(args: Args<'_>, files: &[&str]) -> Result<Request, ConfigError> {
    let environment = Environment {
        default_files: files.iter().map(PathBuf::from).collect(),
        ..environment(&[])
    };
    request(args, &environment)
}

#[test]
fn of_the_default_files_the_first_that_exists_is_read_and_a_named_one_replaces_them() {
    let one = TempFile::new("Version: 2\nRegion: one\n");
    let two = TempFile::new("Version: 2\nRegion: two\nEndpoint: http://two:1\n");
    let broken = TempFile::new("broken");
    let cases: [(Args<'_>, &[&str], Option<&str>); 4] = [
        (&[], &["/nowhere/cfg.yaml", &two.path], Some("two")),
        (&[], &[&one.path, &two.path], Some("one")),
        (&[], &["/dev/null/cfg.yaml", "/nowhere"], None),
        (&["-c", &two.path], &[&broken.path], Some("two")),
    ];
    for (args, files, region) in cases {
        let Ok(Request::Run(config, _)) = with_defaults(args, files) else {
            panic!("{args:?} {files:?}: refused");
        };
        assert_eq!(
            config.destinations[0].region.as_deref(),
            region,
            "{files:?}"
        );
    }
}

#[test]
fn a_bad_or_missing_file_is_refused_by_name() {
    let missing = with_defaults(&["-c", "/nowhere/cfg.yaml"], &[]).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "configuration file /nowhere/cfg.yaml: cannot be read"
    );
    let wrong = TempFile::new("Regin: x\n");
    let path = &wrong.path;
    for found in [
        with_defaults(&["-c", path], &[]),
        with_defaults(&[], &[path]),
    ] {
        assert_eq!(
            found.unwrap_err().to_string(),
            format!(
                "configuration file {path}: Regin: unknown key; the nearest known one is Region"
            )
        );
    }
}

#[test]
fn files_that_are_no_text_or_have_no_end_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap().to_owned();
    let error = with_defaults(&["-c", &folder], &[]).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    let error = with_defaults(&[], &[&folder]).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    let endless = TempFile::new(&"#".repeat((1 << 20) + 1));
    let error = with_defaults(&["-c", &endless.path], &[]).unwrap_err();
    assert!(
        error.to_string().ends_with(": longer than 1048576 bytes"),
        "{error}"
    );
}

#[test]
fn values_out_of_range_are_refused_with_file_key_and_value() {
    let cases = [
        (
            "TotalBufferSizeMB: 2",
            "TotalBufferSizeMB: 2 is not allowed; 3 MB or more, or 0 for 1 % of the memory",
        ),
        (
            "Concurrency: -1",
            "Concurrency: -1 is not allowed; 0 to 1000, 0 for the default of 8",
        ),
        (
            "Socket: {UDPAddress: \"2000\"}",
            "Socket.UDPAddress: 2000 is not allowed; missing port in address; write host:port",
        ),
        (
            "ProxyAddress: \"//user:secret@p\"",
            "ProxyAddress: ***@p is not allowed; write http://host:port or https://host:port",
        ),
        (
            "Radiograph: {Sampling: some}",
            "Radiograph.Sampling: some is not allowed; write auto, off or strict",
        ),
        (
            "Radiograph: {Grace: 3601}",
            "Radiograph.Grace: 3601 is not allowed; 0 to 3600 seconds",
        ),
        (
            "Radiograph: {Spool: {MaxAge: 3w}}",
            "Radiograph.Spool.MaxAge: 3w is not allowed; write seconds, or a whole number with s, m, \
             h or d",
        ),
    ];
    for (text, message) in cases {
        let file = TempFile::new(&format!("Version: 2\n{text}\n"));
        let expected = format!("configuration file {}: {message}", file.path);
        assert_eq!(error(&["-c", &file.path], &[]), expected);
    }
}

#[test]
fn words_that_some_readers_take_for_booleans_and_numbers_with_units_left_out_are_read() {
    let file = TempFile::new(
        "Version: 2\nRadiograph:\n  AdminAddress: false\n  Sampling: false\n  Grace: 0\n  \
         Spool: {MaxBytes: 1048576, MaxAge: 60}\n",
    );
    let expected = Config {
        admin: None,
        admin_is_explicit: true,
        sampling: SamplingMode::Off,
        grace: Duration::ZERO,
        spool: Some(SpoolConfig {
            bytes_max: 1 << 20,
            age_max: Duration::from_secs(60),
            ..defaults().spool.unwrap()
        }),
        ..defaults()
    };
    assert_eq!(config(&["-c", &file.path], &[]), expected);
}

#[test]
fn any_text_is_read_to_an_end() {
    for text in [
        "",
        "Version: 2",
        "Version: 2\nRadiograph: {Destinations: [{}]}",
        "\0",
        "&a [*a]",
    ] {
        fuzz_file(text);
    }
}

#[test]
fn a_reload_reads_the_named_file_again() {
    let file = TempFile::new("Version: 2\nRadiograph: {Grace: 1}\n");
    let args = || {
        ["radiograph-daemon", "-c", &file.path]
            .into_iter()
            .map(OsString::from)
    };
    let (old, _) = reload(args()).unwrap();
    std::fs::write(&file.path, "Version: 2\nRadiograph: {Grace: 2}\n").unwrap();
    let (new, _) = reload(args()).unwrap();
    assert_eq!((old.grace.as_secs(), new.grace.as_secs()), (1, 2));
    std::fs::write(&file.path, "broken").unwrap();
    assert!(matches!(reload(args()), Err(ConfigError::File { .. })));
}
