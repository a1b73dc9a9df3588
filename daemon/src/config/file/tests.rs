//! The file's keys, their types, and what is said about wrong ones.

use proptest::prelude::*;

use super::*;
use crate::config::fuzz_file;

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

fn parsed(text: &str) -> Result<Layer, String> {
    parse(text, Path::new("cfg.yaml"))
}

fn refused(text: &str) -> String {
    parsed(text).unwrap_err()
}

#[test]
fn the_default_file_of_aws_is_read_without_a_warning() {
    let mut expected = Layer::default();
    for (key, text) in [
        (Key::Bind, "127.0.0.1:2000"),
        (Key::BindTcp, "127.0.0.1:2000"),
        (Key::Concurrency, "8"),
        (Key::LogRotation, "true"),
        (Key::LogLevel, "prod"),
        (Key::LocalMode, "false"),
        (Key::NoVerifySsl, "false"),
    ] {
        expected.say(key, text, Source::File(Path::new("cfg.yaml").into()));
    }
    assert_eq!(parsed(AWS_FILE), Ok(expected));
}

#[test]
fn an_unknown_log_level_means_the_most_detailed_one() {
    let layer = parsed("Version: 2\nLogging: {LogLevel: INFO}\n").unwrap();
    assert_eq!(layer.get(Key::LogLevel).unwrap().text, "dev");
    assert_eq!(
        layer.warnings,
        ["Logging.LogLevel: INFO is unknown and means dev"]
    );
}

#[test]
fn empty_sections_and_nulls_count_as_absent() {
    let layer = parsed(
        "Version: 1\nSocket:\nEndpoint: ~\nTotalBufferSizeMB: 0\nRadiograph:\n  Spool:\n  \
         Destinations:\n",
    );
    assert_eq!(layer, Ok(Layer::default()));
}

#[test]
fn every_key_refuses_values_of_another_type() {
    for key in Key::ALL {
        let known = key.known();
        let (wanted, wrong): (&str, &[&str]) = match known.kind {
            Kind::Integer => (
                "a whole number",
                &["\"5\"", "5.5", "true", "[5]", "99999999999999999999"],
            ),

            Kind::Text | Kind::Switch => ("text", &["5", "true", "[\"x\"]"]),
            Kind::Boolean => ("true or false", &["\"true\"", "1", "[true]"]),
            Kind::Size => (
                "a whole number or text with a unit, 4GiB",
                &["-1", "1.5", "true", "[5]"],
            ),
            Kind::Time => (
                "a whole number of seconds or text with a unit, 3d",
                &["-1", "1.5", "true", "[5]"],
            ),
        };
        let parts: Vec<&str> = known.name.split('.').collect();
        for value in wrong {
            let mut text = format!("{{{}: {value}}}", parts.last().unwrap());
            for section in parts.iter().rev().skip(1) {
                text = format!("{{{section}: {text}}}");
            }
            let error = refused(&text);
            let is_told = error.starts_with(&format!("{}: ", known.name))
                && error.ends_with(&format!(" is not {wanted}"));
            assert!(is_told, "{text}: {error}");
        }
    }
}

#[test]
fn a_password_is_not_repeated_in_an_error() {
    for text in [
        "ProxyAddress: [\"http://user:secret@p\"]",
        "Version: 2\nProxyAddress: \"http://user:secret@p",
    ] {
        let error = refused(text);
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn wrong_versions_are_refused() {
    for (name, text, error) in [
        ("none", "Region: x", "Version is missing; write Version: 2"),
        ("empty", "", "Version is missing; write Version: 2"),
        ("3", "Version: 3", "Version: 3 is not allowed; write 1 or 2"),
        ("0", "Version: 0", "Version: 0 is not allowed; write 1 or 2"),
        (
            "text",
            "Version: \"2\"",
            "Version: \"2\" is not a whole number",
        ),
        (
            "decimal",
            "Version: 2.0",
            "Version: 2.0 is not a whole number",
        ),
    ] {
        assert_eq!(refused(text), error, "{name}");
    }
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    let cases = [
        (
            "slip",
            "Socket: {UDPAdress: x}",
            "Socket.UDPAdress",
            "Socket.UDPAddress",
        ),
        ("case", "version: 2", "version", "Version"),
        ("section", "Sockets: {UDPAddress: x}", "Sockets", "Socket"),
        (
            "ours",
            "Radiograph: {Admin: x}",
            "Radiograph.Admin",
            "Radiograph.AdminAddress",
        ),
        (
            "ours, two deep",
            "Radiograph: {Spool: {MaxByte: 5}}",
            "Radiograph.Spool.MaxByte",
            "Radiograph.Spool.MaxBytes",
        ),
        (
            "list",
            "Radiograph: {Destination: []}",
            "Radiograph.Destination",
            "Radiograph.Destinations",
        ),
    ];
    for (name, text, key, nearest) in cases {
        let error = format!("{key}: unknown key; the nearest known one is {nearest}");
        assert_eq!(refused(text), error, "{name}");
    }
}

#[test]
fn keys_that_aws_removed_are_refused_with_what_to_write_instead() {
    for (removed, instead) in REMOVED {
        let text = match removed.split_once('.') {
            Some((section, key)) => format!("Version: 2\n{section}:\n  {key}: 3\n"),
            None => format!("Version: 2\n{removed}: 3\n"),
        };
        let error = format!("{removed}: this key no longer exists; write {instead} instead");
        assert_eq!(refused(&text), error);
    }
}

#[test]
fn a_section_without_its_keys_is_refused() {
    for (text, name) in [
        ("Logging: loud", "Logging"),
        ("Radiograph: [x]", "Radiograph"),
        ("Radiograph: {Spool: true}", "Radiograph.Spool"),
    ] {
        let error = format!("{name}: this is a section; write its keys below it, indented");
        assert_eq!(refused(text), error);
    }
}

#[test]
fn broken_yaml_is_refused_with_the_line() {
    for (text, line) in [
        ("Version: 2\nSocket: [", "line 2"),
        ("Version: 2\nVersion: 1", "line 2"),
        ("Version: 2\n\tx: 1", "line 1"),
        ("Version: 2\nRegion: \"x", "line 2"),
        ("- a\n- b", "line 1"),
        ("Version: 2\nRegion: *nobody", "line 2"),
    ] {
        let error = refused(text);
        assert!(error.contains(line), "{text:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{text:?}: {error}");
    }
}

#[test]
fn a_text_of_many_levels_or_aliases_ends_in_an_error() {
    let deep = "[".repeat(100_000);
    let bomb = (0..30).fold("a0: &a0 [x]\n".to_owned(), |text, index| {
        text + &format!("a{0}: &a{0} [*a{index}, *a{index}]\n", index + 1)
    });
    for text in [deep, bomb] {
        assert_ne!(refused(&text), "");
    }
}

proptest! {
    /// Pieces of real files, put together anyhow.
    #[test]
    fn property_any_text_is_read_to_an_end(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    "Version: 2\n", "Radiograph:\n", "  Destinations:\n", "    - Name: a\n",
                    "      Endpoint: http://a\n", "  Spool: {MaxBytes: 4GiB}\n", "Concurrency: 7\n",
                    "Socket: {UDPAddress: \":1\"}\n", "Logging:\n", "  LogLevel: x\n", ": ", "[", "}",
                ]).prop_map(str::to_owned),
                ".{0,8}",
            ],
            0..12,
        )
    ) {
        fuzz_file(&pieces.concat());
    }
}
