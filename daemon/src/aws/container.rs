//! Keys of an ECS task or an EKS pod, from the endpoint that its environment names.
//!
//! Source: "Container credential provider" of the AWS SDKs and tools guide. The token that it wants is
//! read from its file each time, since EKS replaces it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Url};

use crate::aws::credentials::{Credentials, CredentialsDocument, CredentialsError};
use crate::aws::files;
use crate::aws::http::{self, LOCAL_MAX};
use crate::config::Variables;

const ORIGIN: &str = "container endpoint";

/// Where ECS answers to relative addresses.
const ECS: &str = "http://169.254.170.2";

/// ECS and EKS; secrets are told to no other host without TLS.
const KNOWN: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// The endpoint as configured.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) url: Url,
    token: Token,
}

#[derive(Clone, PartialEq, Eq)]
enum Token {
    None,
    Value(String),
    File(PathBuf),
}

impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Container")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

/// The endpoint that the environment names.
///
/// # Errors
/// When it is one that must not be asked.
pub(crate) fn configured(variables: &Variables) -> Result<Option<Container>, CredentialsError> {
    let relative = variables.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let full = variables.get("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    let uri = match (relative, full) {
        (Some(path), _) => format!("{ECS}/{}", path.trim_start_matches('/')),
        (None, Some(uri)) => uri.to_owned(),
        (None, None) => return Ok(None),
    };
    let not_allowed = || CredentialsError::ContainerHost { uri: uri.clone() };
    let url = Url::parse(&uri).map_err(|_| not_allowed())?;
    if !is_allowed(&url) {
        return Err(not_allowed());
    }
    let token = match variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(path) => Token::File(PathBuf::from(path)),
        None => variables
            .get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
            .map_or(Token::None, |token| Token::Value(token.to_owned())),
    };
    Ok(Some(Container { url, token }))
}

fn is_allowed(url: &Url) -> bool {
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => true,
        ("http", Some("localhost")) => true,
        ("http", Some(host)) => {
            let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
            address.is_some_and(|address| address.is_loopback() || KNOWN.contains(&address))
        }
        _ => false,
    }
}

/// Asks the endpoint for keys; `client` must be fit for its scheme.
///
/// # Errors
/// When there is no answer, or no keys in it.
pub(crate) async fn load(
    container: Container,
    client: &Client,
) -> Result<Credentials, CredentialsError> {
    let mut request = client.get(container.url);
    let token = match container.token {
        Token::None => None,
        Token::Value(token) => Some(token),
        Token::File(path) => {
            let read = files::read_aside(path.clone()).await;
            Some(read.map_err(|source| CredentialsError::Unreadable {
                origin: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                path,
                source,
            })?)
        }
    };
    if let Some(token) = token {
        let mut token =
            HeaderValue::from_str(token.trim()).map_err(|_| CredentialsError::Malformed {
                origin: ORIGIN,
                problem: "the authorization token holds odd characters".to_owned(),
            })?;
        token.set_sensitive(true);
        request = request.header(AUTHORIZATION, token);
    }
    let json = http::success(request, LOCAL_MAX).await;
    let json = json.map_err(|source| CredentialsError::Http {
        origin: ORIGIN,
        source,
    })?;
    CredentialsDocument::read(&json, ORIGIN)
}
