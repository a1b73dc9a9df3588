//! Calls between real sockets, to stand-ins for collector, AWS and outbound proxy.

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;
use crate::aws::stand_in::{StandIn, closed_port, install_tls_provider};
use crate::config::ClientCertificate;
use crate::metrics::Failure;

const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLEKEY"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
];

/// Variables of a case.
type Pairs<'a> = &'a [(&'a str, &'a str)];

async fn caller(
    destination: Destination,
    variables: &[(&str, &str)],
) -> Result<Caller, CallerError> {
    install_tls_provider();
    let config = Config {
        variables: variables.iter().copied().collect(),
        ..Config::default()
    };
    Caller::new(&destination, &config).await
}

fn to(endpoint: &str) -> Destination {
    Destination {
        endpoint: Some(endpoint.to_owned()),
        ..Destination::default()
    }
}

async fn post(caller: &Caller) -> Result<u16, CallError> {
    let headers = HeaderMap::new();
    let body = Bytes::from_static(b"{}");
    let answer = caller
        .call(Method::POST, "/TraceSegments", headers, body)
        .await?;
    Ok(answer.status().as_u16())
}

fn collector() -> StandIn {
    StandIn::start(|_| (200, "{}".to_owned()))
}

#[tokio::test]
async fn without_keys_calls_to_a_collector_are_unsigned() {
    let collector = collector();
    let variables = [("AWS_EXECUTION_ENV", "AWS_ECS_\nFARGATE")];
    let caller = caller(to(&collector.url()), &variables).await.unwrap();
    assert_eq!(caller.identity(), "none, calls are unsigned");
    assert_eq!(caller.region(), "us-east-1");
    assert_eq!(post(&caller).await.unwrap(), 200);
    let seen = &collector.seen()[0];
    assert_eq!(seen.line, "POST /TraceSegments");
    assert_eq!(seen.body, "{}");
    for name in ["authorization", "x-amz-date"] {
        assert_eq!(seen.header(name), None);
    }
    let agent = seen.header("user-agent").unwrap();
    let ours = format!(
        "radiograph-daemon/{} xray-agent/xray-daemon/3.6.6 exec-env/AWS_ECS_FARGATE OS/",
        env!("CARGO_PKG_VERSION")
    );
    assert!(agent.starts_with(&ours), "{agent}");
}

#[tokio::test]
async fn a_clients_own_user_agent_stays() {
    let collector = collector();
    let caller = caller(to(&collector.url()), &[]).await.unwrap();
    let headers = [(USER_AGENT, HeaderValue::from_static("Botocore/1"))]
        .into_iter()
        .collect();
    let call = caller.call(Method::POST, "/GetSamplingRules?x=y", headers, Bytes::new());
    assert_eq!(call.await.unwrap().status(), 200);
    let seen = &collector.seen()[0];
    assert_eq!(seen.line, "POST /GetSamplingRules?x=y");
    assert_eq!(seen.header("user-agent"), Some("Botocore/1"));
}

#[tokio::test]
async fn with_keys_calls_are_signed_for_xray_in_the_region() {
    let collector = collector();
    let destination = Destination {
        region: Some("eu-west-1".to_owned()),
        ..to(&collector.url())
    };
    let variables = [&KEYS[..], &[("AWS_SESSION_TOKEN", "token")]].concat();
    let caller = caller(destination, &variables).await.unwrap();
    assert_eq!(caller.identity(), "environment key AKID…EKEY");
    assert_eq!(post(&caller).await.unwrap(), 200);
    let seen = &collector.seen()[0];
    let authorization = seen.header("authorization").unwrap();
    let scope = "/eu-west-1/xray/aws4_request, \
                 SignedHeaders=content-length;host;x-amz-date;x-amz-security-token, Signature=";
    assert!(authorization.contains(scope), "{authorization}");
    assert_eq!(seen.header("x-amz-security-token"), Some("token"));
    let lengths = seen
        .headers
        .iter()
        .filter(|(name, _)| name == "content-length");
    assert_eq!(lengths.count(), 1);
    let host = format!("127.0.0.1:{}", collector.port());
    assert_eq!(seen.header("host"), Some(host.as_str()));
}

#[tokio::test]
async fn a_collector_is_called_unsigned_when_its_keys_cannot_be_had() {
    let collector = collector();
    let port = closed_port();
    let uri = format!("http://127.0.0.1:{port}/");
    let variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str())];
    let caller = caller(to(&collector.url()), &variables).await.unwrap();
    assert_eq!(caller.identity(), "container endpoint");
    assert_eq!(post(&caller).await.unwrap(), 200);
    assert_eq!(collector.seen()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_collector_is_called_unsigned_when_its_keys_are_long_in_coming() {
    let collector = collector();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let endpoint = StandIn::start(move |_| {
        let opened = gate.lock().expect("no thread panicked").recv();
        (if opened.is_ok() { 200 } else { 500 }, String::new())
    });
    let uri = endpoint.url();
    let variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str())];
    let caller = caller(to(&collector.url()), &variables).await.unwrap();
    assert_eq!(post(&caller).await.unwrap(), 200);
    assert_eq!(collector.seen()[0].header("authorization"), None);
    assert_eq!(endpoint.seen().len(), 0, "its answer is yet to come");
    drop(open);
}

#[tokio::test]
async fn a_role_has_calls_to_a_collector_signed_with_keys_of_the_instance() {
    let destination = Destination {
        role_arn: Some("arn:r".to_owned()),
        ..to("http://127.0.0.1:1")
    };
    let caller = caller(destination, &[]).await.unwrap();
    assert_eq!(caller.identity(), "role arn:r via instance profile");
}

#[tokio::test]
async fn a_call_to_aws_without_keys_fails_before_any_connection() {
    let proxy = collector();
    let destination = Destination {
        region: Some("us-east-1".to_owned()),
        proxy_address: Some(proxy.url()),
        no_verify_ssl: true,
        ..Destination::default()
    };
    let variables = [("AWS_EC2_METADATA_DISABLED", "true")];
    let caller = caller(destination, &variables).await.unwrap();
    assert_eq!(
        caller.endpoint().to_string(),
        "https://xray.us-east-1.amazonaws.com"
    );
    let error = post(&caller).await.unwrap_err();
    assert_eq!(
        failure::with_causes(&error),
        "no credentials to sign with: no source: environment, web identity, shared files (profile \
         default) and container endpoint hold none, instance metadata is disabled"
    );
    assert_eq!(failure_of(&error), Failure::Other);
    assert_eq!(proxy.seen().len(), 0);
}

#[tokio::test]
async fn after_a_refusal_calls_are_signed_with_new_keys() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let write = |id: &str| {
        let text = format!("[default]\naws_access_key_id={id}\naws_secret_access_key=s\n");
        std::fs::write(&file, text).unwrap();
    };
    let collector = StandIn::start(|seen| {
        let authorization = seen.header("authorization").unwrap();
        (
            if authorization.contains("Credential=NEW/") {
                200
            } else {
                403
            },
            String::new(),
        )
    });
    write("OLD");
    let variables = [("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap())];
    let caller = caller(to(&collector.url()), &variables).await.unwrap();
    assert_eq!(post(&caller).await.unwrap(), 403);
    write("NEW");
    assert_eq!(post(&caller).await.unwrap(), 403);
    caller.refresh_credentials();
    assert_eq!(post(&caller).await.unwrap(), 200);
}

#[tokio::test]
async fn without_region_and_endpoint_the_collector_of_this_host_is_meant() {
    let instance = format!("http://127.0.0.1:{}", closed_port());
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.as_str())];
    let caller = caller(Destination::default(), &variables).await.unwrap();
    assert_eq!(caller.endpoint().to_string(), "http://127.0.0.1:2080");
    assert_eq!(caller.region(), "us-east-1");
    assert_eq!(caller.identity(), "none, calls are unsigned");
}

#[tokio::test]
async fn an_outbound_proxy_is_used_but_not_for_this_host_or_what_no_proxy_names() {
    let proxy = StandIn::start(|seen| {
        let status = if seen.line.starts_with("CONNECT") {
            502
        } else {
            200
        };
        (status, String::new())
    });
    let collector = collector();
    let through = |endpoint: &str| Destination {
        proxy_address: Some(proxy.url()),
        no_verify_ssl: true,
        ..to(endpoint)
    };
    let plain = caller(through("http://collector.invalid:2080"), &[])
        .await
        .unwrap();
    assert_eq!(post(&plain).await.unwrap(), 200);
    let tls = caller(through("https://collector.invalid"), &[])
        .await
        .unwrap();
    let refused = post(&tls).await.unwrap_err();
    assert_eq!(failure_of(&refused), Failure::Other, "{refused:?}");
    let lines: Vec<String> = proxy.seen().into_iter().map(|seen| seen.line).collect();
    let expected = [
        "POST http://collector.invalid:2080/TraceSegments",
        "CONNECT collector.invalid:443",
    ];
    assert_eq!(lines, expected);

    let loopback = caller(through(&collector.url()), &[]).await.unwrap();
    assert_eq!(post(&loopback).await.unwrap(), 200);
    let listed = [("NO_PROXY", "other.example,collector.invalid")];
    let direct = caller(through("http://collector.invalid:2080"), &listed)
        .await
        .unwrap();
    let unknown = post(&direct).await.unwrap_err();
    assert_eq!(failure_of(&unknown), Failure::UnknownHost, "{unknown:?}");
    assert_eq!(proxy.seen().len(), 2);
}

#[tokio::test]
async fn a_closed_port_is_a_refused_connection() {
    let endpoint = format!("http://127.0.0.1:{}", closed_port());
    let caller = caller(to(&endpoint), &[]).await.unwrap();
    let error = post(&caller).await.unwrap_err();
    assert_eq!(failure_of(&error), Failure::ConnectionRefused, "{error:?}");
    assert!(
        !failure::with_causes(&error).contains("TraceSegments"),
        "{error:?}"
    );
}

#[tokio::test]
async fn settings_that_cannot_work_prevent_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let shown = empty.display().to_string();
    let https = to("https://collector.invalid");
    let cases = [
        (
            Destination {
                proxy_address: Some("secret@:proxy".to_owned()),
                ..to("http://c")
            },
            "ProxyAddress: no usable address; write http://host:port".to_owned(),
        ),
        (
            Destination {
                proxy_address: Some("proxy:8080".to_owned()),
                ..to("http://c")
            },
            "ProxyAddress: no usable address; write http://host:port".to_owned(),
        ),
        (
            Destination {
                ca_file: Some(empty),
                ..https.clone()
            },
            format!("ca_file: {shown}: no certificate in it"),
        ),
        (
            Destination {
                region: Some("us east".to_owned()),
                ..Destination::default()
            },
            "region us east: write letters, digits and hyphens, such as us-east-1".to_owned(),
        ),
        (
            to("collector"),
            "endpoint collector: write http://host:port or https://host:port".to_owned(),
        ),
    ];
    for (destination, expected) in cases {
        let error = caller(destination, &[]).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let missing = caller(https, &[("AWS_CA_BUNDLE", "/nowhere/ca.pem")])
        .await
        .unwrap_err();
    let missing = missing.to_string();
    assert!(
        missing.starts_with("AWS_CA_BUNDLE: /nowhere/ca.pem: "),
        "{missing}"
    );
    let plain = caller(to("http://c"), &[("AWS_CA_BUNDLE", "/nowhere/ca.pem")]).await;
    assert!(plain.is_ok(), "certificates are not needed: {plain:?}");
}

#[tokio::test]
async fn a_client_certificate_that_cannot_be_shown_prevents_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let (_, certificate_pem) = tls_server(2999);
    let certificate = folder.path().join("cert.pem");
    std::fs::write(&certificate, certificate_pem).unwrap();
    let key = folder.path().join("key.pem");
    std::fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let showing = |certificate: &PathBuf, key: &PathBuf| {
        let (certificate, key) = (certificate.clone(), key.clone());
        Destination {
            client_certificate: Some(ClientCertificate { certificate, key }),
            ..to("https://collector.invalid")
        }
    };
    let cases = [
        (
            showing(&key, &key),
            format!("ClientCert: {}: no certificate in it", key.display()),
        ),
        (
            showing(&certificate, &empty),
            format!(
                "ClientKey: {}: no private key in PEM that is not encrypted",
                empty.display()
            ),
        ),
    ];
    for (destination, expected) in cases {
        let error = caller(destination, &[]).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let nowhere = PathBuf::from("/nowhere/key.pem");
    let unreadable = caller(showing(&certificate, &nowhere), &[]).await;
    let unreadable = unreadable.unwrap_err().to_string();
    let begin = "ClientKey: /nowhere/key.pem: ";
    assert!(unreadable.starts_with(begin), "{unreadable}");
    let others = caller(showing(&certificate, &key), &[]).await;
    assert!(others.is_err(), "a key of another certificate: {others:?}");
}

/// A server with a certificate for 127.0.0.1, valid until the year, and that certificate as PEM.
fn tls_server(until_year: i32) -> (StandIn, String) {
    let mut parameters = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2000, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(until_year, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    (
        StandIn::start_tls(certificate.der().clone(), key),
        certificate.pem(),
    )
}

/// Name, server, `ca_file`, `no_verify_ssl`, variables, and whether the call succeeds.
type TlsCase<'a> = (
    &'a str,
    &'a StandIn,
    Option<&'a PathBuf>,
    bool,
    Pairs<'a>,
    bool,
);

#[tokio::test]
async fn a_certificate_must_be_trusted_unless_it_is_not_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (good, good_pem) = tls_server(2999);
    let (expired, expired_pem) = tls_server(2001);
    let (_, other_pem) = tls_server(2999);
    let file = |name: &str, pem: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    };
    let good_ca = file("good.pem", &good_pem);
    let expired_ca = file("expired.pem", &expired_pem);
    let other_ca = file("other.pem", &other_pem);
    let other = [("SSL_CERT_FILE", other_ca.to_str().unwrap())];
    let bundle = [("AWS_CA_BUNDLE", good_ca.to_str().unwrap()), other[0]];
    let cases: [TlsCase<'_>; 6] = [
        ("another authority", &good, None, false, &other, false),
        ("ca_file", &good, Some(&good_ca), false, &other, true),
        ("AWS_CA_BUNDLE", &good, None, false, &bundle, true),
        ("not checked", &good, None, true, &other, true),
        ("expired", &expired, Some(&expired_ca), false, &[], false),
        ("expired, not checked", &expired, None, true, &[], true),
    ];
    for (name, server, ca_file, no_verify_ssl, variables, is_accepted) in cases {
        let destination = Destination {
            ca_file: ca_file.cloned(),
            no_verify_ssl,
            ..to(&format!("https://127.0.0.1:{}", server.port()))
        };
        let caller = caller(destination, variables).await.unwrap();
        match post(&caller).await {
            Ok(status) => assert!(is_accepted && status == 200, "{name}: {status}"),
            Err(error) => {
                assert!(!is_accepted, "{name}: {error:?}");
                assert_eq!(failure_of(&error), Failure::Other, "{name}: {error:?}");
            }
        }
    }
}
