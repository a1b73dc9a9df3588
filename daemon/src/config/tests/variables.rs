//! The environment beside what the table of all settings says.

use super::*;

fn endpoint(args: Args<'_>, variables: Pairs<'_>) -> Option<String> {
    config(args, variables).destinations.remove(0).endpoint
}

#[test]
fn variables_of_aws_rank_below_the_file_and_their_special_ones_before_the_general() {
    let file = TempFile::new(
        "Version: 2\nEndpoint: http://file:1\nRegion: file\nProxyAddress: http://file:1\n\
         Radiograph: {CAFile: /file}\n",
    );
    let all = [
        ("AWS_ENDPOINT_URL", "http://aws:1"),
        ("AWS_ENDPOINT_URL_XRAY", "http://xray:1"),
        ("AWS_REGION", "aws"),
        ("HTTPS_PROXY", "http://aws:1"),
        ("https_proxy", "http://lower:1"),
        ("SSL_CERT_FILE", "/system"),
        ("AWS_CA_BUNDLE", "/aws"),
    ];
    let special = Destination {
        endpoint: Some("http://xray:1".to_owned()),
        region: Some("aws".to_owned()),
        proxy_address: Some("http://aws:1".to_owned()),
        ca_file: Some("/aws".into()),
        ..Destination::default()
    };
    assert_eq!(config(&[], &all).destinations, [special]);
    let general = [all[0], all[5]];
    let of_general = Destination {
        endpoint: Some("http://aws:1".to_owned()),
        ca_file: Some("/system".into()),
        ..Destination::default()
    };
    assert_eq!(config(&[], &general).destinations, [of_general]);
    let of_file = Destination {
        endpoint: Some("http://file:1".to_owned()),
        region: Some("file".to_owned()),
        proxy_address: Some("http://file:1".to_owned()),
        ca_file: Some("/file".into()),
        ..Destination::default()
    };
    assert_eq!(config(&["-c", &file.path], &all).destinations, [of_file]);
}

#[test]
fn neither_the_default_region_nor_a_lower_case_proxy_counts() {
    let variables = [
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("https_proxy", "http://p:1"),
        ("HTTP_PROXY", "http://p:1"),
    ];
    assert_eq!(
        config(&[], &variables).destinations,
        [Destination::default()]
    );
}

#[test]
fn empty_variables_count_as_unset() {
    let variables = [
        ("RADIOGRAPH_ENDPOINT", ""),
        ("RADIOGRAPH_GRACE", ""),
        ("RADIOGRAPH_CONFIG", ""),
        ("AWS_ENDPOINT_URL_XRAY", ""),
        ("AWS_ENDPOINT_URL", "http://aws:1"),
    ];
    assert_eq!(endpoint(&[], &variables).as_deref(), Some("http://aws:1"));
}

#[test]
fn the_file_can_be_named_by_a_variable_and_a_flag_names_another() {
    let by_variable = TempFile::new("Version: 2\nEndpoint: http://variable:1\n");
    let by_flag = TempFile::new("Version: 2\nEndpoint: http://flag:1\n");
    let variables = [("RADIOGRAPH_CONFIG", by_variable.path.as_str())];
    assert_eq!(
        endpoint(&[], &variables).as_deref(),
        Some("http://variable:1")
    );
    let found = endpoint(&["-c", &by_flag.path], &variables);
    assert_eq!(found.as_deref(), Some("http://flag:1"));
}

/// Name, value, what is said to be allowed.
const WRONG: [(&str, &str, &str); 19] = [
    (
        "RADIOGRAPH_BIND",
        "2000",
        "missing port in address; write host:port",
    ),
    ("RADIOGRAPH_BUFFER_MEMORY", "x", "write a whole number"),
    (
        "RADIOGRAPH_BUFFER_MEMORY",
        "2",
        "3 MB or more, or 0 for 1 % of the memory",
    ),
    (
        "RADIOGRAPH_CONCURRENCY",
        "1001",
        "0 to 1000, 0 for the default of 8",
    ),
    (
        "RADIOGRAPH_CONCURRENCY",
        "-1",
        "0 to 1000, 0 for the default of 8",
    ),
    (
        "RADIOGRAPH_LOG_LEVEL",
        "loud",
        "write dev, debug, info, warn, error or prod",
    ),
    ("RADIOGRAPH_LOG_ROTATION", "yes", "write true or false"),
    ("RADIOGRAPH_LOCAL_MODE", "on", "write true or false"),
    ("RADIOGRAPH_NO_VERIFY_SSL", "no", "write true or false"),
    ("RADIOGRAPH_SPOOL", "off", "write true or false"),
    ("RADIOGRAPH_PROXY_ALL", "2", "write true or false"),
    ("RADIOGRAPH_TELEMETRY", "x", "write true or false"),
    ("RADIOGRAPH_SAMPLING", "some", "write auto, off or strict"),
    (
        "RADIOGRAPH_GRACE",
        "5x",
        "write seconds, or a whole number with s, m, h or d",
    ),
    (
        "RADIOGRAPH_SPOOL_AGE",
        "long",
        "write seconds, or a whole number with s, m, h or d",
    ),
    (
        "RADIOGRAPH_SPOOL_BYTES",
        "much",
        "write bytes, or a whole number with KB, MB, GB, TB, KiB, MiB, GiB or TiB",
    ),
    (
        "HTTPS_PROXY",
        "p:1",
        "write http://host:port or https://host:port",
    ),
    (
        "AWS_ENDPOINT_URL",
        "ftp://x",
        "write http://host:port or https://host:port, without user name and password",
    ),
    (
        "AWS_REGION",
        "a/b",
        "letters, digits and - are allowed, 64 at most",
    ),
];

#[test]
fn wrong_variables_are_refused_by_name() {
    for (name, value, allowed) in WRONG {
        assert_eq!(
            error(&[], &[(name, value)]),
            format!("{name}: {value} is not allowed; {allowed}")
        );
    }
}

#[test]
fn a_slip_in_a_variables_name_is_warned_of_and_names_of_the_collector_are_not() {
    let (_, warnings) = run(
        &[],
        &[
            ("RADIOGRAPH_REGON", "x"),
            ("RADIOGRAPH_LISTEN", "h:1"),
            ("RADIOGRAPH_ACCOUNT_ID", "1"),
            ("RADIOGRAPH_SOMETHING_ELSE", "x"),
        ],
    )
    .unwrap();
    assert_eq!(
        warnings,
        ["RADIOGRAPH_REGON is unknown and ignored; the nearest known one is RADIOGRAPH_REGION"]
    );
}

#[test]
fn what_the_credential_chain_and_the_proxy_follow_is_handed_on() {
    let variables = [
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_EMPTY", ""),
        ("ECS_CONTAINER_METADATA_FILE", "/m"),
        ("HTTPS_PROXY", "http://p:1"),
        ("NO_PROXY", "a"),
        ("no_proxy", "b"),
        ("HOME", "/home/x"),
        ("SSL_CERT_FILE", "/ca"),
        ("XDG_DATA_HOME", "/d"),
        ("PATH", "/bin"),
        ("RADIOGRAPH_REGION", "x"),
    ];
    let found = config(&[], &variables).variables;
    let names: Vec<&str> = found.iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "AWS_SECRET_ACCESS_KEY",
            "ECS_CONTAINER_METADATA_FILE",
            "HOME",
            "HTTPS_PROXY",
            "NO_PROXY",
            "SSL_CERT_FILE",
            "XDG_DATA_HOME",
            "no_proxy",
        ]
    );
    assert_eq!(found.get("AWS_SECRET_ACCESS_KEY"), Some("secret"));
    assert_eq!(found.get("AWS_EMPTY"), None);
}

#[test]
fn data_lies_where_the_service_or_its_user_has_a_place() {
    let cases: [(&str, Pairs<'_>, Option<&str>, &str); 5] = [
        (
            "user",
            &[],
            Some("/home/x/data"),
            "/home/x/data/radiograph-data",
        ),
        ("no home", &[], None, "/var/lib/radiograph"),
        (
            "systemd",
            &[("STATE_DIRECTORY", "/var/lib/xray:/other")],
            Some("/home/x/data"),
            "/var/lib/xray",
        ),
        (
            "empty list",
            &[("STATE_DIRECTORY", ":")],
            None,
            "/var/lib/radiograph",
        ),
        ("configured", &[("RADIOGRAPH_DATA_DIR", "/d")], None, "/d"),
    ];
    for (name, variables, home, expected) in cases {
        let environment = Environment {
            data_home: home.map(PathBuf::from),
            ..environment(variables)
        };
        let Ok(Request::Run(config, _)) = request(&[], &environment) else {
            panic!("{name}: refused");
        };
        assert_eq!(
            config.spool.unwrap().data_dir,
            Path::new(expected),
            "{name}"
        );
    }
}
