//! Certificates made here, files that change, and clients of rustls that do or do not trust what they see.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;

use super::*;

const DEADLINE: Duration = Duration::from_secs(60);

/// An authority of certificates.
pub(in super::super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Files of a server, in a directory that goes away.
pub(in super::super) struct Files {
    pub(in super::super) tls: TlsFiles,
    dir: TempDir,
}

impl Authority {
    pub(in super::super) fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(parameters, key).unwrap())
    }

    /// A certificate for localhost and its key, as PEM.
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub(in super::super) fn server_files(&self) -> Files {
        let dir = tempfile::tempdir().unwrap();
        let tls = TlsFiles {
            certificate: dir.path().join("cert.pem"),
            key: dir.path().join("key.pem"),
            client_ca: None,
            admits_own: false,
        };
        let files = Files { tls, dir };
        files.replace(self);
        files
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

impl Files {
    fn replace(&self, authority: &Authority) {
        let (certificate, key) = authority.issue();
        fs::write(&self.tls.certificate, certificate).unwrap();
        fs::write(&self.tls.key, key).unwrap();
    }

    /// Client certificates of this authority are asked for.
    fn with_client_ca(mut self, authority: &Authority) -> Self {
        let path = self.dir.path().join("clients.pem");
        fs::write(&path, authority.0.pem()).unwrap();
        self.tls.client_ca = Some(path);
        self
    }
}

/// What a client that trusts the authority sees: the protocol agreed upon and one byte, or why not.
async fn connect(
    tls: &Tls,
    trusted: &Authority,
    identity: Option<&Authority>,
) -> Result<Option<Vec<u8>>, String> {
    show(tls, trusted, identity.map(Authority::issue)).await
}

/// The same with a certificate and its key, as PEM.
async fn show(
    tls: &Tls,
    trusted: &Authority,
    identity: Option<(String, String)>,
) -> Result<Option<Vec<u8>>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trusted.roots());
    let mut config = match identity {
        Some((certificate, key)) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder
                .with_client_auth_cert(vec![certificate], key)
                .unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = tls.handshake(stream, DEADLINE).await.ok()?;
        stream.write_all(b"x").await.ok()?;
        stream.shutdown().await.ok()
    };
    let client = async {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, stream).await?;
        // of TLS 1.3 the client hears here that its certificate was refused
        stream.read_u8().await?;
        Ok(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
    };
    let (_, seen) = tokio::join!(server, client);
    seen.map_err(|error: io::Error| error.to_string())
}

async fn load_error(files: &Files) -> String {
    match Tls::load(files.tls.clone()).await {
        Ok(_) => "none".to_owned(),
        Err(error) => with_causes(&error),
    }
}

#[tokio::test]
async fn clients_that_trust_the_authority_are_served_and_others_leave() {
    let (ours, other) = (Authority::new(), Authority::new());
    let tls = Tls::load(ours.server_files().tls.clone()).await.unwrap();
    assert_eq!(
        connect(&tls, &ours, None).await,
        Ok(Some(b"http/1.1".to_vec()))
    );
    let error = connect(&tls, &other, None).await.unwrap_err();
    assert!(error.contains("invalid peer certificate"), "{error}");
}

#[tokio::test]
async fn with_client_authorities_a_client_needs_a_certificate_of_theirs() {
    let (ours, clients, other) = (Authority::new(), Authority::new(), Authority::new());
    let files = ours.server_files().with_client_ca(&clients);
    let tls = Tls::load(files.tls.clone()).await.unwrap();
    let served = connect(&tls, &ours, Some(&clients)).await;
    assert_eq!(served, Ok(Some(b"http/1.1".to_vec())));
    let none = connect(&tls, &ours, None).await.unwrap_err();
    assert!(none.contains("CertificateRequired"), "{none}");
    let strange = connect(&tls, &ours, Some(&other)).await.unwrap_err();
    assert!(strange.contains("fatal alert"), "{strange}");
}

#[tokio::test]
async fn who_shows_the_collectors_own_certificate_is_let_in_where_that_is_wanted() {
    let (ours, clients) = (Authority::new(), Authority::new());
    let mut files = ours.server_files().with_client_ca(&clients);
    let text = |path| fs::read_to_string(path).unwrap();
    let own = (text(&files.tls.certificate), text(&files.tls.key));
    let without = Tls::load(files.tls.clone()).await.unwrap();
    let refused = show(&without, &ours, Some(own.clone())).await.unwrap_err();
    assert!(refused.contains("fatal alert"), "{refused}");

    files.tls.admits_own = true;
    let tls = Tls::load(files.tls.clone()).await.unwrap();
    let served = Ok(Some(b"http/1.1".to_vec()));
    assert_eq!(show(&tls, &ours, Some(own.clone())).await, served);
    assert_eq!(connect(&tls, &ours, Some(&clients)).await, served);
    let another = connect(&tls, &ours, Some(&ours)).await.unwrap_err();
    assert!(another.contains("fatal alert"), "{another}");
    let none = connect(&tls, &ours, None).await.unwrap_err();
    assert!(none.contains("CertificateRequired"), "{none}");

    // the process goes on with the one it started with
    files.replace(&ours);
    tls.use_if_new(&read(&files.tls).await.unwrap());
    assert_eq!(show(&tls, &ours, Some(own)).await, served);
}

#[tokio::test]
async fn changed_files_are_used_and_bad_ones_leave_the_old() {
    let (first, second) = (Authority::new(), Authority::new());
    let files = first.server_files();
    let tls = Tls::load(files.tls.clone()).await.unwrap();
    let look = async || tls.use_if_new(&read(&files.tls).await.unwrap());
    let is_served_by = async |authority| connect(&tls, authority, None).await.is_ok();

    // the new certificate with the old key: half of an exchange
    let old_key = fs::read(&files.tls.key).unwrap();
    files.replace(&second);
    let new_key = fs::read(&files.tls.key).unwrap();
    fs::write(&files.tls.key, old_key).unwrap();
    look().await;
    assert!(is_served_by(&first).await);
    fs::write(&files.tls.key, new_key).unwrap();
    look().await;
    assert!(is_served_by(&second).await);
    fs::write(&files.tls.certificate, "").unwrap();
    look().await;
    assert!(is_served_by(&second).await);
}

#[tokio::test]
async fn files_are_looked_at_again_and_again_even_after_they_were_gone() {
    let (first, second) = (Authority::new(), Authority::new());
    let files = first.server_files();
    let tls = Tls::load(files.tls.clone()).await.unwrap();
    let looking = tokio::spawn(Arc::clone(&tls).keep_current(Duration::from_millis(1)));
    fs::remove_file(&files.tls.key).unwrap();
    fs::remove_file(&files.tls.certificate).unwrap();
    assert!(connect(&tls, &first, None).await.is_ok());
    files.replace(&second);
    let seen = async { while connect(&tls, &second, None).await.is_err() {} };
    tokio::time::timeout(DEADLINE, seen).await.unwrap();
    looking.abort();
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_with_what_is_wrong() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue();
    let files = authority.server_files().with_client_ca(&authority);
    let TlsFiles {
        certificate: cert_path,
        key: key_path,
        client_ca,
        admits_own: _,
    } = files.tls.clone();
    let ca_path = client_ca.unwrap();
    let too_large = " ".repeat((1 << 20) + 1);
    for (path, text, problem) in [
        (&cert_path, "", "no certificate in PEM"),
        (&cert_path, key.as_str(), "no certificate in PEM"),
        (&cert_path, too_large.as_str(), "larger than 1048576 bytes"),
        (
            &cert_path,
            certificate.as_str(),
            "not a certificate with its key: keys may not be consistent: KeyMismatch",
        ),
        (&key_path, "", "no private key in PEM that is not encrypted"),
        (
            &key_path,
            certificate.as_str(),
            "no private key in PEM that is not encrypted",
        ),
        (&ca_path, "", "no certificate in PEM"),
    ] {
        let good = fs::read(path).unwrap();
        fs::write(path, text).unwrap();
        let error = load_error(&files).await;
        assert!(error.contains(problem), "{error}");
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        fs::write(path, good).unwrap();
    }
    assert_eq!(load_error(&files).await, "none");
    fs::remove_file(&key_path).unwrap();
    let error = load_error(&files).await;
    assert_eq!(
        error,
        format!(
            "{}: cannot be read: No such file or directory (os error 2)",
            key_path.display()
        )
    );
}
