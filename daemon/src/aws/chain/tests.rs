//! Each source against a stand-in of what it asks: instance metadata, container endpoint, STS, a
//! program.

use super::*;
use crate::aws::stand_in::{Seen, StandIn, install_tls_provider};
use crate::call::failure::with_causes;

const LATER: &str = "2999-01-01T00:00:00Z";

fn document(id: &str) -> String {
    format!(
        r#"{{"Code":"Success","Version":1,"AccessKeyId":"{id}","SecretAccessKey":"s","Token":"t","Expiration":"{LATER}"}}"#
    )
}

/// Keys, or the error with its causes, for a destination in us-east-1.
async fn load(variables: &[(&str, &str)], role_arn: Option<&str>) -> Result<Credentials, String> {
    install_tls_provider();
    let destination = Destination {
        role_arn: role_arn.map(str::to_owned),
        ..Destination::default()
    };
    let variables = variables.iter().copied().collect();
    let chain = Chain::new(&destination, &variables, Region::fallback(), true);
    let source = chain.source().map_err(|error| with_causes(&error))?;
    chain
        .load(source)
        .await
        .map_err(|error| with_causes(&error))
}

/// Instance metadata as EC2 has it, where `role` is attached and `answer` is its document.
fn instance(role: &'static str, answer: String) -> StandIn {
    StandIn::start(move |seen| {
        let folder = "/latest/meta-data/iam/security-credentials/";
        if seen.line == "PUT /latest/api/token" {
            let has_ttl = seen.header("x-aws-ec2-metadata-token-ttl-seconds") == Some("60");
            return if has_ttl {
                (200, "metadata-token".to_owned())
            } else {
                (400, String::new())
            };
        }
        if seen.header("x-aws-ec2-metadata-token") != Some("metadata-token") {
            return (401, String::new());
        }
        match seen.line.strip_prefix(&format!("GET {folder}")) {
            Some("") if role.is_empty() => (404, String::new()),
            Some("") => (200, format!("{role}\n")),
            Some(name) if name == role => (200, answer.clone()),
            _ => (404, String::new()),
        }
    })
}

#[tokio::test]
async fn an_instance_gives_the_keys_of_its_role() {
    let instance = instance("web-role", document("ASIAINSTANCEKEY"));
    let endpoint = instance.url();
    let keys = load(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint)], None)
        .await
        .unwrap();
    assert_eq!(keys.access_key_id, "ASIAINSTANCEKEY");
    assert_eq!(keys.session_token.as_deref(), Some("t"));
    assert!(keys.expires_at.is_some());
}

#[tokio::test]
async fn an_instance_without_usable_keys_says_why() {
    let refused = r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"no"}"#;
    let expired = document("A").replace(LATER, "2020-01-01T00:00:00Z");
    let none = "environment, web identity, shared files and container endpoint hold none, and \
                instance metadata gave none";
    let cases = [
        ("", String::new(), format!("{none}: answered 404 Not Found")),
        (
            "r",
            refused.to_owned(),
            "instance metadata: role r: AssumeRoleUnauthorizedAccess".to_owned(),
        ),
        (
            "r",
            "<html>".to_owned(),
            "instance metadata: no credentials document, line 1 column 1".to_owned(),
        ),
        (
            "r",
            expired,
            "the keys have expired, and the source gives no others".to_owned(),
        ),
        (
            "a/../b",
            String::new(),
            "instance metadata: no role is attached to the instance".to_owned(),
        ),
        (
            "r",
            "x".repeat(70_000),
            format!("{none}: answer longer than 65536 bytes"),
        ),
    ];
    for (role, answer, expected) in cases {
        let instance = instance(role, answer);
        let endpoint = instance.url();
        let loaded = load(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint)], None).await;
        assert_eq!(loaded.unwrap_err(), expected, "{role}");
    }
}

#[tokio::test]
async fn a_container_is_asked_with_the_token_of_the_moment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let endpoint = StandIn::start(|seen| match seen.header("authorization") {
        Some("second") => (200, document("ASIACONTAINERKEY")),
        _ => (403, String::new()),
    });
    let uri = format!("{}/v1/credentials", endpoint.url());
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this one"),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            file.to_str().unwrap(),
        ),
    ];
    let missing = load(&variables, None).await.unwrap_err();
    assert!(
        missing.starts_with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "),
        "{missing}"
    );
    std::fs::write(&file, "first\n").unwrap();
    let refused = load(&variables, None).await.unwrap_err();
    assert_eq!(refused, "container endpoint: answered 403 Forbidden");
    std::fs::write(&file, "second\n").unwrap();
    let keys = load(&variables, None).await.unwrap();
    assert_eq!(keys.access_key_id, "ASIACONTAINERKEY");
    std::fs::write(&file, "a\nb").unwrap();
    let odd = load(&variables, None).await.unwrap_err();
    assert_eq!(
        odd,
        "container endpoint: the authorization token holds odd characters"
    );
    let with_value = [
        variables[0],
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "second"),
    ];
    assert!(
        load(&with_value, None).await.is_ok(),
        "without a file the variable counts"
    );
}

fn sts_answer(action: &str, id: &str) -> String {
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
         <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>a&amp;b</SecretAccessKey>\
         <SessionToken>token</SessionToken><Expiration>{LATER}</Expiration></Credentials>\
         </{action}Result></{action}Response>"
    )
}

/// Gives each caller the next key, and shows in its id whose keys signed.
fn sts() -> StandIn {
    StandIn::start(|seen: &Seen| {
        let signer = seen.header("authorization").map_or("nobody", |text| {
            let (_, rest) = text.split_once("Credential=").unwrap();
            rest.split('/').next().unwrap()
        });
        let action = seen
            .body
            .split('&')
            .next()
            .unwrap()
            .strip_prefix("Action=")
            .unwrap();
        (200, sts_answer(action, &format!("{signer}+")))
    })
}

#[tokio::test]
async fn the_daemons_role_is_assumed_for_fifteen_minutes_with_the_keys_of_the_chain() {
    let sts = sts();
    let url = sts.url();
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL_STS", url.as_str()),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ];
    let keys = load(&variables, Some("arn:aws:iam::1:role/r"))
        .await
        .unwrap();
    assert_eq!(keys.access_key_id, "AKID+");
    assert_eq!(keys.secret_access_key, "a&b");
    let seen = sts.seen();
    assert_eq!(seen[0].line, "POST /");
    assert_eq!(
        seen[0].body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr\
         &RoleSessionName=xray-daemon&DurationSeconds=900"
    );
    let authorization = seen[0].header("authorization").unwrap();
    assert!(
        authorization
            .contains("/us-east-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date,"),
        "{authorization}"
    );
}

#[tokio::test]
async fn roles_of_profiles_are_assumed_from_the_innermost_on() {
    let sts = sts();
    let url = sts.url();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let config = "[default]\nrole_arn = arn:1\nsource_profile = a\nexternal_id = x y\n\
                  [profile a]\nrole_arn = arn:2\nsource_profile = b\n\
                  [profile b]\naws_access_key_id = AKID\naws_secret_access_key = s\n";
    std::fs::write(&file, config).unwrap();
    let variables = [
        ("AWS_CONFIG_FILE", file.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", &url),
    ];
    let keys = load(&variables, Some("arn:daemon")).await.unwrap();
    assert_eq!(keys.access_key_id, "AKID+++");
    let roles: Vec<String> = sts.seen().into_iter().map(|seen| seen.body).collect();
    assert!(roles[0].contains("RoleArn=arn%3A2&"), "{roles:?}");
    assert!(roles[1].contains("RoleArn=arn%3A1&"), "{roles:?}");
    assert!(roles[1].ends_with("&ExternalId=x+y"), "{roles:?}");
    assert!(roles[2].contains("RoleArn=arn%3Adaemon&"), "{roles:?}");
}

#[tokio::test]
async fn a_web_identity_is_exchanged_unsigned() {
    let sts = sts();
    let url = sts.url();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:web"),
        ("AWS_ROLE_SESSION_NAME", "pod"),
        ("AWS_ENDPOINT_URL_STS", &url),
    ];
    let missing = load(&variables, None).await.unwrap_err();
    assert!(missing.starts_with("web identity token: "), "{missing}");
    std::fs::write(&file, "eyJ.a+b\n").unwrap();
    assert_eq!(
        load(&variables, None).await.unwrap().access_key_id,
        "nobody+"
    );
    let body = &sts.seen()[0].body;
    assert!(
        body.starts_with("Action=AssumeRoleWithWebIdentity&"),
        "{body}"
    );
    assert!(body.ends_with("&WebIdentityToken=eyJ.a%2Bb"), "{body}");
    assert!(body.contains("&RoleSessionName=pod&"), "{body}");
}

#[tokio::test]
async fn sts_may_refuse_or_answer_nonsense() {
    let denied = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                  <Message>User: &lt;x&gt; is not\nauthorized</Message></Error></ErrorResponse>";
    let cases = [
        (
            403,
            denied.to_owned(),
            "security token service: AccessDenied: User: <x> is not\\nauthorized",
        ),
        (
            500,
            String::new(),
            "security token service: 500 Internal Server Error: no message",
        ),
        (
            200,
            "{}".to_owned(),
            "security token service: no AccessKeyId in the answer",
        ),
        (
            200,
            sts_answer("AssumeRole", "A").replace(LATER, "x"),
            "security token service: expiration is no RFC 3339 time",
        ),
        (
            200,
            sts_answer("AssumeRole", ""),
            "security token service: the access key id is empty or holds odd characters",
        ),
    ];
    for (status, body, expected) in cases {
        let sts = StandIn::start(move |_| (status, body.clone()));
        let url = sts.url();
        let variables = [
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_ENDPOINT_URL_STS", url.as_str()),
        ];
        assert_eq!(load(&variables, Some("arn:r")).await.unwrap_err(), expected);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_prints_keys_or_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (config, keys) = (folder.path().join("config"), folder.path().join("keys"));
    std::fs::write(
        &keys,
        document("ASIAPROCESSKEY").replace("Token", "SessionToken"),
    )
    .unwrap();
    let nonsense = "credential_process: no credentials document, line 1 column 1";
    let cases = [
        (format!("cat '{}'", keys.display()), "ASIAPROCESSKEY"),
        ("exit 3".to_owned(), "credential_process: exit status: 3"),
        ("echo hello".to_owned(), nonsense),
    ];
    for (command, expected) in cases {
        std::fs::write(
            &config,
            format!("[default]\ncredential_process = {command}\n"),
        )
        .unwrap();
        let loaded = load(&[("AWS_CONFIG_FILE", config.to_str().unwrap())], None).await;
        let shown = loaded.map_or_else(|error| error, |keys| keys.access_key_id);
        assert_eq!(shown, expected, "{command}");
    }
}
