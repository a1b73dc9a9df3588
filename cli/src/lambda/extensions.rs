//! The extensions of one environment: who is registered, and what each has still to be told.

use serde_json::{Value, json};

use super::call::{Refusal, Reply};

/// Extensions that may register, as in Lambda.
const EXTENSIONS_MAX: usize = 10;

/// Those that have registered.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    registered: Vec<Extension>,
}

#[derive(Debug)]
struct Extension {
    id: String,
    name: String,
    /// Whether a process of its own was started for it.
    is_external: bool,
    wants_invoke: bool,
    wants_shutdown: bool,
    /// Its call for the next event, while it waits.
    waiting: Option<Reply<Result<Value, Refusal>>>,
    /// An event that came before the call for it.
    pending: Option<Value>,
}

impl Extensions {
    /// Takes a registration under a new id.
    ///
    /// # Errors
    /// The name is taken, an event is unknown, or there are too many.
    pub(super) fn register(
        &mut self,
        id: String,
        name: String,
        is_external: bool,
        events: &[String],
    ) -> Result<(), Refusal> {
        let refusal = |status, kind, message: String| Refusal {
            status,
            kind,
            message,
        };
        if self
            .registered
            .iter()
            .any(|extension| extension.name == name)
        {
            let message = format!("Extension with name {name} already registered");
            return Err(refusal(403, "Extension.AlreadyRegistered", message));
        }
        if self.registered.len() >= EXTENSIONS_MAX {
            let message = format!("At most {EXTENSIONS_MAX} extensions may register");
            return Err(refusal(403, "Extension.TooManyExtensions", message));
        }
        let known = ["INVOKE", "SHUTDOWN"];
        if let Some(event) = events.iter().find(|event| !known.contains(&event.as_str())) {
            let message = format!("Extension event {event} is not INVOKE or SHUTDOWN");
            return Err(refusal(403, "Extension.InvalidEventType", message));
        }
        let wants = |event| events.iter().any(|wanted| wanted == event);
        if wants("SHUTDOWN") && !is_external {
            let message = "Internal extensions cannot subscribe to SHUTDOWN".to_owned();
            return Err(refusal(
                403,
                "ShutdownEventNotSupportedForInternalExtension",
                message,
            ));
        }
        self.registered.push(Extension {
            id,
            name,
            is_external,
            wants_invoke: wants("INVOKE"),
            wants_shutdown: wants("SHUTDOWN"),
            waiting: None,
            pending: None,
        });
        Ok(())
    }

    /// The name of the extension with this id.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn name(&self, id: &str) -> Result<&str, Refusal> {
        let found = self.registered.iter().find(|extension| extension.id == id);
        found
            .map(|extension| extension.name.as_str())
            .ok_or_else(|| unknown(id))
    }

    /// The extension asks for its next event.
    pub(super) fn next(&mut self, id: &str, reply: Reply<Result<Value, Refusal>>) {
        let Some(extension) = self
            .registered
            .iter_mut()
            .find(|extension| extension.id == id)
        else {
            // who asked has gone when this cannot be told
            drop(reply.send(Err(unknown(id))));
            return;
        };
        match extension.pending.take() {
            Some(event) => drop(reply.send(Ok(event))),
            None => extension.waiting = Some(reply),
        }
    }

    /// Whether an extension of this name has registered.
    pub(super) fn has(&self, name: &str) -> bool {
        self.registered
            .iter()
            .any(|extension| extension.name == name)
    }

    /// Whether there is an extension with a process of its own.
    pub(super) fn has_external(&self) -> bool {
        self.registered
            .iter()
            .any(|extension| extension.is_external)
    }

    /// Whether everyone waits for an event.
    pub(super) fn are_ready(&self) -> bool {
        self.registered
            .iter()
            .all(|extension| extension.waiting.is_some())
    }

    /// Whether everyone who wants invocations waits for the next.
    pub(super) fn are_done(&self) -> bool {
        let mut invoked = self
            .registered
            .iter()
            .filter(|extension| extension.wants_invoke);
        invoked.all(|extension| extension.waiting.is_some())
    }

    /// Tells those who want invocations.
    pub(super) fn invoke(&mut self, event: &Value) {
        for extension in self
            .registered
            .iter_mut()
            .filter(|extension| extension.wants_invoke)
        {
            extension.tell(event.clone());
        }
    }

    /// Tells those who want to know of the end.
    pub(super) fn shut_down(&mut self, reason: &str, deadline_ms: i64) {
        let event =
            json!({"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms});
        for extension in self
            .registered
            .iter_mut()
            .filter(|extension| extension.wants_shutdown)
        {
            extension.tell(event.clone());
        }
    }
}

impl Extension {
    fn tell(&mut self, event: Value) {
        match self.waiting.take() {
            // one that hung up asks again
            Some(reply) => {
                if let Err(Ok(event)) = reply.send(Ok(event)) {
                    self.pending = Some(event);
                }
            }
            None => self.pending = Some(event),
        }
    }
}

fn unknown(id: &str) -> Refusal {
    Refusal {
        status: 403,
        kind: "Extension.UnknownExtensionIdentifier",
        message: format!("Unknown extension {id}"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn wanting(events: &[&str]) -> Vec<String> {
        events.iter().map(|event| (*event).to_owned()).collect()
    }

    fn registered(events: &[&str]) -> Extensions {
        let mut extensions = Extensions::default();
        let taken = extensions.register("1".to_owned(), "a".to_owned(), true, &wanting(events));
        assert_eq!(taken, Ok(()));
        extensions
    }

    #[test]
    fn an_extension_is_done_when_it_asks_for_the_next_event() {
        let mut extensions = registered(&["INVOKE"]);
        assert!(!extensions.are_ready());
        let (reply, mut answer) = oneshot::channel();
        extensions.next("1", reply);
        assert!(extensions.are_ready());
        extensions.invoke(&json!({"eventType": "INVOKE"}));
        assert_eq!(answer.try_recv().unwrap().unwrap()["eventType"], "INVOKE");
        assert!(!extensions.are_done());
        let (reply, _answer) = oneshot::channel();
        extensions.next("1", reply);
        assert!(extensions.are_done());
    }

    #[test]
    fn an_event_that_nobody_waited_for_is_kept_for_the_next_call() {
        let mut extensions = registered(&["INVOKE", "SHUTDOWN"]);
        extensions.shut_down("spindown", 5);
        let (reply, mut answer) = oneshot::channel();
        extensions.next("1", reply);
        let event = answer.try_recv().unwrap().unwrap();
        assert_eq!(
            event,
            json!({"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": 5})
        );
    }

    #[test]
    fn registrations_that_lambda_refuses_are_refused() {
        for (name, external, events, kind) in [
            ("a", true, &["INVOKE"][..], "Extension.AlreadyRegistered"),
            ("b", true, &["WAKE"], "Extension.InvalidEventType"),
            (
                "b",
                false,
                &["SHUTDOWN"],
                "ShutdownEventNotSupportedForInternalExtension",
            ),
        ] {
            let mut extensions = registered(&[]);
            let events = wanting(events);
            let refused = extensions.register("2".to_owned(), name.to_owned(), external, &events);
            assert_eq!(refused.unwrap_err().kind, kind);
        }
        let mut extensions = Extensions::default();
        for at in 0..EXTENSIONS_MAX {
            extensions
                .register(at.to_string(), at.to_string(), true, &[])
                .unwrap();
        }
        let refused = extensions.register("x".to_owned(), "x".to_owned(), true, &[]);
        assert_eq!(refused.unwrap_err().kind, "Extension.TooManyExtensions");
    }

    #[test]
    fn a_stranger_is_told_so() {
        let mut extensions = Extensions::default();
        let (reply, mut answer) = oneshot::channel();
        extensions.next("7", reply);
        let refusal = answer.try_recv().unwrap().unwrap_err();
        assert_eq!(refusal.kind, "Extension.UnknownExtensionIdentifier");
    }
}
