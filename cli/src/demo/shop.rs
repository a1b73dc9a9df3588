//! The shop as a pure model: random numbers and a time in, the datagrams of one trace out.
//!
//! Limits: it knows no socket and no clock. Between traces it remembers one thing, the messages that
//! nobody has consumed yet; a later trace consumes them and links to the traces they come from.

use fastrand::Rng;
use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::timestamp::Timestamp;
use serde_json::json;

use super::backend::notify;
use super::documents::{self, Datagram};
use super::entity::Segment;
use super::routes::Route;
use super::services::{FRONT, NOTIFICATIONS};
use super::simulation::{Arrival, Simulation};

/// Messages that one trace consumes together.
const MESSAGES_PER_BATCH: u32 = 3;

/// The shop, open for visitors.
#[derive(Debug)]
pub(crate) struct Shop {
    rng: Rng,
    /// Sent and not yet consumed; never more than [`MESSAGES_PER_BATCH`].
    messages: Vec<Message>,
}

/// A message in the queue.
#[derive(Debug, Clone, Copy)]
struct Message {
    trace_id: TraceId,
    id: SegmentId,
}

/// One trace, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    /// Its id.
    pub(crate) id: TraceId,
    /// Number of its segments; subsegments sent on their own are not counted.
    pub(crate) segments: usize,
    /// Its datagrams in the order of sending.
    pub(crate) datagrams: Vec<Datagram>,
}

impl Shop {
    /// A shop whose visitors `seed` decides.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            messages: Vec::new(),
        }
    }

    /// The next trace; its last segment ends at `now`, cut to milliseconds.
    ///
    /// # Errors
    /// A document that cannot be written as JSON.
    pub(crate) fn next_trace(&mut self, now: Timestamp) -> serde_json::Result<Trace> {
        let mut simulation = Simulation::new(self.rng.fork());
        if self.messages.len() >= usize::try_from(MESSAGES_PER_BATCH).unwrap_or(usize::MAX) {
            self.consume(&mut simulation);
        } else {
            self.visit(&mut simulation);
        }
        let Simulation {
            mut rng,
            mut segments,
            message,
            ..
        } = simulation;
        let began = beginning(&segments, now);
        let seconds = u128::try_from(began.seconds_floor()).unwrap_or_default();
        let random = rng.u128(..) >> 32;
        let id = TraceId::from_bits((seconds << 96) | random);
        self.messages.extend(message.map(|message| Message {
            trace_id: id,
            id: message,
        }));
        Ok(Trace {
            id,
            segments: segments.len(),
            datagrams: documents::write(id, began, &mut segments)?,
        })
    }

    /// A visitor asks for something.
    fn visit(&mut self, simulation: &mut Simulation) {
        let route = Route::draw(&mut self.rng);
        let path = route.path(simulation.product);
        let request = json!({
            "method": route.method(),
            "url": format!("https://{}{path}", FRONT.host),
            "user_agent": simulation.visitor.user_agent,
            "client_ip": simulation.visitor.client_ip,
            "x_forwarded_for": true,
        });
        let arrival = Arrival {
            caller: None,
            at: 0,
            request: Some(request),
        };
        simulation.serve(&FRONT, arrival, route.handler());
    }

    /// The notifications service takes the waiting messages out of the queue.
    fn consume(&mut self, simulation: &mut Simulation) {
        simulation.links = self
            .messages
            .drain(..)
            .map(|message| {
                json!({"trace_id": message.trace_id, "id": message.id,
                    "attributes": {"aws.xray.reserved.reference_type": "parent"}})
            })
            .collect();
        let arrival = Arrival {
            caller: None,
            at: 0,
            request: None,
        };
        simulation.serve(&NOTIFICATIONS, arrival, |notifications| {
            let links = std::mem::take(&mut notifications.simulation.links);
            notifications.link(links);
            notify(notifications, MESSAGES_PER_BATCH)
        });
    }
}

/// When the trace must have begun for its last segment to end at `now`, as a whole millisecond.
fn beginning(segments: &[Segment], now: Timestamp) -> Timestamp {
    let last_end = segments
        .iter()
        .map(|segment| segment.entity.end)
        .max()
        .unwrap_or_default();
    let now_millis = now.micros().div_euclid(1000);
    // rounded up, so that no end lies after `now` even when it is rounded up in turn
    let millis = last_end.div_euclid(1000) + 1;
    Timestamp::from_micros((now_millis - millis) * 1000)
}
