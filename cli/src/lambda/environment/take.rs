//! What the environment does with each call of its processes.

use serde_json::json;
use uuid::Uuid;

use super::{Current, Environment};
use crate::lambda::call::{Call, Refusal, Registered, Reply, RuntimeResult};
use crate::lambda::function::VERSION;
use crate::lambda::invocation::Failure;
use crate::lambda::telemetry::Kind;

impl Environment {
    /// Takes one; says so if it breaks the environment.
    pub(super) fn take(&mut self, call: Call) -> Option<Failure> {
        match call {
            Call::Next(reply) => self.send(reply),
            Call::Result {
                request_id,
                result,
                reply,
            } => tell(reply, self.take_result(&request_id, result)),
            Call::InitError { error, reply } => {
                if self.is_initialized {
                    tell(reply, Err(Refusal::wrong_state("InitError")));
                } else {
                    tell(reply, Ok(()));
                    return Some(Failure::Reported(error));
                }
            }
            Call::Register {
                name,
                events,
                reply,
            } => tell(reply, self.register(&name, &events)),
            Call::ExtensionNext { id, reply } => self.extensions.next(&id, reply),
            Call::ExtensionError { id, error, reply } => {
                let known = self.extensions.name(&id).map(drop);
                let is_known = known.is_ok();
                tell(reply, known);
                return is_known.then_some(Failure::Reported(error));
            }
            Call::Subscribe {
                id,
                subscription,
                reply,
            } => {
                let name = self.extensions.name(&id).map(ToOwned::to_owned);
                let taken = name.map(|name| {
                    let types: Vec<String> = subscription
                        .types
                        .iter()
                        .map(|kind| format!("{kind:?}").to_ascii_lowercase())
                        .collect();
                    self.telemetry.subscribe(&name, subscription);
                    let record = json!({"name": name, "state": "Subscribed", "types": types});
                    self.telemetry
                        .emit(Kind::Platform, "platform.telemetrySubscription", &record);
                });
                tell(reply, taken);
            }
            Call::Exited { serial, how } => return self.exited(serial, &how),
        }
        None
    }

    fn take_result(&mut self, request_id: &str, result: RuntimeResult) -> Result<(), Refusal> {
        match &mut self.current {
            Some(Current {
                request_id: current,
                result: slot @ None,
            }) if current == request_id => {
                *slot = Some(result);
                Ok(())
            }
            Some(Current {
                request_id: current,
                ..
            }) if current == request_id => Err(Refusal::wrong_state("InvocationResponse")),
            _ => Err(Refusal {
                status: 400,
                kind: "InvalidRequestID",
                message: "Invalid request ID".to_owned(),
            }),
        }
    }

    fn register(&mut self, name: &str, events: &[String]) -> Result<Registered, Refusal> {
        let id = Uuid::new_v4().to_string();
        let is_external = self
            .processes
            .iter()
            .any(|process| !process.is_runtime && process.name == name);
        self.extensions
            .register(id.clone(), name.to_owned(), is_external, events)?;
        let record = json!({"name": name, "state": "Registered", "events": events});
        self.telemetry
            .emit(Kind::Platform, "platform.extension", &record);
        let function = &self.shared.function;
        Ok(Registered {
            id,
            function: json!({
                "functionName": function.name,
                "functionVersion": VERSION,
                "handler": function.handler,
                "accountId": function.account_id,
            }),
        })
    }

    /// The news of a process's end; that of one which was killed on purpose is no news.
    fn exited(&mut self, serial: u64, how: &str) -> Option<Failure> {
        let at = self
            .processes
            .iter()
            .position(|process| process.serial == serial)?;
        let mut process = self.processes.remove(at);
        process.has_ended();
        self.ended.push(process);
        let process = self.ended.last()?;
        Some(if process.is_runtime {
            Failure::RuntimeExited(if how == "exit status 0" {
                "Runtime exited without providing a reason".to_owned()
            } else {
                format!("Runtime exited with error: {how}")
            })
        } else {
            Failure::ExtensionExited(how.to_owned())
        })
    }
}

/// Tells whoever asked; one that hung up is not told.
fn tell<T>(reply: Reply<T>, answer: T) {
    drop(reply.send(answer));
}
