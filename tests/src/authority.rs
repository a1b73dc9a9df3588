//! Certificates of an authority that only tests trust, made when they run: none can expire.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use tempfile::TempDir;

/// An authority, and a directory for what it issues.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: TempDir,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one, with `ca.pem`, and `cert.pem` and `key.pem` for 127.0.0.1.
    pub fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate whose issuer has its own name for one that signed itself
        parameters
            .distinguished_name
            .push(DnType::CommonName, "authority of a test");
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer =
            CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("it works"));
        let authority = Self {
            issuer: issuer.expect("it works"),
            dir: tempfile::tempdir().expect("it works"),
        };
        fs::write(authority.file("ca.pem"), authority.issuer.pem()).expect("it works");
        authority.issue("127.0.0.1");
        authority
    }

    /// A file of the directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same as a text.
    pub fn path(&self, name: &str) -> String {
        self.file(name).to_str().expect("it works").to_owned()
    }

    /// `cert.pem` and `key.pem` for a name or address, good for server and client.
    pub fn issue(&self, name: &str) {
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).expect("it works");
        parameters.use_authority_key_identifier_extension = true;
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().expect("it works");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("it works");
        fs::write(self.file("cert.pem"), certificate.pem()).expect("it works");
        fs::write(self.file("key.pem"), key.serialize_pem()).expect("it works");
    }
}
