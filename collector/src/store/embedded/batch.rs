//! Which requests share a commit.

use crossbeam_channel::Receiver;

use super::failure::repeat;
use super::queue::{NewDocument, NewView, Request, Work};
use crate::store::StoreError;

/// Bytes of documents and views that are collected into one commit: about 1 MiB once compressed, up
/// to which a sync takes as long as for one byte.
const COMMIT_BYTES_MAX: usize = 8 << 20;

/// Requests that are committed together, in order of arrival.
#[derive(Default)]
pub(super) struct Batch {
    requests: Vec<Request>,
    /// What is to be done after the commit: neither to append nor to put views.
    pub(super) then: Option<Request>,
}

impl Batch {
    /// `first` and all that waits behind it, up to the bound or up to a request of another kind.
    pub(super) fn collect(first: Request, queue: &Receiver<Request>) -> Self {
        let mut batch = Self::default();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(request) = next {
            if !matches!(request.work, Work::Append(_) | Work::PutViews(_)) {
                batch.then = Some(request);
                break;
            }
            bytes += request.bytes;
            batch.requests.push(request);
            next = if bytes < COMMIT_BYTES_MAX {
                queue.try_recv().ok()
            } else {
                None
            };
        }
        batch
    }

    /// Whether there is nothing to commit.
    pub(super) const fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The documents of all requests.
    pub(super) fn documents(&self) -> impl Iterator<Item = &NewDocument> {
        self.requests
            .iter()
            .flat_map(|request| match &request.work {
                Work::Append(documents) => documents.as_slice(),
                _ => &[],
            })
    }

    /// The documents of all requests, to take their texts.
    pub(super) fn documents_mut(&mut self) -> impl Iterator<Item = &mut NewDocument> {
        self.requests
            .iter_mut()
            .flat_map(|request| match &mut request.work {
                Work::Append(documents) => documents.as_mut_slice(),
                _ => &mut [],
            })
    }

    /// The views of all requests.
    pub(super) fn views(&self) -> impl Iterator<Item = &NewView> {
        self.requests
            .iter()
            .flat_map(|request| match &request.work {
                Work::PutViews(views) => views.as_slice(),
                _ => &[],
            })
    }

    /// Refuses the requests to put views, and keeps the others.
    pub(super) fn refuse_views(&mut self, error: &StoreError) {
        let is_views = |request: &mut Request| matches!(request.work, Work::PutViews(_));
        for request in self.requests.extract_if(.., is_views) {
            request.answer(Err(repeat(error)));
        }
    }

    /// Answers all requests.
    pub(super) fn answer(self, outcome: &Result<(), StoreError>) {
        for request in self.requests {
            request.answer(match outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(repeat(error)),
            });
        }
    }
}
