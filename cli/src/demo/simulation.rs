//! One trace in the making: draws, ids, and the segments that have ended.
//!
//! Nothing here waits: the time of a request is a number that its handlers move on. All draws are
//! of integers, so a seed gives the same traffic on every machine.

use fastrand::Rng;
use radiograph_protocol::ids::SegmentId;
use serde_json::{Map, Value, json};

use super::compute;
use super::entity::{Cause, Entity, Exception, Micros, Segment, flags_of};
use super::handling::{Failure, Handled, Handling};
use super::services::{Look, Service};
use super::visitor::Visitor;

/// What all of a trace's requests share.
#[derive(Debug)]
pub(super) struct Simulation {
    /// Every draw comes from here.
    pub(super) rng: Rng,
    /// Who asked.
    pub(super) visitor: Visitor,
    /// The product it is about.
    pub(super) product: u32,
    /// Segments that have ended, callees before callers.
    pub(super) segments: Vec<Segment>,
    /// Links to the traces whose messages this one consumes.
    pub(super) links: Vec<Value>,
    /// The message that nobody of this trace consumes, if one was sent.
    pub(super) message: Option<SegmentId>,
}

/// How a request reaches a service.
#[derive(Debug)]
pub(super) struct Arrival {
    /// The caller's subsegment; `None` for requests from outside.
    pub(super) caller: Option<SegmentId>,
    /// When it arrives.
    pub(super) at: Micros,
    /// The `http` block's request; none for messages.
    pub(super) request: Option<Value>,
}

/// How a request ended.
#[derive(Debug)]
pub(super) struct Answer {
    /// HTTP status, of messages what the handler returned.
    pub(super) status: u16,
    /// When the answer left.
    pub(super) at: Micros,
}

impl Simulation {
    /// A trace in which nothing has happened yet.
    pub(super) fn new(mut rng: Rng) -> Self {
        let visitor = Visitor::arrive(&mut rng);
        let product = rng.u32(1000..1200);
        Self {
            rng,
            visitor,
            product,
            segments: Vec::new(),
            links: Vec::new(),
            message: None,
        }
    }

    /// An id nobody has; zero, which no entity may have, becomes one.
    pub(super) fn id(&mut self) -> SegmentId {
        loop {
            if let Some(id) = SegmentId::from_bits(self.rng.u64(..)) {
                return id;
            }
        }
    }

    /// True for `share` of 10,000 draws.
    pub(super) fn chance(&mut self, share: u32) -> bool {
        self.rng.u32(..10_000) < share
    }

    /// A latency around `typical`: from a third of it to thrice, mostly a little above.
    pub(super) fn latency(&mut self, typical: Micros) -> Micros {
        let spread = self.rng.i64(60..=150) * self.rng.i64(60..=200);
        (typical * spread / 10_000).max(1)
    }

    /// One of the slow few: 2 to 8 seconds.
    pub(super) fn slow_latency(&mut self) -> Micros {
        self.rng.i64(2_000_000..8_000_000)
    }

    /// Lets `service` handle a request, and keeps the segment it sends for it.
    pub(super) fn serve(
        &mut self,
        service: &'static Service,
        arrival: Arrival,
        handler: fn(&mut Handling<'_>) -> Handled,
    ) -> Answer {
        let mut entity = self.entity(service.name, arrival.at);
        compute::describe(service, &mut self.rng, &mut entity.blocks);
        let mut handling = Handling::new(self, service, entity);
        handling.work(800);
        let handled = handler(&mut handling);
        handling.work(400);
        let (mut entity, delivery) = handling.finish();
        let (status, failed_by) = match handled {
            Ok(status) => (status, None),
            Err(Failure { status, exception }) => (status, exception),
        };
        if let Some(request) = arrival.request {
            let length = self.rng.u32(64..9000);
            let http = json!({"request": request,
                "response": {"status": status, "content_length": length}});
            entity.blocks.insert("http".to_owned(), http);
        }
        entity.flags = flags_of(status);
        if let (None, Some(exception)) = (&entity.cause, failed_by) {
            entity.cause = self.cause(service.look, exception);
        }
        let answer = Answer {
            status,
            at: entity.end,
        };
        self.segments.push(Segment {
            service,
            parent_id: arrival.caller,
            entity,
            delivery,
        });
        answer
    }

    /// An entity that begins `at`.
    pub(super) fn entity(&mut self, name: &'static str, at: Micros) -> Entity {
        Entity {
            id: self.id(),
            name: name.into(),
            start: at,
            end: at,
            namespace: None,
            traced: false,
            flags: flags_of(200),
            cause: None,
            blocks: Map::new(),
            subsegments: Vec::new(),
        }
    }

    /// Why a segment failed whose subsegment describes `exception`: Java wraps it, the others name
    /// it, a gateway does not know.
    fn cause(&mut self, look: Look, exception: SegmentId) -> Option<Cause> {
        match look {
            Look::Gateway => None,
            Look::Python | Look::Node => Some(Cause::PassedOn(exception)),
            Look::Java => Some(Cause::Raised(Exception {
                id: self.id(),
                kind: "com.example.shop.RequestFailedException",
                message: "the request could not be completed".into(),
                remote: false,
                cause: Some(exception),
            })),
        }
    }
}
