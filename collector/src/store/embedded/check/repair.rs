//! Making a data directory whole again: files first, then the views of the traces that they changed.
//!
//! New views are put as the collector puts them, into the log of the hour, so that whatever an earlier
//! file says of the trace is replaced by what every reader knows how to replace.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::super::failure::Doing;
use super::super::files::{Files, SystemFiles};
use super::super::payload::encode_view;
use super::super::queue::{NewView, Work};
use super::super::{EmbeddedStore, Options};
use super::derive::{Derived, derive, documents_of};
use super::directory::{Directory, is_half_log};
use super::report::{Action, Repaired, Report};
use super::views::Comparison;
use super::{Step, Tell, check_files, mend, state};
use crate::store::StoreError;

/// Views that are put at once.
const VIEWS_MAX: usize = 256;

/// Repairs the data directory at `path`: afterwards [`super::verify`] finds no problem. Blocking; not to
/// be called by an asynchronous task.
///
/// # Errors
/// As [`super::verify`], and when something cannot be written. What was done by then stays done.
pub fn repair(path: &Path, now: Timestamp, tell: Tell<'_>) -> Result<Repaired, StoreError> {
    repair_with(path, now, tell, &Arc::new(SystemFiles))
}

/// The same by these files.
pub(super) fn repair_with<F: Files + 'static>(
    path: &Path,
    now: Timestamp,
    tell: Tell<'_>,
    files: &Arc<F>,
) -> Result<Repaired, StoreError> {
    let mut repaired = Repaired::default();
    repair_files(path, tell, &**files, &mut repaired)?;
    let options = Options {
        is_sealing: false,
        recent_bytes_max: 0,
        clock: Arc::new(move || now),
        ..Options::default()
    };
    let files: Arc<dyn Files> = Arc::clone(files) as Arc<dyn Files>;
    let store = EmbeddedStore::open_with(path, options, files)?;
    let mut comparison = Comparison::new(&store.shared);
    comparison.run(false, &mut Report::default(), tell)?;
    let wrong = std::mem::take(&mut comparison.wrong);
    drop(comparison);
    repaired.views = put_views(&store, &wrong, tell)?;
    store.close();
    store.shared.health()?;
    Ok(repaired)
}

fn repair_files(
    path: &Path,
    tell: Tell<'_>,
    files: &dyn Files,
    repaired: &mut Repaired,
) -> Result<(), StoreError> {
    let directory = Directory::take(path)?;
    let mut report = Report::default();
    let replaced = check_files(&directory, &mut report, tell)?;
    let mut done = |file: String, action: Action| repaired.actions.push(Action { file, ..action });
    for (sealed, path) in directory.sealed() {
        let name = directory.name_of(&path);
        if report.problems_of(&name).next().is_some() {
            done(name, mend::mend_sealed(files, &path, sealed)?);
        }
    }
    for log in &directory.found.logs {
        let path = log.path(&directory.log_dir);
        let name = directory.name_of(&path);
        if report.problems_of(&name).next().is_some() {
            done(name, mend::mend_log(files, &path)?);
        }
        remove_half_log(files, &path)?;
    }
    for name in directory.missing(&replaced) {
        let sealed = name.sealed();
        let path = sealed.path(&directory.log_dir);
        done(directory.name_of(&path), mend::fill(files, &path, sealed)?);
    }
    let mut report = Report::default();
    state::check_state(path, &mut report)?;
    if !report.is_clean() {
        let state = path.join("state.redb");
        done("state.redb".to_owned(), mend::mend_state(files, &state)?);
    }
    Ok(())
}

/// Removes what a repair that was killed left beside a log.
fn remove_half_log(files: &dyn Files, log: &Path) -> Result<(), StoreError> {
    let Some(day_dir) = log.parent() else {
        return Ok(());
    };
    for file in fs::read_dir(day_dir).doing("reading", day_dir)? {
        let path = file.doing("reading", day_dir)?.path();
        if is_half_log(&path) {
            files.remove(&path).doing("removing", &path)?;
        }
    }
    Ok(())
}

/// Derives the views of these traces and puts them.
fn put_views(store: &EmbeddedStore, traces: &[TraceId], tell: Tell<'_>) -> Result<u64, StoreError> {
    let (mut put, total) = (0, traces.len() as u64);
    for traces in traces.chunks(VIEWS_MAX) {
        let mut views = Vec::new();
        for trace_id in traces {
            let documents = documents_of(&store.shared, *trace_id);
            let Derived::View(view) = derive(&store.shared, &documents).0 else {
                continue;
            };
            let encoded =
                encode_view(&view).doing("encoding a view for", Path::new("the store"))?;
            views.push(NewView {
                view: *view,
                encoded,
            });
        }
        put += views.len() as u64;
        store.queue.tell(Work::PutViews(views))?;
        tell(Step {
            what: "storing views",
            done: put,
            total,
        });
    }
    Ok(put)
}
