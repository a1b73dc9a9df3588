//! TLS of the X-Ray API, by rustls with ring: certificate and key from files, client certificates if
//! authorities for them are given.
//!
//! Files are read again every [`RELOAD_EVERY`]; handshakes from then on use what they hold. What cannot be
//! used leaves the old in place and says so once, so that certificate and key may be replaced one after
//! the other. HTTP/1.1 is all that ALPN offers, since it is all that is spoken. Bounds: a file of
//! [`FILE_BYTES_MAX`] bytes; the time of a handshake, in which a connection has its place among those
//! that may be open.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use radiograph_admin::with_causes;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

use self::files::Pems;
use crate::config::TlsFiles;

mod files;
mod own;
#[cfg(test)]
pub(super) mod tests;

pub use self::files::TlsError;

/// How often there is a look at the files.
pub(crate) const RELOAD_EVERY: Duration = Duration::from_secs(5);

/// Bytes of a file; hundreds of certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What is read of a request that came without TLS, so that its client sees the answer and no reset.
const DISCARDED_BYTES_MAX: u64 = 1 << 20;

/// The answer to a request without TLS.
const SPEAK_TLS: &str = concat!(
    "HTTP/1.1 400 Bad Request\r\n",
    "content-type: application/json\r\n",
    "x-amzn-errortype: InvalidRequestException\r\n",
    "content-length: 105\r\n",
    "connection: close\r\n\r\n",
    "{\"__type\":\"InvalidRequestException\",\"Message\":\"this address speaks TLS: ",
    "use https:// instead of http://\"}",
);

/// What handshakes are made with, and the files it comes from.
pub(crate) struct Tls {
    files: TlsFiles,
    /// The certificate at the start, where who shows it is let in.
    own: Option<CertificateDer<'static>>,
    current: Mutex<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    /// Of the files as they were last looked at, whether or not they could be used.
    digest: [u8; 32],
}

/// Why a connection is not one of TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// It took too long.
    #[error("handshake took too long")]
    Slow,
    /// The client speaks HTTP without TLS, and was told.
    #[error("request came without TLS")]
    PlainHttp,
    /// The two could not agree, or the client left.
    #[error("handshake")]
    Disagreed(#[from] io::Error),
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When a file cannot be read or used; it is named.
    pub(crate) async fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let pems = read(&files).await?;
        let own = files.admits_own.then(|| pems.certificate(&files));
        let own = own.transpose()?;
        let current = Mutex::new(Current {
            config: pems.config(&files, own.as_ref())?,
            digest: digest(&pems),
        });
        Ok(Arc::new(Self {
            files,
            own,
            current,
        }))
    }

    /// Looks at the files again and again, and uses what they hold.
    pub(crate) async fn keep_current(self: Arc<Self>, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // an unreadable file is told of once, as an unusable one is
        let mut is_readable = true;
        loop {
            ticks.tick().await;
            match read(&self.files).await {
                Ok(pems) => {
                    is_readable = true;
                    self.use_if_new(&pems);
                }
                Err(error) if is_readable => {
                    is_readable = false;
                    not_used(&error);
                }
                Err(_) => {}
            }
        }
    }

    fn use_if_new(&self, pems: &Pems) {
        let digest = digest(pems);
        if self.locked().digest == digest {
            return;
        }
        let config = pems.config(&self.files, self.own.as_ref());
        let mut current = self.locked();
        current.digest = digest;
        match config {
            Ok(config) => {
                current.config = config;
                info!("certificate and key were read again");
            }
            Err(error) => not_used(&error),
        }
    }

    /// Agrees on TLS with a client.
    ///
    /// # Errors
    /// The connection is over, see [`HandshakeError`].
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        within: Duration,
    ) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.locked().config));
        let handshake = async move {
            let mut first = [0_u8; 1];
            // a record of TLS begins with 22, a method with a capital letter
            if stream.peek(&mut first).await? > 0 && first.iter().all(u8::is_ascii_uppercase) {
                tell_to_speak_tls(stream).await?;
                return Err(HandshakeError::PlainHttp);
            }
            Ok(acceptor.accept(stream).await?)
        };
        tokio::time::timeout(within, handshake)
            .await
            .map_err(|_| HandshakeError::Slow)?
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Current> {
        // both fields are replaced whole
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HandshakeError {
    /// The label of the bound that the connection met.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Slow => "handshake_time",
            Self::PlainHttp => "plain_http",
            Self::Disagreed(_) => "handshake",
        }
    }

    /// Says so; the caller sees to it that it is not said without end.
    pub(crate) fn tell(&self, remote: SocketAddr, suppressed: u64) {
        let error = with_causes(self);
        warn!(%remote, error, suppressed, "a connection did not become one of TLS");
    }
}

async fn read(files: &TlsFiles) -> Result<Pems, TlsError> {
    let files = files.clone();
    let stopped = || TlsError::Read {
        path: files.certificate.clone(),
        source: io::Error::other("the collector is stopping"),
    };
    let stopped = stopped();
    tokio::task::spawn_blocking(move || Pems::read(&files, FILE_BYTES_MAX))
        .await
        .map_err(|_| stopped)?
}

fn digest(pems: &Pems) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in pems.parts() {
        // lengths tell where one ends, whatever is in it
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn not_used(error: &TlsError) {
    let error = with_causes(error);
    warn!(
        error,
        "the new certificate cannot be used; the old one stays"
    );
}

async fn tell_to_speak_tls(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(SPEAK_TLS.as_bytes()).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(DISCARDED_BYTES_MAX);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}
