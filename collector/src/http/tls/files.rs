//! The PEM files of TLS, and what is made of them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::own::OwnOrOthers;
use crate::config::TlsFiles;

/// Why files cannot be used for TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path}: cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is none of what is expected; it is not read further.
    #[error("{path}: larger than {bytes_max} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How large it may be.
        bytes_max: u64,
    },
    /// A file of certificates has none, or a damaged one.
    #[error("{path}: no certificate in PEM")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file has no key, or one that is encrypted.
    #[error("{path}: no private key in PEM that is not encrypted")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key are none for TLS, or not of each other.
    #[error("{certificate} and {key}: not a certificate with its key")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Which it is.
        #[source]
        source: rustls::Error,
    },
    /// A certificate is no authority.
    #[error("{path}: not an authority of client certificates")]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// No client certificate could ever be checked.
    #[error("{path}: client certificates cannot be checked")]
    Verifier {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: VerifierBuilderError,
    },
}

/// The files' bytes. Not `Debug`: one is a key.
pub(super) struct Pems {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Pems {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read or is too large.
    pub(super) fn read(files: &TlsFiles, bytes_max: u64) -> Result<Self, TlsError> {
        let client_ca = files.client_ca.as_deref();
        Ok(Self {
            certificate: read(&files.certificate, bytes_max)?,
            key: read(&files.key, bytes_max)?,
            client_ca: client_ca.map(|path| read(path, bytes_max)).transpose()?,
        })
    }

    /// All bytes, in the files' order.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        [
            Some(&self.certificate),
            Some(&self.key),
            self.client_ca.as_ref(),
        ]
        .into_iter()
        .map(|part| part.map_or(&[][..], Vec::as_slice))
    }

    /// The server's certificate.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn certificate(
        &self,
        files: &TlsFiles,
    ) -> Result<CertificateDer<'static>, TlsError> {
        let path = &files.certificate;
        let chain = certificates(&self.certificate, path)?;
        let first = chain.into_iter().next();
        first.ok_or_else(|| TlsError::NoCertificate { path: path.clone() })
    }

    /// What handshakes are made with. Where client certificates are asked for, `own` is good as well.
    ///
    /// # Errors
    /// When the files do not hold what they should.
    pub(super) fn config(
        &self,
        files: &TlsFiles,
        own: Option<&CertificateDer<'static>>,
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mismatch = |source| TlsError::Mismatch {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            source,
        };
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::NoKey {
            path: files.key.clone(),
        })?;
        let chain = certificates(&self.certificate, &files.certificate)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(mismatch)?;
        let builder = match (&self.client_ca, &files.client_ca) {
            (Some(pem), Some(path)) => {
                let roots = Arc::new(roots(pem, path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
                let others = verifier.map_err(|source| TlsError::Verifier {
                    path: path.clone(),
                    source,
                })?;
                builder.with_client_cert_verifier(with_own(own, others))
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(mismatch)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// A verifier that lets in who shows `own` as well.
fn with_own(
    own: Option<&CertificateDer<'static>>,
    others: Arc<dyn ClientCertVerifier>,
) -> Arc<dyn ClientCertVerifier> {
    match own.cloned() {
        Some(own) => Arc::new(OwnOrOthers { own, others }),
        None => others,
    }
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let file = File::open(path);
    let read = file.and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes));
    let length = read.map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })?;
    if length as u64 > bytes_max {
        return Err(TlsError::TooLarge {
            path: path.to_owned(),
            bytes_max,
        });
    }
    Ok(bytes)
}

fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.unwrap_or_default();
    if found.is_empty() {
        return Err(TlsError::NoCertificate {
            path: path.to_owned(),
        });
    }
    Ok(found)
}

fn roots(pem: &[u8], path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, path)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::ClientCa {
                path: path.to_owned(),
                source,
            })?;
    }
    Ok(roots)
}
