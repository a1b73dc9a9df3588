//! The HTTP client of a destination: connections, outbound proxy, certificates.
//!
//! Source: `spec/daemon.md` sections 1 and 7. Redirects are not followed: a redirected POST becomes a
//! GET. Certificates are loaded for `https` alone: the system's take milliseconds and megabytes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, Proxy, Url};

use crate::aws;
use crate::call::CallerError;
use crate::config::{ClientCertificate, Variables};

/// Until a connection stands (`spec/daemon.md` section 4.3).
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// What is reached without a proxy whatever `NO_PROXY` says.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// What a client is built from.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    /// Until a connection stands.
    pub(crate) connect_max: Duration,
    /// Whether it will speak TLS at all.
    pub(crate) has_tls: bool,
    /// Whether certificates are not checked.
    pub(crate) no_verify_ssl: bool,
    /// PEM file to trust instead of the system's, and the setting that names it.
    pub(crate) ca_file: Option<&'a (&'static str, PathBuf)>,
    /// What is shown to who asks for a client certificate.
    pub(crate) client_certificate: Option<&'a ClientCertificate>,
    /// `http://host:port`
    pub(crate) proxy_address: Option<&'a str>,
    /// What is reached without it, as in `NO_PROXY`.
    pub(crate) no_proxy: Option<&'a str>,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            connect_max: CONNECT_MAX,
            has_tls: false,
            no_verify_ssl: false,
            ca_file: None,
            client_certificate: None,
            proxy_address: None,
            no_proxy: None,
        }
    }
}

/// The PEM file to trust: the destination's, else the one that AWS's SDKs or OpenSSL would take.
pub(crate) fn ca_file(
    of_destination: Option<&Path>,
    variables: &Variables,
) -> Option<(&'static str, PathBuf)> {
    if let Some(path) = of_destination {
        return Some(("ca_file", path.to_owned()));
    }
    ["AWS_CA_BUNDLE", "SSL_CERT_FILE"]
        .into_iter()
        .find_map(|name| Some((name, PathBuf::from(variables.get(name)?))))
}

/// The list of what is reached without a proxy.
pub(crate) fn no_proxy(variables: &Variables) -> Option<&str> {
    variables
        .get("NO_PROXY")
        .or_else(|| variables.get("no_proxy"))
}

/// Builds the client.
///
/// # Errors
/// When the proxy's address or the certificates are unusable, or no TLS provider is installed.
pub(crate) fn build(settings: &Settings<'_>) -> Result<Client, CallerError> {
    // reqwest panics without one, even for plain HTTP.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(CallerError::NoTlsProvider);
    }
    let mut builder = Client::builder()
        .connect_timeout(settings.connect_max)
        .redirect(Policy::none())
        .pool_max_idle_per_host(8)
        .pool_idle_timeout(Duration::from_secs(90))
        .no_proxy();
    let mut has_tls = settings.has_tls;
    if let Some(address) = settings.proxy_address {
        let proxy = proxy_url(address)?;
        has_tls |= proxy.scheme() == "https";
        let direct = format!("{},{LOOPBACK}", settings.no_proxy.unwrap_or_default());
        let proxy = Proxy::all(proxy).map_err(CallerError::Client)?;
        builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&direct)));
    }
    with_certificates(builder, settings, has_tls)?
        .build()
        .map_err(CallerError::Client)
}

fn with_certificates(
    builder: ClientBuilder,
    settings: &Settings<'_>,
    has_tls: bool,
) -> Result<ClientBuilder, CallerError> {
    if !has_tls {
        return Ok(builder.tls_certs_only([]));
    }
    let builder = match settings.client_certificate {
        Some(files) => builder.identity(identity(files)?),
        None => builder,
    };
    if settings.no_verify_ssl {
        return Ok(builder.tls_danger_accept_invalid_certs(true));
    }
    let Some((setting, path)) = settings.ca_file else {
        return Ok(builder);
    };
    let unusable = |problem: String| unusable(setting, path, problem);
    let pem = aws::read_file(path).map_err(|error| unusable(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(pem.as_bytes())
        .map_err(|_| unusable("no PEM file".to_owned()))?;
    if certificates.is_empty() {
        return Err(unusable("no certificate in it".to_owned()));
    }
    Ok(builder.tls_certs_only(certificates))
}

fn identity(files: &ClientCertificate) -> Result<Identity, CallerError> {
    let setting = "client certificate";
    let text = |path: &Path| {
        let text = aws::read_file(path);
        text.map_err(|error| unusable(setting, path, error.to_string()))
    };
    let pem = [text(&files.certificate)?, text(&files.key)?].join("\n");
    let no_pem = |_| {
        unusable(
            setting,
            &files.certificate,
            "no certificate with its key in PEM".to_owned(),
        )
    };
    Identity::from_pem(pem.as_bytes()).map_err(no_pem)
}

fn unusable(setting: &'static str, path: &Path, problem: String) -> CallerError {
    CallerError::CaFile {
        setting,
        path: path.to_owned(),
        problem,
    }
}

fn proxy_url(address: &str) -> Result<Url, CallerError> {
    // The address may hold a password, so that it is not repeated.
    let url = Url::parse(address).map_err(|_| CallerError::ProxyAddress)?;
    let is_usable = matches!(url.scheme(), "http" | "https") && url.has_host();
    if is_usable {
        Ok(url)
    } else {
        Err(CallerError::ProxyAddress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_certificate_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["daemon".to_owned()]).unwrap();
        let own = parameters.self_signed(&key).unwrap();
        let (cert, key) = (
            file("c.pem", &own.pem()),
            file("k.pem", &key.serialize_pem()),
        );
        let (odd, missing) = (file("odd.pem", "odd"), folder.path().join("none.pem"));
        for (certificate, key, expected) in [
            (&cert, &key, None),
            (&missing, &key, Some("none.pem: ")),
            (&cert, &missing, Some("none.pem: ")),
            (
                &odd,
                &key,
                Some("odd.pem: no certificate with its key in PEM"),
            ),
            (
                &cert,
                &odd,
                Some("c.pem: no certificate with its key in PEM"),
            ),
        ] {
            let files = ClientCertificate {
                certificate: certificate.clone(),
                key: key.clone(),
            };
            let refused = identity(&files).err().map(|error| error.to_string());
            assert_eq!(refused.is_some(), expected.is_some(), "{refused:?}");
            let told = refused.unwrap_or_default();
            assert!(told.contains(expected.unwrap_or_default()), "{told}");
            assert!(
                told.is_empty() || told.starts_with("client certificate: "),
                "{told}"
            );
        }
    }
}
