//! Where the region is found, in what order, and which hosts it leads to.

use super::*;
use crate::aws::stand_in::{StandIn, install_tls_provider};

/// Variables of a case.
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A host with everything set; each case takes something away.
fn everything(folder: &Path, instance: &str) -> Vec<(&'static str, String)> {
    let metadata = folder.join("ecs.json");
    let arn = r#"{"TaskARN":"arn:aws:ecs:eu-north-1:1:task/x"}"#;
    std::fs::write(&metadata, arn).unwrap();
    let config = folder.join("config");
    std::fs::write(
        &config,
        "[default]\nregion = ca-central-1\n[profile p]\nregion = us-west-1\n",
    )
    .unwrap();
    vec![
        ("AWS_REGION", "eu-west-2".to_owned()),
        ("ECS_ENABLE_CONTAINER_METADATA", "True".to_owned()),
        (
            "ECS_CONTAINER_METADATA_FILE",
            metadata.display().to_string(),
        ),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.to_owned()),
        ("AWS_DEFAULT_REGION", "sa-east-1".to_owned()),
        ("AWS_CONFIG_FILE", config.display().to_string()),
    ]
}

async fn found(destination: &Destination, config: &Config) -> Option<String> {
    match Region::configured(destination, config) {
        Some(region) => Some(region),
        None => Region::of_instance(config).await,
    }
}

#[tokio::test]
async fn the_region_is_the_first_that_is_set() {
    install_tls_provider();
    let instance = StandIn::start(|seen| match seen.line.as_str() {
        "PUT /latest/api/token" => (200, "token".to_owned()),
        "GET /latest/dynamic/instance-identity/document" => {
            (200, r#"{"region":"ap-south-1"}"#.to_owned())
        }
        _ => (404, String::new()),
    });
    let folder = tempfile::tempdir().unwrap();
    let all = everything(folder.path(), &instance.url());
    let none: &[&str] = &[];
    let task = "ECS_ENABLE_CONTAINER_METADATA";
    let cases = [
        (
            "set",
            Some("il-central-1"),
            false,
            none,
            Some("il-central-1"),
        ),
        ("AWS_REGION", None, false, none, Some("eu-west-2")),
        ("ECS", None, false, &["AWS_REGION"], Some("eu-north-1")),
        (
            "EC2",
            None,
            false,
            &["AWS_REGION", task],
            Some("ap-south-1"),
        ),
        ("local", None, true, &["AWS_REGION"], Some("sa-east-1")),
        (
            "profile",
            None,
            true,
            &["AWS_REGION", "AWS_DEFAULT_REGION"],
            Some("ca-central-1"),
        ),
        (
            "local without profile",
            None,
            true,
            &["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE"],
            None,
        ),
    ];
    for (name, set, local_mode, without, expected) in cases {
        let destination = Destination {
            region: set.map(str::to_owned),
            ..Destination::default()
        };
        let config = Config {
            local_mode,
            variables: all
                .iter()
                .filter(|(variable, _)| !without.contains(variable))
                .cloned()
                .collect(),
            ..Config::default()
        };
        assert_eq!(
            found(&destination, &config).await.as_deref(),
            expected,
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_destinations_profile_names_the_region_in_local_mode() {
    let folder = tempfile::tempdir().unwrap();
    let all = everything(folder.path(), "http://127.0.0.1:1");
    let config = Config {
        local_mode: true,
        variables: all
            .into_iter()
            .filter(|(name, _)| *name == "AWS_CONFIG_FILE")
            .collect(),
        ..Config::default()
    };
    let destination = Destination {
        profile: Some("p".to_owned()),
        ..Destination::default()
    };
    assert_eq!(
        found(&destination, &config).await.as_deref(),
        Some("us-west-1")
    );
}

#[tokio::test]
async fn a_host_that_is_no_instance_has_no_region() {
    install_tls_provider();
    let port = crate::aws::stand_in::closed_port();
    let broken = StandIn::start(|_| (500, String::new()));
    for endpoint in [format!("http://127.0.0.1:{port}"), broken.url()] {
        let config = Config {
            variables: [("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str())]
                .into_iter()
                .collect(),
            ..Config::default()
        };
        assert_eq!(Region::of_instance(&config).await, None, "{endpoint}");
    }
    assert_eq!(
        broken.seen().len(),
        2,
        "one more try where somebody answers"
    );
}

#[test]
fn a_task_without_a_readable_region_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ecs.json");
    for content in [
        "",
        "{}",
        r#"{"TaskARN":7}"#,
        r#"{"TaskARN":"arn:aws"}"#,
        r#"{"TaskARN":"a:b:c::"}"#,
    ] {
        std::fs::write(&file, content).unwrap();
        let variables = [
            ("ECS_ENABLE_CONTAINER_METADATA", "true"),
            ("ECS_CONTAINER_METADATA_FILE", file.to_str().unwrap()),
        ];
        assert_eq!(of_task(&variables.into_iter().collect()), None, "{content}");
    }
}

#[test]
fn endpoints_follow_partition_and_variants() {
    let fips = ("AWS_USE_FIPS_ENDPOINT", "true");
    let dual = ("AWS_USE_DUALSTACK_ENDPOINT", "TRUE");
    let cases: [(&str, Pairs<'_>, &str); 9] = [
        ("us-east-1", &[], "https://xray.us-east-1.amazonaws.com"),
        (
            "us-gov-west-1",
            &[fips],
            "https://xray-fips.us-gov-west-1.amazonaws.com",
        ),
        ("eu-west-1", &[dual], "https://xray.eu-west-1.api.aws"),
        (
            "us-east-1",
            &[fips, dual],
            "https://xray-fips.us-east-1.api.aws",
        ),
        (
            "cn-north-1",
            &[],
            "https://xray.cn-north-1.amazonaws.com.cn",
        ),
        (
            "us-iso-east-1",
            &[],
            "https://xray.us-iso-east-1.c2s.ic.gov",
        ),
        (
            "us-isob-east-1",
            &[],
            "https://xray.us-isob-east-1.sc2s.sgov.gov",
        ),
        (
            "eusc-de-east-1",
            &[],
            "https://xray.eusc-de-east-1.amazonaws.eu",
        ),
        (
            "us-east-1",
            &[("AWS_USE_FIPS_ENDPOINT", "no")],
            "https://xray.us-east-1.amazonaws.com",
        ),
    ];
    for (region, variables, url) in cases {
        let variables: Variables = variables.iter().copied().collect();
        assert_eq!(
            Region::parse(region).unwrap().url_of("xray", &variables),
            url
        );
    }
}

#[test]
fn what_cannot_stand_in_a_host_name_is_no_region() {
    for text in [
        "",
        " ",
        "us east",
        "x@evil.example",
        "a/b",
        "a.b",
        "é",
        &"a".repeat(65),
    ] {
        assert_eq!(Region::parse(text), None, "{text:?}");
    }
    assert_eq!(Region::parse(" EU-West-1 ").unwrap().as_str(), "eu-west-1");
}
