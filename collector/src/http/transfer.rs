//! Long answers: `POST /Export` and `POST /Backup`, Radiograph's own operations. A body of JSON, or
//! none, comes in; a stream goes out that is as long as the data is (`docs/bundle.md`).
//!
//! What goes wrong before the stream begins is an answer like any other; afterwards the connection
//! breaks, and what came ends without its end mark. Bounds: [`EXPORTS_MAX`] and [`BACKUPS_MAX`] under
//! way, others are throttled; [`PIECES_MAX`] pieces on their way; a client that takes none for
//! [`TAKEN_WITHIN`] is taken for gone, and the work ends.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::channel::Channel;
use radiograph_admin::with_causes;
use radiograph_protocol::bundle;
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tracing::{info, warn};
use uuid::Uuid;

use super::auth::{self, Signer};
use super::error::Failure;
use super::log::Answered;
use super::{Api, with_headers};
use crate::backup::{self, Backup};
use crate::clock;
use crate::export::{Export, Selection};
use crate::worker::on_worker;

/// Exports under way; imports ask for what is there by exporting it.
const EXPORTS_MAX: usize = 4;

/// Backups under way.
const BACKUPS_MAX: usize = 1;

/// Pieces that wait to be sent: of an export up to 1 MiB each, of a backup 256 KiB.
const PIECES_MAX: usize = 2;

/// How long a client may take to read one.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);

/// How often there is a look at whether the client is still there, while there is nothing to send.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The services that answer with streams. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Transfer {
    export: Export,
    backup: Backup,
    exports: Arc<Semaphore>,
    backups: Arc<Semaphore>,
}

impl Transfer {
    /// Exports and backups by these services.
    pub(crate) fn new(export: Export, backup: Backup) -> Self {
        Self {
            export,
            backup,
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            backups: Arc::new(Semaphore::new(BACKUPS_MAX)),
        }
    }
}

/// A stream whose work is under way.
struct Stream {
    body: Channel<Bytes, Interrupted>,
    media_type: &'static str,
}

/// The work behind a body ended early.
#[derive(Debug, thiserror::Error)]
#[error("the stream was interrupted")]
struct Interrupted;

/// Answers `POST /Export`.
pub(super) async fn export(State(api): State<Api>, request: Request) -> Response {
    let (started, mut signer) = (clock::instant(), Signer::default());
    let stream = begin_export(&api, request, &mut signer).await;
    answer(&api, "Export", &signer, started, stream)
}

/// Answers `POST /Backup`.
pub(super) async fn backup(State(api): State<Api>, request: Request) -> Response {
    let (started, mut signer) = (clock::instant(), Signer::default());
    let stream = begin_backup(&api, request, &mut signer).await;
    answer(&api, "Backup", &signer, started, stream)
}

async fn begin_export(api: &Api, request: Request, signer: &mut Signer) -> Result<Stream, Failure> {
    let transfer = &api.services.transfer;
    let request = auth::claimed(&api.services, request).await?;
    let place = place(&transfer.exports, "exports")?;
    let body = small_body(api, "Export", request, signer).await?;
    let selection = transfer.export.selection(&body).await?;
    // imports ask for what is there, a thousand documents at a time
    let is_told = matches!(selection, Selection::Window { .. });
    let export = transfer.export.clone();
    let (out, pieces) = mpsc::channel(PIECES_MAX);
    let work = async move {
        let done = export.stream(selection, out).await;
        if let Ok(totals) = &done
            && is_told
        {
            let (traces, documents) = (totals.traces, totals.documents);
            info!(traces, documents, "traces were exported");
        }
        done.map(drop)
    };
    Ok(Stream {
        body: carry("export", place, work, pieces),
        media_type: bundle::CONTENT_TYPE,
    })
}

async fn begin_backup(api: &Api, request: Request, signer: &mut Signer) -> Result<Stream, Failure> {
    let transfer = &api.services.transfer;
    let request = auth::claimed(&api.services, request).await?;
    let place = place(&transfer.backups, "backups")?;
    small_body(api, "Backup", request, signer).await?;
    let snapshot = transfer.backup.snapshot().await?;
    let (out, pieces) = mpsc::channel(PIECES_MAX);
    let work = async move {
        let files = on_worker(move || backup::stream(&snapshot, &out)).await??;
        info!(files, "a backup was made");
        Ok::<(), backup::BackupError>(())
    };
    Ok(Stream {
        body: carry("backup", place, work, pieces),
        media_type: "application/x-tar",
    })
}

/// A place among the streams of a kind.
fn place(places: &Arc<Semaphore>, what: &str) -> Result<OwnedSemaphorePermit, ApiError> {
    let place = Arc::clone(places).try_acquire_owned();
    place.map_err(|_| ApiError {
        kind: ApiErrorKind::Throttled,
        message: format!("as many {what} as may be are under way"),
    })
}

async fn small_body(
    api: &Api,
    operation: &str,
    request: Request,
    signer: &mut Signer,
) -> Result<Bytes, Failure> {
    let (form, body) = super::received(api, operation, request, signer).await?;
    form.must_be_json()?;
    Ok(body)
}

/// The next piece; `None` at the end. An empty one now and then, which is not sent, but shows whether
/// somebody still reads.
async fn next(pieces: &mut mpsc::Receiver<Bytes>) -> Option<Bytes> {
    let next = timeout(LOOK_EVERY, pieces.recv()).await;
    next.unwrap_or_else(|_| Some(Bytes::new()))
}

/// Works and sends, until one of the two is over.
fn carry<E: Error + Send + 'static>(
    what: &'static str,
    place: OwnedSemaphorePermit,
    work: impl Future<Output = Result<(), E>> + Send + 'static,
    mut pieces: mpsc::Receiver<Bytes>,
) -> Channel<Bytes, Interrupted> {
    let (mut sender, body) = Channel::new(1);
    let work = tokio::spawn(work);
    tokio::spawn(async move {
        let _place = place;
        while let Some(piece) = next(&mut pieces).await {
            if !matches!(
                timeout(TAKEN_WITHIN, sender.send_data(piece)).await,
                Ok(Ok(()))
            ) {
                break;
            }
        }
        // whoever works hears that nobody takes more
        drop(pieces);
        let reason = match work.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => with_causes(&error),
            Err(_) => "the collector is stopping".to_owned(),
        };
        warn!(what, reason, "a stream was interrupted");
        sender.abort(Interrupted);
    });
    body
}

fn answer(
    api: &Api,
    operation: &'static str,
    signer: &Signer,
    started: std::time::Instant,
    stream: Result<Stream, Failure>,
) -> Response {
    let id = Uuid::new_v4();
    let (answer, response) = match stream {
        Ok(stream) => (Ok(Vec::new()), streamed(stream)),
        Err(failure) => {
            let response = failure.response();
            (Err(failure), response)
        }
    };
    let answered = Answered {
        id,
        operation: Some(operation),
        key_id: signer.key_id(),
        elapsed: started.elapsed(),
        answer: &answer,
    };
    api.log.answered(&api.services.metrics, &answered);
    with_headers(response, id)
}

fn streamed(stream: Stream) -> Response {
    let mut response = Response::new(Body::new(stream.body));
    let media_type = HeaderValue::from_static(stream.media_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    response
}
