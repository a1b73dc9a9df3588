//! Which source variables, files and destination lead to.

use std::path::Path;

use super::*;

/// Variables of a case.
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// The source that these variables and files lead to, as the start line shows it, or the error.
fn shown(variables: &[(&str, &str)], config: &str, wanted: Shape) -> String {
    let home = tempfile::tempdir().unwrap();
    let source = source(home.path(), variables, config, wanted);
    source.map_or_else(|error| error.to_string(), |source| source.to_string())
}

/// What a destination says.
#[derive(Clone, Copy, Default)]
struct Shape {
    profile: Option<&'static str>,
    role_arn: Option<&'static str>,
    is_not_aws: bool,
}

fn source(
    home: &Path,
    variables: &[(&str, &str)],
    config: &str,
    shape: Shape,
) -> Result<Source, CredentialsError> {
    let folder = home.join(".aws");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config"), config).unwrap();
    let home = ("HOME", home.to_str().unwrap());
    let variables: Variables = variables.iter().copied().chain([home]).collect();
    let wanted = Wanted {
        variables: &variables,
        profile: shape.profile,
        role_arn: shape.role_arn,
        allows_instance: !shape.is_not_aws,
    };
    wanted.source()
}

const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
];

const WEB_IDENTITY: [(&str, &str); 2] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
    ("AWS_ROLE_ARN", "arn:web"),
];

const PROFILE: &str = "[default]\naws_access_key_id = AKIDPROFILEDEF\naws_secret_access_key = s\n\
                       [profile p]\naws_access_key_id = AKIDPROFILEPPP\naws_secret_access_key = s\n";

const CONTAINER: (&str, &str) = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x");

#[test]
fn the_first_source_that_is_configured_is_the_one() {
    let all = [&KEYS[..], &WEB_IDENTITY, &[CONTAINER]].concat();
    let no_role = "AWS_WEB_IDENTITY_TOKEN_FILE: AWS_ROLE_ARN must be set beside it";
    let cases: [(Pairs<'_>, &str, Shape, &str); 12] = [
        (&WEB_IDENTITY[..1], PROFILE, Shape::default(), no_role),
        (
            &[("AWS_DEFAULT_PROFILE", "p")],
            PROFILE,
            Shape::default(),
            "profile p key AKID…EPPP",
        ),
        (&all, PROFILE, Shape::default(), "environment key AKID…MENT"),
        (
            &all[1..],
            PROFILE,
            Shape::default(),
            "role arn:web via web identity",
        ),
        (
            &[CONTAINER],
            PROFILE,
            Shape::default(),
            "profile default key AKID…EDEF",
        ),
        (&[CONTAINER], "", Shape::default(), "container endpoint"),
        (&[], "", Shape::default(), "instance profile"),
        (
            &[("AWS_PROFILE", "p")],
            PROFILE,
            Shape::default(),
            "profile p key AKID…EPPP",
        ),
        (
            &all,
            PROFILE,
            Shape {
                profile: Some("p"),
                ..Shape::default()
            },
            "profile p key AKID…EPPP",
        ),
        (
            &[],
            "",
            Shape {
                role_arn: Some("arn:r"),
                ..Shape::default()
            },
            "role arn:r via instance profile",
        ),
        (
            &[],
            "",
            Shape {
                is_not_aws: true,
                ..Shape::default()
            },
            "no source: environment, web identity, shared files (profile default) and container \
             endpoint hold none, instance metadata is asked for AWS endpoints alone",
        ),
        (
            &[("AWS_EC2_METADATA_DISABLED", "TRUE")],
            "",
            Shape::default(),
            "no source: environment, web identity, shared files (profile default) and container \
             endpoint hold none, instance metadata is disabled",
        ),
    ];
    for (variables, config, shape, expected) in cases {
        assert_eq!(shown(variables, config, shape), expected);
    }
}

#[test]
fn profiles_name_keys_programs_and_roles() {
    let cases = [
        (
            "credential_process = print me",
            "profile default via credential_process",
        ),
        (
            "role_arn = arn:r\nsource_profile = base\n[profile base]\naws_access_key_id = \
             AKIDBASEBASE\naws_secret_access_key = s",
            "role arn:r via profile base key AKID…BASE",
        ),
        (
            "role_arn = arn:r\nsource_profile = default\naws_access_key_id = AKIDSELFSELF\n\
             aws_secret_access_key = s",
            "role arn:r via profile default key AKID…SELF",
        ),
        (
            "role_arn = arn:1\nsource_profile = a\n[profile a]\nrole_arn = arn:2\ncredential_source \
             = Ec2InstanceMetadata",
            "role arn:1 via role arn:2 via instance profile",
        ),
        (
            "role_arn = arn:r\nweb_identity_token_file = /t",
            "role arn:r via web identity",
        ),
        (
            "role_arn = arn:1\nsource_profile = a\n[profile a]\nrole_arn = arn:2\nsource_profile = \
             default",
            "profile default: source_profile goes round in a circle",
        ),
        (
            "role_arn = arn:1\nsource_profile = gone",
            "profile gone is in neither shared file",
        ),
        (
            "role_arn = arn:1",
            "profile default: role_arn: source_profile, credential_source or \
             web_identity_token_file must be beside it",
        ),
        (
            "role_arn = arn:1\ncredential_source = Environment",
            "profile default: credential_source: write Environment, Ec2InstanceMetadata or \
             EcsContainer, whichever is there",
        ),
        (
            "role_arn = arn:1\ncredential_source = Ec2InstanceMetadata\nduration_seconds = 5",
            "profile default: duration_seconds: write 900 to 43200",
        ),
        (
            "role_arn = arn:1\nmfa_serial = x",
            "profile default: mfa_serial is not supported; a daemon has nobody to ask for a code",
        ),
        (
            "sso_session = x",
            "profile default: single sign-on is not supported; use another profile with \
             credential_process = aws configure export-credentials --format process --profile \
             <this one>",
        ),
        (
            "aws_access_key_id = a b\naws_secret_access_key = s",
            "profile: the access key id is empty or holds odd characters",
        ),
    ];
    for (settings, expected) in cases {
        let config = format!("[default]\n{settings}\n");
        assert_eq!(
            shown(&[], &config, Shape::default()),
            expected,
            "{settings}"
        );
    }
}

#[test]
fn a_profile_that_somebody_named_must_exist() {
    let expected = "profile gone is in neither shared file";
    assert_eq!(
        shown(&[("AWS_PROFILE", "gone")], PROFILE, Shape::default()),
        expected
    );
    let named = Shape {
        profile: Some("gone"),
        ..Shape::default()
    };
    assert_eq!(shown(&KEYS, PROFILE, named), expected);
}

#[test]
fn roles_carry_what_is_asked_for_them() {
    let home = tempfile::tempdir().unwrap();
    let config = "[default]\nrole_arn = arn:r\ncredential_source = Ec2InstanceMetadata\n\
                  external_id = e\nrole_session_name = n\nduration_seconds = 3600\n";
    let role = Role {
        arn: "arn:r".to_owned(),
        session_name: "n".to_owned(),
        external_id: Some("e".to_owned()),
        duration_seconds: 3600,
    };
    let inner = Source::Role {
        role,
        base: Box::new(Source::Instance),
    };
    let shape = Shape {
        role_arn: Some("arn:daemon"),
        ..Shape::default()
    };
    let outer = Source::Role {
        role: Role {
            arn: "arn:daemon".to_owned(),
            session_name: "xray-daemon".to_owned(),
            external_id: None,
            duration_seconds: 900,
        },
        base: Box::new(inner),
    };
    assert_eq!(source(home.path(), &[], config, shape).unwrap(), outer);
}

#[test]
fn secrets_are_told_to_known_hosts_alone_without_tls() {
    for (uri, is_allowed) in [
        ("http://127.0.0.1:81/x", true),
        ("http://localhost/x", true),
        ("http://[::1]/x", true),
        ("http://169.254.170.2/x", true),
        ("http://169.254.170.23/v1/credentials", true),
        ("http://[fd00:ec2::23]/v1/credentials", true),
        ("https://keys.example/x", true),
        ("http://keys.example/x", false),
        ("http://169.254.169.254/x", false),
        ("http://localhost.example/x", false),
        ("ftp://127.0.0.1/x", false),
        ("x", false),
    ] {
        let variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)];
        let expected = if is_allowed {
            "container endpoint".to_owned()
        } else {
            CredentialsError::ContainerHost {
                uri: uri.to_owned(),
            }
            .to_string()
        };
        assert_eq!(shown(&variables, "", Shape::default()), expected, "{uri}");
    }
}

#[test]
fn a_relative_address_is_one_of_ecs() {
    let home = tempfile::tempdir().unwrap();
    let found = source(home.path(), &[CONTAINER], "", Shape::default()).unwrap();
    let Source::Container(container) = found else {
        panic!("{found:?}");
    };
    assert_eq!(container.url.as_str(), "http://169.254.170.2/v2/x");
}
