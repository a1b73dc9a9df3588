//! The HTTP client of a destination: connections, outbound proxy, certificates on both sides.
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
pub(crate) struct Settings {
    /// Until a connection stands.
    pub(crate) connect_max: Duration,
    /// Connections kept for later calls.
    pub(crate) idle_connections_max: usize,
    /// Whether it will speak TLS at all.
    pub(crate) has_tls: bool,
    /// Whether certificates are not checked.
    pub(crate) no_verify_ssl: bool,
    /// PEM file to trust instead of the system's, and the setting that names it.
    pub(crate) ca_file: Option<(&'static str, PathBuf)>,
    /// What is shown to a server that asks for a certificate.
    pub(crate) client_certificate: Option<ClientCertificate>,
    /// `http://host:port`
    pub(crate) proxy_address: Option<String>,
    /// What is reached without it, as in `NO_PROXY`.
    pub(crate) no_proxy: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_max: CONNECT_MAX,
            idle_connections_max: 8,
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
pub(crate) fn no_proxy(variables: &Variables) -> Option<String> {
    let list = variables.get("NO_PROXY");
    list.or_else(|| variables.get("no_proxy"))
        .map(str::to_owned)
}

/// Builds the client; the files of certificates are read now.
///
/// # Errors
/// When the proxy's address or the certificates are unusable, or no TLS provider is installed.
pub(crate) fn build(settings: &Settings) -> Result<Client, CallerError> {
    // reqwest panics without one, even for plain HTTP.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(CallerError::NoTlsProvider);
    }
    let mut builder = Client::builder()
        .connect_timeout(settings.connect_max)
        .redirect(Policy::none())
        .pool_max_idle_per_host(settings.idle_connections_max)
        .pool_idle_timeout(Duration::from_secs(90))
        .no_proxy();
    let mut has_tls = settings.has_tls;
    if let Some(address) = &settings.proxy_address {
        let proxy = proxy_url(address)?;
        has_tls |= proxy.scheme() == "https";
        let direct = format!(
            "{},{LOOPBACK}",
            settings.no_proxy.as_deref().unwrap_or_default()
        );
        let proxy = Proxy::all(proxy).map_err(CallerError::Client)?;
        builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&direct)));
    }
    builder = with_certificates(builder, settings, has_tls)?;
    if let Some(shown) = settings.client_certificate.as_ref().filter(|_| has_tls) {
        builder = builder.identity(identity(shown)?);
    }
    builder.build().map_err(CallerError::Client)
}

/// Reads certificate and key, each from its own file.
fn identity(shown: &ClientCertificate) -> Result<Identity, CallerError> {
    let certificate = pem("ClientCert", &shown.certificate)?;
    let key = pem("ClientKey", &shown.key)?;
    let unusable = |setting, path: &Path, problem: &str| CallerError::File {
        setting,
        path: path.to_owned(),
        problem: problem.to_owned(),
    };
    if !certificate.contains("-----BEGIN CERTIFICATE-----") {
        let problem = "no certificate in it";
        return Err(unusable("ClientCert", &shown.certificate, problem));
    }
    if !key.contains("PRIVATE KEY-----") || key.contains("ENCRYPTED") {
        let problem = "no private key in PEM that is not encrypted";
        return Err(unusable("ClientKey", &shown.key, problem));
    }
    // The key last: of several the last one counts, and the certificate's file may hold one, too.
    Identity::from_pem(format!("{certificate}\n{key}").as_bytes()).map_err(|_| {
        let problem = "neither this file nor that of ClientCert may hold anything but PEM";
        unusable("ClientKey", &shown.key, problem)
    })
}

fn pem(setting: &'static str, path: &Path) -> Result<String, CallerError> {
    aws::read_file(path).map_err(|error| CallerError::File {
        setting,
        path: path.to_owned(),
        problem: error.to_string(),
    })
}

fn with_certificates(
    builder: ClientBuilder,
    settings: &Settings,
    has_tls: bool,
) -> Result<ClientBuilder, CallerError> {
    if !has_tls {
        return Ok(builder.tls_certs_only([]));
    }
    if settings.no_verify_ssl {
        return Ok(builder.tls_danger_accept_invalid_certs(true));
    }
    let Some((setting, path)) = &settings.ca_file else {
        return Ok(builder);
    };
    let unusable = |problem: String| CallerError::File {
        setting,
        path: path.clone(),
        problem,
    };
    let pem = pem(setting, path)?;
    let certificates = Certificate::from_pem_bundle(pem.as_bytes())
        .map_err(|_| unusable("no PEM file".to_owned()))?;
    if certificates.is_empty() {
        return Err(unusable("no certificate in it".to_owned()));
    }
    Ok(builder.tls_certs_only(certificates))
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
            (&odd, &key, Some("odd.pem: no certificate in it")),
            (
                &cert,
                &odd,
                Some("odd.pem: no private key in PEM that is not encrypted"),
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
                told.is_empty()
                    || told.starts_with("ClientCert: ")
                    || told.starts_with("ClientKey: "),
                "{told}"
            );
        }
    }
}
