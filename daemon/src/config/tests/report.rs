//! `--check-config`, whole. `UPDATE_GOLDEN=1` rewrites the golden files beside this one.

use super::*;

const FILE: &str = "Version: 2
TotalBufferSizeMB: 0
Region: eu-west-1
ProxyAddress: http://user:secret@proxy:3128
Logging:
  LogLevel: INFO
Radiograph:
  Spool:
    MaxBytes: 500MB
  Destinations:
    - Name: collector
      Endpoint: http://collector:2080
    - Name: aws
      Concurrency: 0
      Region: us-east-1
      ProxyAddress: https://token@other
";

/// The folder of a temporary file differs from run to run.
fn report(args: Args<'_>, variables: Pairs<'_>, file: &str) -> String {
    match request(args, &environment(variables)) {
        Ok(Request::CheckConfig(report)) => report.replace(file, "/etc/amazon/xray/cfg.yaml"),
        other => panic!("{args:?}: {other:?}"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the switch is none of the daemon's settings"
)]
fn assert_golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/config/tests")
        .join(name);
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        std::fs::write(&path, found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&path).unwrap());
}

#[test]
fn the_report_names_every_setting_with_its_source_and_no_secret() {
    let file = TempFile::new(FILE);
    let variables = [
        ("RADIOGRAPH_GRACE", "10"),
        ("RADIOGRAPH_REGON", "x"),
        ("AWS_REGION", "us-west-2"),
        ("AWS_ACCESS_KEY_ID", "secret"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "secret"),
        ("HTTPS_PROXY", "http://user:secret@proxy:3128"),
        ("SSL_CERT_FILE", "/etc/ssl/all.pem"),
        ("HOME", "/home/x\nRegion = forged"),
    ];
    let args = [
        "--check-config",
        "-c",
        &file.path,
        "-b",
        "0.0.0.0:2000",
        "--no-spool",
    ];
    let found = report(&args, &variables, &file.path);
    assert!(
        !found.contains("secret") && !found.contains("token"),
        "{found}"
    );
    assert_golden("check_config.txt", &found);
}

#[test]
fn the_report_on_no_configuration_at_all_tells_what_then_happens() {
    assert_golden(
        "check_config_defaults.txt",
        &report(&["--check-config"], &[], "\0"),
    );
}

#[test]
fn every_setting_is_reported_with_the_source_it_comes_from() {
    for row in &ROWS {
        let variables = with_other_half(row, &[(row.variable, row.value)]);
        let variable = report(&["--check-config"], &variables, "\0");
        let of_variable = format!("    (variable {})", row.variable);
        let line = variable.lines().find(|line| line.ends_with(&of_variable));
        let expected = format!("{} = {}{of_variable}", row.name, row.value);
        assert_eq!(line, Some(expected.as_str()));
    }
}

#[test]
fn a_wrong_configuration_is_reported_as_when_the_daemon_starts() {
    let found = request(&["--check-config", "-m", "2"], &environment(&[])).unwrap_err();
    assert_eq!(
        found.to_string(),
        "-m: 2 is not allowed; 3 MB or more, or 0 for 1 % of the memory"
    );
}
