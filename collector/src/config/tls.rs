//! Which files make the X-Ray API speak TLS. Pure: `http::tls` reads them.

use std::path::PathBuf;

/// PEM files of TLS; all are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, followed by those that lead to a root clients trust.
    pub certificate: PathBuf,
    /// The key of the certificate: PKCS #8, PKCS #1 or SEC 1, not encrypted.
    pub key: PathBuf,
    /// Authorities of client certificates. Given, a client without a certificate of one of these is
    /// refused in the handshake; `None` asks for none.
    pub client_ca: Option<PathBuf>,
    /// Whether a client that shows the certificate with which the collector started is let in as well,
    /// whoever issued it: it holds the collector's key, as a daemon in the same process does. Default
    /// false.
    pub admits_own: bool,
}
