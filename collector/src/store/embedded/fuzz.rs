//! The reader of logs, for the fuzz target `store` alone: any bytes as a log, any bytes as a payload.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::blocks::BlockReader;
use super::failure::Doing;
use super::files::SystemFiles;
use super::format::{BlockEncoder, Kind, file_header};
use super::hour::{Hour, LogName};
use super::recent::RecentTexts;
use super::recovery::{RecoveryReport, recover};
use super::scan::scan_log;
use super::shared::Shared;
use crate::store::StoreError;

/// When the log of [`fuzz_log`] was written; any hour does.
const WRITTEN: Timestamp = Timestamp::from_seconds(1_795_273_200);

/// What was found in a log, and could be read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FuzzedLog {
    /// What opening it told.
    pub report: RecoveryReport,
    /// Different documents.
    pub documents: usize,
    /// Views, the last of each trace.
    pub views: usize,
}

/// Opens a log of these bytes in an empty directory, or the one that is there when there are none, as
/// the store does, and reads everything in it back.
///
/// # Errors
/// When it is of another format version, or anything that was found cannot be read.
pub fn fuzz_log(log_dir: &Path, bytes: Option<&[u8]>) -> Result<FuzzedLog, StoreError> {
    let hour = Hour::of(WRITTEN);
    if let Some(bytes) = bytes {
        let day_dir = hour.day_dir(log_dir);
        fs::create_dir_all(&day_dir).doing("making", &day_dir)?;
        let name = LogName { hour, sequence: 0 };
        let path = name.path(log_dir);
        fs::write(&path, bytes).doing("writing", &path)?;
    }
    let shared = Shared::new(
        log_dir.to_owned(),
        Arc::new(SystemFiles),
        BlockReader::new(1 << 20),
        RecentTexts::new(0),
    );
    let report = recover(&shared, WRITTEN)?;
    let mut traces: BTreeSet<TraceId> = shared.unsettled()?.into_iter().collect();
    let mut views = 0;
    let places = shared.index().view_places(None);
    for place in places {
        let view = shared.blocks.view(place)?;
        views += usize::from(view.is_some());
        traces.extend(view.map(|view| view.trace_id));
    }
    let traces: Vec<TraceId> = traces.into_iter().collect();
    let documents = shared.documents(&traces)?;
    Ok(FuzzedLog {
        report,
        documents: documents.iter().map(|trace| trace.documents.len()).sum(),
        views,
    })
}

/// A log of one intact block with this payload.
///
/// # Errors
/// When the payload is too large.
pub fn fuzz_block(is_views: bool, raw: &[u8]) -> io::Result<Vec<u8>> {
    let kind = if is_views {
        Kind::Views
    } else {
        Kind::Documents
    };
    let mut log = file_header().to_vec();
    BlockEncoder::new()?.push(kind, raw, &mut log)?;
    Ok(log)
}

/// The payloads of a log's intact blocks, and whether they are of views.
///
/// # Errors
/// When it cannot be read.
pub fn fuzz_payloads(path: &Path) -> Result<Vec<(bool, Vec<u8>)>, StoreError> {
    let mut payloads = Vec::new();
    scan_log(path, |_, header, payload| {
        let is_views = header.kind == Kind::Views;
        payloads.extend(header.decompress(payload).map(|raw| (is_views, raw)));
    })?;
    Ok(payloads)
}
