//! Trace retrieval: traces by their ids in pages, as segments or as spans, and their graph.
//!
//! On AWS a retrieval runs in the background. Here the traces are in the store already, so it is
//! complete at once, and each page is read when it is asked for. A retrieval is therefore no more than
//! what was asked for, kept under a token for [`retrieval_set::LIFETIME`]; a token cannot hold it, since
//! a hundred ids are longer than a token may be.
//!
//! Bounds: [`retrieval_set::RETRIEVALS_MAX`] retrievals, of which the oldest makes room for a new one;
//! five traces in memory at a time, as in BatchGetTraces. Source: `spec/api.md` section 5.1.

use std::sync::Arc;

use radiograph_protocol::api::retrieval::{
    CancelTraceRetrievalRequest, CancelTraceRetrievalResponse, GetRetrievedTracesGraphRequest,
    GetRetrievedTracesGraphResponse, ListRetrievedTracesRequest, ListRetrievedTracesResponse,
    StartTraceRetrievalRequest, StartTraceRetrievalResponse,
};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::limits::RETRIEVED_SERVICES_PER_PAGE_MAX;
use radiograph_protocol::timestamp::Timestamp;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use self::pages::Place;
use self::request::{Format, checked_token};
use self::retrieval_set::{Retrieval, RetrievalSet};
use crate::error::ServiceError;
use crate::query::token::{TokenKey, digest};
use crate::record;
use crate::store::Store;

mod graph;
mod pages;
mod request;
pub mod retrieval_set;

/// Record of the retrievals in the store.
const KEY: &str = "trace-retrievals";

const COMPLETE: &str = "COMPLETE";
const CANCELLED: &str = "CANCELLED";

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Retrievals {
    store: Arc<dyn Store>,
    token_key: TokenKey,
}

impl Retrievals {
    /// The retrievals of a store; page tokens are signed with `token_key`.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, token_key: TokenKey) -> Self {
        Self { store, token_key }
    }

    /// StartTraceRetrieval.
    ///
    /// # Errors
    /// When a member is missing or unsound, or the store cannot be used.
    pub async fn start(
        &self,
        request: StartTraceRetrievalRequest,
        now: Timestamp,
    ) -> Result<StartTraceRetrievalResponse, ServiceError> {
        let wanted = request::checked(request)?;
        // nobody can guess its 122 random bits
        let token = Uuid::new_v4().simple().to_string();
        let retrieval = Retrieval::new(token.clone(), wanted, now);
        let add = |set: &mut RetrievalSet| {
            set.add(retrieval.clone(), now);
            Ok(())
        };
        record::change(&*self.store, KEY, RetrievalSet::default, add).await?;
        Ok(StartTraceRetrievalResponse {
            retrieval_token: token,
        })
    }

    /// ListRetrievedTraces: the traces in the order of their ids, unknown ones and those outside the
    /// window left out. A trace of more segments than fit on a page goes on with the next one.
    ///
    /// # Errors
    /// When a member is missing or unsound, the token unknown or expired, or the store cannot be read.
    pub async fn traces(
        &self,
        request: ListRetrievedTracesRequest,
        now: Timestamp,
    ) -> Result<ListRetrievedTracesResponse, ServiceError> {
        let format = Format::read(request.trace_format.as_deref())?;
        let retrieval = self.find(request.retrieval_token, now).await?;
        let answer = |status, traces, next_token| ListRetrievedTracesResponse {
            retrieval_status: status,
            trace_format: format.name(),
            traces,
            next_token,
        };
        if retrieval.is_cancelled {
            return Ok(answer(CANCELLED, Vec::new(), None));
        }
        let of = digest(&["ListRetrievedTraces", &retrieval.token, format.name()]);
        let place: Place = self.place(request.next_token.as_deref(), of)?;
        let page = pages::page(&*self.store, &retrieval, format, place).await?;
        let next_token = page.next.map(|next| self.token_key.sign(&next, of));
        Ok(answer(COMPLETE, page.traces, next_token))
    }

    /// GetRetrievedTracesGraph: the graph of all traces of the retrieval, link edges among them
    /// included, and where their segments link to.
    ///
    /// # Errors
    /// As [`Retrievals::traces`].
    pub async fn graph(
        &self,
        request: GetRetrievedTracesGraphRequest,
        now: Timestamp,
    ) -> Result<GetRetrievedTracesGraphResponse, ServiceError> {
        let retrieval = self.find(request.retrieval_token, now).await?;
        let mut answer = GetRetrievedTracesGraphResponse {
            retrieval_status: CANCELLED,
            services: Vec::new(),
            next_token: None,
        };
        if retrieval.is_cancelled {
            return Ok(answer);
        }
        let of = digest(&["GetRetrievedTracesGraph", &retrieval.token]);
        let from: usize = self.place(request.next_token.as_deref(), of)?;
        let services = graph::services(&self.store, &retrieval).await?;
        let next = from.saturating_add(RETRIEVED_SERVICES_PER_PAGE_MAX);
        answer.next_token = (services.len() > next).then(|| self.token_key.sign(&next, of));
        let page = services.into_iter().skip(from);
        answer.services = page.take(RETRIEVED_SERVICES_PER_PAGE_MAX).collect();
        answer.retrieval_status = COMPLETE;
        Ok(answer)
    }

    /// CancelTraceRetrieval: its results are empty from now on. May be repeated.
    ///
    /// # Errors
    /// When the token is missing, unknown or expired, or the store cannot be used.
    pub async fn cancel(
        &self,
        request: CancelTraceRetrievalRequest,
        now: Timestamp,
    ) -> Result<CancelTraceRetrievalResponse, ServiceError> {
        let token = checked_token(request.retrieval_token)?;
        let cancel = |set: &mut RetrievalSet| set.cancel(&token, now);
        record::change(&*self.store, KEY, RetrievalSet::default, cancel).await?;
        Ok(CancelTraceRetrievalResponse {})
    }

    /// The retrieval that a request names.
    async fn find(&self, token: Option<String>, now: Timestamp) -> Result<Retrieval, ServiceError> {
        let token = checked_token(token)?;
        let (set, _) = record::read(&*self.store, KEY, RetrievalSet::default).await?;
        Ok(set.find(&token, now)?)
    }

    /// Where a page begins. An empty token is what hand-written loops send on their first call.
    fn place<P: DeserializeOwned + Default>(
        &self,
        token: Option<&str>,
        of: [u8; 16],
    ) -> Result<P, ApiError> {
        match token.filter(|token| !token.is_empty()) {
            Some(token) => self.token_key.verify(token, of),
            None => Ok(P::default()),
        }
    }
}

#[cfg(test)]
mod tests;
