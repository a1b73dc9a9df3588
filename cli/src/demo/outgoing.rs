//! Calls out of a request: to the shop's other services, to what is not traced, into the queue.
//!
//! Each leaves a subsegment with a namespace behind. A callee's segment names it as its parent.

use radiograph_protocol::ids::SegmentId;
use radiograph_protocol::segment::SentFlags;
use serde_json::{Value, json};

use super::calls::{Call, Trouble};
use super::entity::{Cause, Entity, Exception, Micros, flags_of};
use super::handling::{Failure, Handled, Handling};
use super::services::{Look, Service};
use super::simulation::Arrival;

impl Handling<'_> {
    /// Asks another service of the shop.
    ///
    /// # Errors
    /// Its status when it is 400 to 499; from 500 on an exception, as HTTP clients raise it.
    pub(super) fn ask(
        &mut self,
        service: &'static Service,
        method: &str,
        path: &str,
        handler: fn(&mut Handling<'_>) -> Handled,
    ) -> Handled {
        let look = self.service.look;
        let mut call = self.simulation.entity(service.host, self.now);
        let url = format!("http://{}{path}", service.host);
        let request = json!({"method": method, "url": url, "user_agent": look.user_agent(),
            "client_ip": format!("10.0.12.{}", self.simulation.rng.u8(4..=250))});
        let arrival = Arrival {
            caller: Some(call.id),
            at: self.now + self.network(),
            request: Some(request),
        };
        let answer = self.simulation.serve(service, arrival, handler);
        self.now = answer.at + self.network();
        call.end = self.now;
        call.namespace = Some("remote");
        call.traced = true;
        call.flags = flags_of(answer.status);
        let http = json!({"request": {"method": method, "url": url},
            "response": {"status": answer.status}});
        call.blocks.insert("http".to_owned(), http);
        let raised = (answer.status >= 500 && look != Look::Gateway).then(|| Exception {
            id: self.simulation.id(),
            kind: upstream_exception(look),
            message: format!("request failed with status code {}", answer.status).into(),
            remote: true,
            cause: None,
        });
        let exception = raised.as_ref().map(|raised| raised.id);
        call.cause = raised.map(Cause::Raised);
        self.entity.subsegments.push(call);
        match answer.status {
            ..400 => Ok(answer.status),
            400..500 => Err(Failure::answer(answer.status)),
            _ if look == Look::Gateway => Err(Failure::answer(answer.status)),
            _ => Err(Failure {
                status: 500,
                exception,
            }),
        }
    }

    /// Calls something that is not traced.
    ///
    /// # Errors
    /// The trouble that the draw brought.
    pub(super) fn call(&mut self, call: Call) -> Result<SegmentId, Failure> {
        let mut entity = self.simulation.entity("", self.now);
        let id = entity.id;
        entity.name = call.name;
        entity.namespace = Some(call.namespace);
        entity.blocks = call.blocks;
        if self.simulation.chance(call.slow_share) {
            self.dawdle();
        } else {
            self.work(call.typical);
        }
        entity.end = self.now;
        let trouble = self.draw_trouble(call.troubles);
        if call.answers_http {
            let status = trouble.map_or(200, |trouble| trouble.status);
            let http = entity.blocks.entry("http").or_insert_with(|| json!({}));
            if let Value::Object(http) = http {
                http.insert("response".to_owned(), json!({"status": status}));
            }
        }
        let failure = trouble.map(|trouble| self.suffer(trouble, &mut entity));
        self.entity.subsegments.push(entity);
        failure.map_or(Ok(id), Err)
    }

    /// The same, once more when the first answer was that we are too fast.
    ///
    /// # Errors
    /// The trouble of the second call.
    pub(super) fn call_patiently(
        &mut self,
        call: impl Fn(Look) -> Call,
    ) -> Result<SegmentId, Failure> {
        match self.call(call(self.service.look)) {
            Err(Failure { status: 429, .. }) => {
                self.work(50_000);
                self.call(call(self.service.look))
            }
            done => done,
        }
    }

    /// Sends a message. Six of ten are consumed within this trace, after a while; the others wait
    /// for a consumer with a trace of its own.
    ///
    /// # Errors
    /// The trouble of the queue.
    pub(super) fn send_message(
        &mut self,
        consumer: &'static Service,
        handler: fn(&mut Handling<'_>) -> Handled,
    ) -> Result<(), Failure> {
        let message = self.call(Call::send_message())?;
        if self.simulation.chance(6_000) {
            let arrival = Arrival {
                caller: Some(message),
                at: self.now + self.simulation.latency(40_000),
                request: None,
            };
            self.simulation.serve(consumer, arrival, handler);
        } else {
            self.simulation.message = Some(message);
        }
        Ok(())
    }

    fn draw_trouble(&mut self, troubles: &'static [Trouble]) -> Option<&'static Trouble> {
        troubles
            .iter()
            .find(|trouble| self.simulation.chance(trouble.share))
    }

    fn suffer(&mut self, trouble: &Trouble, entity: &mut Entity) -> Failure {
        let throttle = trouble.answer == 429;
        entity.flags = SentFlags {
            throttle,
            ..flags_of(trouble.status)
        };
        let exception = trouble.exception.map(|(kind, message)| Exception {
            id: self.simulation.id(),
            kind,
            message: message.into(),
            remote: true,
            cause: None,
        });
        let failure = Failure {
            status: trouble.answer,
            exception: exception.as_ref().map(|exception| exception.id),
        };
        entity.cause = exception.map(Cause::Raised);
        failure
    }

    /// The way to another service or back. At least a millisecond: SDKs that round times to
    /// milliseconds must not make a callee begin before its caller.
    fn network(&mut self) -> Micros {
        self.simulation.rng.i64(1_000..2_500)
    }
}

const fn upstream_exception(look: Look) -> &'static str {
    match look {
        Look::Python => "requests.exceptions.HTTPError",
        Look::Java => "java.io.IOException",
        Look::Node | Look::Gateway => "AxiosError",
    }
}
