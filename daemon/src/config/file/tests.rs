//! The file's keys, their types, and what is said about wrong ones.

use super::*;

/// AWS's own default file, comments left out (daemon 3.6.6).
const AWS_FILE: &str = r#"
TotalBufferSizeMB: 0
Concurrency: 8
Region: ""
Endpoint: ""
Socket:
  UDPAddress: "127.0.0.1:2000"
  TCPAddress: "127.0.0.1:2000"
Logging:
  LogRotation: true
  LogLevel: "prod"
  LogPath: ""
LocalMode: false
ResourceARN: ""
RoleARN: ""
NoVerifySSL: false
ProxyAddress: ""
Version: 2
"#;

#[test]
fn the_default_file_of_aws_is_read_without_a_warning() {
    let layer = parse(AWS_FILE).unwrap();
    let expected = Layer {
        bind: Some("127.0.0.1:2000".to_owned()),
        bind_tcp: Some("127.0.0.1:2000".to_owned()),
        concurrency: Some(8),
        log_level: Some(LogLevel::Info),
        ..Layer::default()
    };
    assert_eq!(layer, expected);
}

#[test]
fn settings_without_effect_are_accepted_with_a_warning_each() {
    let layer = parse(
        "Version: 1\nRegion: eu-west-1\nResourceARN: a\nRoleARN: b\nProxyAddress: c\n\
         LocalMode: true\nNoVerifySSL: true\nLogging:\n  LogRotation: false\n  LogPath: /x\n",
    )
    .unwrap();
    assert_eq!(layer.region.as_deref(), Some("eu-west-1"));
    let mut keys: Vec<&str> = layer
        .warnings
        .iter()
        .map(|warning| warning.split(' ').next().unwrap())
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "LocalMode",
            "Logging.LogPath",
            "Logging.LogRotation",
            "NoVerifySSL",
            "ProxyAddress",
            "Region",
            "ResourceARN",
            "RoleARN"
        ]
    );
}

#[test]
fn an_unknown_log_level_means_the_most_detailed_one() {
    let layer = parse("Version: 2\nLogging: {LogLevel: INFO}\n").unwrap();
    assert_eq!(layer.log_level, Some(LogLevel::Trace));
    assert_eq!(
        layer.warnings,
        ["Logging.LogLevel: INFO is unknown and means dev"]
    );
}

#[test]
fn empty_sections_and_nulls_count_as_absent() {
    let layer = parse("Version: 2\nSocket:\nEndpoint: ~\nTotalBufferSizeMB: 0\n").unwrap();
    assert_eq!(layer, Layer::default());
}

#[test]
fn wrong_files_are_refused_with_the_key_at_fault() {
    let cases = [
        (
            "no version",
            "Region: x",
            "Version is missing; write Version: 2",
        ),
        ("empty", "", "Version is missing; write Version: 2"),
        (
            "version 3",
            "Version: 3",
            "Version: 3 is not allowed; write 1 or 2",
        ),
        (
            "version text",
            "Version: \"2\"",
            "Version: \"2\" is not a whole number",
        ),
        (
            "version decimal",
            "Version: 2.0",
            "Version: 2.0 is not a whole number",
        ),
        (
            "number as text",
            "Version: 2\nConcurrency: many",
            "Concurrency: \"many\" is not a whole number",
        ),
        (
            "text as number",
            "Version: 2\nRegion: 5",
            "Region: 5 is not text",
        ),
        (
            "boolean as text",
            "Version: 2\nLocalMode: \"true\"",
            "LocalMode: \"true\" is not true or false",
        ),
        (
            "list",
            "Version: 2\nEndpoint: [a]",
            "Endpoint: [\"a\"] is not text",
        ),
    ];
    for (name, text, error) in cases {
        assert_eq!(parse(text).unwrap_err(), error, "{name}");
    }
}

#[test]
fn unknown_and_removed_keys_are_refused_with_what_to_write_instead() {
    let cases = [
        (
            "slip",
            "Version: 2\nSocket: {UDPAdress: x}",
            "Socket.UDPAdress: unknown key; the nearest known one is Socket.UDPAddress",
        ),
        (
            "case",
            "version: 2",
            "version: unknown key; the nearest known one is Version",
        ),
        (
            "removed",
            "Version: 2\nProcessor: {Routine: 3}",
            "Processor.Routine: this key no longer exists; write Concurrency instead",
        ),
        (
            "removed, top level",
            "Version: 2\nMemoryLimit: 3",
            "MemoryLimit: this key no longer exists; write TotalBufferSizeMB instead",
        ),
        (
            "section without its keys",
            "Version: 2\nLogging: loud",
            "Logging: this is a section; write its keys below it, indented",
        ),
    ];
    for (name, text, error) in cases {
        assert_eq!(parse(text).unwrap_err(), error, "{name}");
    }
}

#[test]
fn broken_yaml_is_refused_with_the_line() {
    for text in [
        "Version: 2\nSocket: [",
        "Version: 2\nVersion: 1",
        "- a\n- b",
        "Version: 2\n\tx: 1",
    ] {
        let error = parse(text).unwrap_err();
        assert!(
            error.contains("line") || error.contains("map"),
            "{text:?}: {error}"
        );
    }
}

#[test]
fn distances_count_edits() {
    for (one, other, edits) in [
        ("", "abc", 3),
        ("kitten", "sitting", 3),
        ("Region", "region", 0),
    ] {
        assert_eq!(distance(one, other), edits, "{one} {other}");
    }
}
