//! The list of destinations: what is inherited, what overrules it, what is refused.

use super::*;

const TWO: &str = "Version: 2
Region: eu-west-1
RoleARN: arn:both
Concurrency: 4
ProxyAddress: http://both:1
Radiograph:
  CAFile: /both.pem
  Destinations:
    - Name: collector
      Endpoint: http://collector:2080
      RoleARN: \"\"
      Telemetry: false
    - Name: aws-east
      Region: us-east-1
      RoleARN: arn:east
      Profile: east
      Concurrency: 16
      ProxyAddress: http://east:1
      NoVerifySSL: true
      CAFile: /east.pem
      ClientCert: /c.pem
      ClientKey: /k.pem
";

fn two() -> [Destination; 2] {
    [
        Destination {
            name: "collector".to_owned(),
            endpoint: Some("http://collector:2080".to_owned()),
            region: Some("eu-west-1".to_owned()),
            role_arn: Some("arn:both".to_owned()),
            concurrency: NonZeroUsize::new(4).unwrap(),
            proxy_address: Some("http://both:1".to_owned()),
            ca_file: Some("/both.pem".into()),
            telemetry: false,
            ..Destination::default()
        },
        Destination {
            name: "aws-east".to_owned(),
            endpoint: None,
            region: Some("us-east-1".to_owned()),
            role_arn: Some("arn:east".to_owned()),
            profile: Some("east".to_owned()),
            concurrency: NonZeroUsize::new(16).unwrap(),
            proxy_address: Some("http://east:1".to_owned()),
            no_verify_ssl: true,
            ca_file: Some("/east.pem".into()),
            client_certificate: Some(ClientCertificate {
                certificate: "/c.pem".into(),
                key: "/k.pem".into(),
            }),
            telemetry: true,
        },
    ]
}

/// A list of so many destinations.
fn many(count: usize) -> String {
    let entries = (0..count).map(|index| format!("{{Name: d{index}}}"));
    let entries: Vec<String> = entries.collect();
    format!(
        "Version: 2\nRadiograph: {{Destinations: [{}]}}\n",
        entries.join(", ")
    )
}

#[test]
fn a_destination_takes_what_it_leaves_out_from_the_settings_beside_the_list() {
    let file = TempFile::new(TWO);
    assert_eq!(config(&["-c", &file.path], &[]).destinations, two());
}

#[test]
fn the_list_can_stand_in_a_variable_which_beats_the_files() {
    let file = TempFile::new(TWO);
    let list = "[{Name: a, Endpoint: http://a:1}, {Name: b, Endpoint: http://b:1, Region: b}]";
    let found = config(&["-c", &file.path], &[("RADIOGRAPH_DESTINATIONS", list)]);
    let found: Vec<_> = found
        .destinations
        .iter()
        .map(|each| {
            (
                each.name.as_str(),
                each.endpoint.as_deref(),
                each.region.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("a", Some("http://a:1"), Some("eu-west-1")),
            ("b", Some("http://b:1"), Some("b")),
        ]
    );
}

#[test]
fn a_flag_or_our_variable_overrules_the_entry_of_a_list_of_one() {
    let file = TempFile::new(
        "Version: 2\nRegion: beside\nRadiograph: {Destinations: [{Endpoint: http://e:1, Region: e}]}",
    );
    let cases: [(Args<'_>, Pairs<'_>, &str, &str); 4] = [
        (&[], &[("AWS_REGION", "aws")], "http://e:1", "e"),
        (&["-n", "flag"], &[], "http://e:1", "flag"),
        (&["--endpoint", "http://flag:1"], &[], "http://flag:1", "e"),
        (
            &[],
            &[("RADIOGRAPH_ENDPOINT", "http://v:1")],
            "http://v:1",
            "e",
        ),
    ];
    for (args, variables, endpoint, region) in cases {
        let args: Vec<&str> = [args, &["-c", &file.path]].concat();
        let expected = Destination {
            endpoint: Some(endpoint.to_owned()),
            region: Some(region.to_owned()),
            ..Destination::default()
        };
        assert_eq!(
            config(&args, variables).destinations,
            [expected],
            "{args:?}"
        );
    }
}

#[test]
fn in_a_list_of_several_a_flag_stands_for_what_entries_leave_out() {
    let file = TempFile::new(TWO);
    let found = config(&["-c", &file.path, "-n", "flag"], &[]).destinations;
    let regions: Vec<_> = found.iter().map(|each| each.region.as_deref()).collect();
    assert_eq!(regions, [Some("flag"), Some("us-east-1")]);
    let all = TempFile::new(
        "Version: 2\nRadiograph: {Destinations: [{Name: a, Region: a}, {Name: b, Region: b}]}\n",
    );
    let (found, warnings) = run(&["-c", &all.path, "-n", "flag"], &[]).unwrap();
    assert_eq!(found.destinations[0].region.as_deref(), Some("a"));
    assert_eq!(
        warnings,
        ["-n has no effect: each of the destinations has its own Region"]
    );
}

#[test]
fn an_endpoint_beside_or_over_the_list_is_refused() {
    let beside = TempFile::new(
        "Version: 2\nEndpoint: http://e:1\nRadiograph: {Destinations: [{Name: a}]}\n",
    );
    assert_eq!(
        error(&["-c", &beside.path], &[]),
        format!(
            "configuration file {}: Endpoint: cannot stand beside Radiograph.Destinations; move it \
             into the list as a destination's Endpoint",
            beside.path
        )
    );
    let two = TempFile::new(&many(2));
    assert_eq!(
        error(&["-c", &two.path, "--endpoint", "http://e:1"], &[]),
        "--endpoint: one endpoint cannot overrule the 2 of Radiograph.Destinations"
    );
    assert_eq!(
        error(&["-c", &two.path], &[("RADIOGRAPH_ENDPOINT", "http://e:1")]),
        "RADIOGRAPH_ENDPOINT: one endpoint cannot overrule the 2 of Radiograph.Destinations"
    );
    let variables = [
        ("RADIOGRAPH_ENDPOINT", "http://e:1"),
        ("RADIOGRAPH_DESTINATIONS", "[{}]"),
    ];
    assert_eq!(
        error(&[], &variables),
        "RADIOGRAPH_ENDPOINT: cannot stand beside Radiograph.Destinations; move it into the list as \
         a destination's Endpoint"
    );
}

#[test]
fn sixteen_destinations_are_taken_and_none_or_seventeen_refused() {
    let most = TempFile::new(&many(16));
    assert_eq!(config(&["-c", &most.path], &[]).destinations.len(), 16);
    for count in [0, 17] {
        let file = TempFile::new(&many(count));
        assert_eq!(
            error(&["-c", &file.path], &[]),
            format!(
                "configuration file {}: Radiograph.Destinations: a list of {count} is not allowed; \
                 1 to 16 destinations",
                file.path
            )
        );
    }
}

/// A list, and what is said about it.
const WRONG: [(&str, &str); 17] = [
    (
        "[{Name: a b}]",
        "[0].Name: a b is not allowed; letters, digits, - and _ are allowed, 64 at most",
    ),
    (
        "[{Name: ../x}]",
        "[0].Name: ../x is not allowed; letters, digits, - and _ are allowed, 64 at most",
    ),
    (
        "[{Name: a}, {}]",
        "[1].Name: none is not allowed; of several destinations each needs a name",
    ),
    (
        "[{Name: a}, {Name: A}]",
        "[1].Name: A beside a is not allowed; give each destination a name of its own, whatever the case",
    ),
    (
        "[{Name: a}, {Name: b, Concurrency: -1}]",
        "[1].Concurrency: -1 is not allowed; 0 to 1000, 0 for the default of 8",
    ),
    (
        "[{Endpoint: nowhere}]",
        "[0].Endpoint: nowhere is not allowed; write http://host:port or https://host:port, without user name and password",
    ),
    (
        "[{Region: a/b}]",
        "[0].Region: a/b is not allowed; letters, digits and - are allowed, 64 at most",
    ),
    (
        "[{ProxyAddress: \"u:secret@p\"}]",
        "[0].ProxyAddress: ***@p is not allowed; write http://host:port or https://host:port",
    ),
    (
        "[{Regin: x}]",
        "[0].Regin: unknown key; the nearest known one is Region",
    ),
    (
        "[{Names: x}]",
        "[0].Names: unknown key; the nearest known one is Name",
    ),
    ("[{Name: 5}]", "[0].Name: 5 is not text"),
    (
        "[{Telemetry: \"no\"}]",
        "[0].Telemetry: \"no\" is not true or false",
    ),
    ("[{Region: 5}]", "[0].Region: 5 is not text"),
    ("[{Region: [x]}]", "[0].Region: [\"x\"] is not text"),
    (
        "[x]",
        "[0]: write the destination's keys, Name: …, Endpoint: …",
    ),
    ("x", ": write a list of destinations, each with its keys"),
    (
        "{Name: x}",
        ": write a list of destinations, each with its keys",
    ),
];

#[test]
fn wrong_entries_are_refused_with_their_place() {
    let long = "x".repeat(65);
    let long = (
        format!("[{{Name: {long}}}]"),
        format!(
            "[0].Name: {long} is not allowed; letters, digits, - and _ are allowed, 64 at most"
        ),
    );
    let cases = WRONG.map(|(list, message)| (list.to_owned(), message.to_owned()));
    for (list, message) in cases.into_iter().chain([long]) {
        let message = format!("Radiograph.Destinations{message}");
        let file = TempFile::new(&format!(
            "Version: 2\nRadiograph:\n  Destinations: {list}\n"
        ));
        let of_file = format!("configuration file {}: {message}", file.path);
        assert_eq!(error(&["-c", &file.path], &[]), of_file);
        let of_variable = format!("RADIOGRAPH_DESTINATIONS: {message}");
        assert_eq!(
            error(&[], &[("RADIOGRAPH_DESTINATIONS", &list)]),
            of_variable
        );
    }
}

#[test]
fn a_value_beside_the_list_is_refused_where_it_stands() {
    let file = TempFile::new(&many(2).replace("Version", "Concurrency: -1\nVersion"));
    assert_eq!(
        error(&["-c", &file.path], &[]),
        format!(
            "configuration file {}: Concurrency: -1 is not allowed; 0 to 1000, 0 for the default of 8",
            file.path
        )
    );
}
