//! When the daemon takes itself for a Lambda extension, and what is then different.

use super::*;

const API: (&str, &str) = ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001");
const VARIABLE: &str = "RADIOGRAPH_LAMBDA_EXTENSION";

fn started_as(program: &str, args: Args<'_>, variables: Pairs<'_>) -> Result<Config, ConfigError> {
    let environment = Environment {
        program: Some(PathBuf::from(program)),
        ..environment(variables)
    };
    match request(args, &environment)? {
        Request::Run(config, warnings) => {
            assert_eq!(warnings, [""; 0], "{args:?} {variables:?}");
            Ok(*config)
        }
        other => panic!("{args:?}: {other:?}"),
    }
}

#[test]
fn it_is_an_extension_where_lambda_starts_it_or_somebody_says_so() {
    const THERE: &str = "/opt/extensions/tracer";
    const ELSEWHERE: &str = "/usr/bin/tracer";
    let cases: [(&str, &str, Args<'_>, Pairs<'_>, bool); 9] = [
        ("as Lambda does", THERE, &[], &[API], true),
        ("there outside Lambda", THERE, &[], &[], false),
        ("in Lambda, elsewhere", ELSEWHERE, &[], &[API], false),
        ("flag", ELSEWHERE, &["--lambda-extension"], &[API], true),
        (
            "flag, not",
            THERE,
            &["-lambda-extension=false"],
            &[API],
            false,
        ),
        ("variable", ELSEWHERE, &[], &[API, (VARIABLE, "1")], true),
        ("variable, not", THERE, &[], &[API, (VARIABLE, "f")], false),
        ("empty variable", THERE, &[], &[API, (VARIABLE, "")], true),
        (
            "flag over variable",
            THERE,
            &["--lambda-extension=0"],
            &[API, (VARIABLE, "1")],
            false,
        ),
    ];
    for (name, program, args, variables, is_extension) in cases {
        let found = started_as(program, args, variables).unwrap().extension;
        let expected = is_extension.then(|| ExtensionConfig {
            runtime_api: "127.0.0.1:9001".to_owned(),
            name: "tracer".to_owned(),
        });
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn in_lambda_other_defaults_hold_and_whatever_is_said_overrules_them() {
    let found = started_as("/opt/extensions/tracer", &[], &[API]).unwrap();
    let mut expected = Config {
        admin: None,
        admin_is_explicit: true,
        grace: Duration::from_secs(1),
        local_mode: true,
        sampling: SamplingMode::Off,
        extension: found.extension.clone(),
        variables: found.variables.clone(),
        ..defaults()
    };
    first(&mut expected).telemetry = false;
    spool(&mut expected).data_dir = "/tmp/radiograph-data".into();
    spool(&mut expected).bytes_max = 64 << 20;
    assert_eq!(found, expected);
    for row in &ROWS {
        let variables = with_other_half(row, &[API, (row.variable, row.value)]);
        let found = started_as("/opt/extensions/tracer", &[], &variables).unwrap();
        let mut expected = found.clone();
        (row.change)(&mut expected);
        assert_eq!(found, expected, "{}", row.variable);
    }
}

#[test]
fn an_extension_without_lambda_is_refused_with_what_is_missing() {
    let refused = |args, variables: Pairs<'_>| {
        let error = started_as("/opt/extensions/tracer", args, variables).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        refused(&["--lambda-extension"], &[]),
        "--lambda-extension: true is not allowed; AWS_LAMBDA_RUNTIME_API must be set, as Lambda does"
    );
    assert_eq!(
        refused(&[], &[(VARIABLE, "on")]),
        "RADIOGRAPH_LAMBDA_EXTENSION: on is not allowed; write true or false"
    );
    assert_eq!(
        refused(&[], &[("AWS_LAMBDA_RUNTIME_API", "9001")]),
        "AWS_LAMBDA_RUNTIME_API: 9001 is not allowed; missing port in address; write host:port"
    );
}

#[test]
fn the_report_says_that_it_is_an_extension_and_why() {
    let environment = environment(&[API, (VARIABLE, "true")]);
    let Ok(Request::CheckConfig(report)) = request(&["--check-config"], &environment) else {
        panic!("refused");
    };
    let line = "Lambda extension = radiograph-daemon at 127.0.0.1:9001    \
                (variable RADIOGRAPH_LAMBDA_EXTENSION)\n";
    assert!(report.contains(line), "{report}");
}
