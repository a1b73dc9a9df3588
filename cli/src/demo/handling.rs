//! What a handler can do while it handles a request: compute, open blocks, annotate, fail.
//! Calls to others stand in `outgoing`.
//!
//! Handlers read like the code of a service; each step moves the handler's time on and leaves
//! behind what an SDK's instrumentation would.

use radiograph_protocol::ids::SegmentId;
use serde_json::{Value, json};

use super::entity::{Cause, Delivery, Entity, Exception, Micros, flags_of};
use super::services::Service;
use super::simulation::Simulation;

/// What a handler returns: the status of its answer, or what it could not cope with.
pub(super) type Handled = Result<u16, Failure>;

/// A failure on its way up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    /// Status the service answers with, unless it copes.
    pub(super) status: u16,
    /// The exception, described on the subsegment it was raised in.
    pub(super) exception: Option<SegmentId>,
}

/// A request being handled.
#[derive(Debug)]
pub(super) struct Handling<'a> {
    /// What it shares with the trace's other requests.
    pub(super) simulation: &'a mut Simulation,
    /// The service that handles it.
    pub(super) service: &'static Service,
    /// How far the handler is.
    pub(super) now: Micros,
    /// The segment, or the local subsegment that is open.
    pub(super) entity: Entity,
    delivery: Delivery,
}

impl<'a> Handling<'a> {
    /// Begins when `entity` does.
    pub(super) fn new(
        simulation: &'a mut Simulation,
        service: &'static Service,
        entity: Entity,
    ) -> Self {
        Self {
            simulation,
            service,
            now: entity.start,
            entity,
            delivery: Delivery::Whole,
        }
    }

    /// The segment, ended now, and how it is sent.
    pub(super) fn finish(mut self) -> (Entity, Delivery) {
        self.entity.end = self.now;
        (self.entity, self.delivery)
    }

    /// Computes for about `typical`.
    pub(super) fn work(&mut self, typical: Micros) {
        self.now += self.simulation.latency(typical);
    }

    /// Computes for some seconds: a garbage collection, a cold cache, a lock.
    pub(super) fn dawdle(&mut self) {
        self.now += self.simulation.slow_latency();
    }

    /// Sends the segment otherwise than in one document.
    pub(super) fn deliver(&mut self, delivery: Delivery) {
        self.delivery = delivery;
    }

    /// Adds an annotation.
    pub(super) fn annotate(&mut self, key: &str, value: impl Into<Value>) {
        self.insert_into("annotations", key, value.into());
    }

    /// Adds metadata in the namespace that SDKs use by default.
    pub(super) fn note(&mut self, key: &str, value: &Value) {
        let metadata = json!({ key: value });
        self.insert_into("metadata", "default", metadata);
    }

    /// Says who the request is for.
    pub(super) fn for_user(&mut self) {
        if let Some(user) = self.simulation.visitor.user {
            self.entity.blocks.insert("user".to_owned(), json!(user));
        }
    }

    /// Says that messages of other traces are consumed.
    pub(super) fn link(&mut self, links: Vec<Value>) {
        let links = Value::Array(links);
        self.entity.blocks.insert("links".to_owned(), links);
    }

    fn insert_into(&mut self, block: &str, key: &str, value: Value) {
        let block = self.entity.blocks.entry(block).or_insert_with(|| json!({}));
        if let Value::Object(members) = block {
            members.insert(key.to_owned(), value);
        }
    }

    /// Does `body` in a local subsegment. A failure shows on it too.
    ///
    /// # Errors
    /// What `body` fails with.
    pub(super) fn block<T>(
        &mut self,
        name: &'static str,
        body: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let inner = self.simulation.entity(name, self.now);
        let outer = std::mem::replace(&mut self.entity, inner);
        self.work(150);
        let result = body(self);
        self.work(80);
        let mut inner = std::mem::replace(&mut self.entity, outer);
        inner.end = self.now;
        if let Err(failure) = &result {
            inner.flags = flags_of(failure.status);
            inner.cause = inner
                .cause
                .or_else(|| failure.exception.map(Cause::PassedOn));
        }
        self.entity.subsegments.push(inner);
        result
    }

    /// Does both at once and goes on when the later one has ended.
    pub(super) fn together(
        &mut self,
        first: impl FnOnce(&mut Self),
        second: impl FnOnce(&mut Self),
    ) {
        let began = self.now;
        first(self);
        let first_ended = std::mem::replace(&mut self.now, began);
        second(self);
        self.now = self.now.max(first_ended);
    }

    /// Raises an exception of the service's own, described on what is open now.
    pub(super) fn raise(&mut self, kind: &'static str, message: &'static str) -> Failure {
        let exception = Exception {
            id: self.simulation.id(),
            kind,
            message: message.into(),
            remote: false,
            cause: None,
        };
        let failure = Failure {
            status: 500,
            exception: Some(exception.id),
        };
        self.entity.cause = Some(Cause::Raised(exception));
        failure
    }
}

impl Failure {
    /// An answer that is no exception, such as 404.
    pub(super) const fn answer(status: u16) -> Self {
        Self {
            status,
            exception: None,
        }
    }
}
