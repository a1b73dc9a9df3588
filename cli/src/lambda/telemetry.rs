//! The Telemetry API's events, and their way to whoever subscribed.
//!
//! Source: Lambda developer guide, "Telemetry API" and its event schema (2022-12-13). Each subscriber has
//! a bounded queue and a task that posts batches; what does not fit is counted and told to the
//! subscriber as `platform.logsDropped`. HTTP is the only destination.

mod delivery;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use radiograph_collector::clock;
use serde::Deserialize;
use serde_json::{Value, json};

use super::function::rfc3339;
use delivery::Subscriber;

/// Events from before a subscription that a subscriber still gets: an initialization has a handful.
const EARLY_EVENTS_MAX: usize = 100;

/// What an event tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// What Lambda does.
    Platform,
    /// A line of the function's log.
    Function,
    /// A line of an extension's log.
    Extension,
}

/// What a subscriber wants, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    /// Which events.
    pub(super) types: Vec<Kind>,
    /// Where they are posted.
    pub(super) uri: String,
    /// When a batch goes.
    pub(super) buffering: Buffering,
}

/// When a batch is posted: the first of these that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Buffering {
    max_items: u32,
    max_bytes: u32,
    timeout_ms: u32,
}

impl Default for Buffering {
    fn default() -> Self {
        Self {
            max_items: 10_000,
            max_bytes: 262_144,
            timeout_ms: 1000,
        }
    }
}

impl Buffering {
    fn items(self) -> usize {
        usize::try_from(self.max_items).unwrap_or(usize::MAX)
    }

    fn bytes(self) -> usize {
        usize::try_from(self.max_bytes).unwrap_or(usize::MAX)
    }

    fn timeout(self) -> Duration {
        Duration::from_millis(self.timeout_ms.into())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    types: Vec<Kind>,
    #[serde(default)]
    buffering: Buffering,
    destination: Destination,
}

#[derive(Deserialize)]
struct Destination {
    protocol: String,
    #[serde(rename = "URI", alias = "uri")]
    uri: String,
}

impl Subscription {
    /// Reads the body of a subscription.
    ///
    /// # Errors
    /// A sentence saying what is wrong.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let request: Request =
            serde_json::from_slice(body).map_err(|error| format!("subscription: {error}"))?;
        let buffering = request.buffering;
        for (name, value, least, most) in [
            ("maxItems", buffering.max_items, 1000, 10_000),
            ("maxBytes", buffering.max_bytes, 262_144, 1_048_576),
            ("timeoutMs", buffering.timeout_ms, 25, 30_000),
        ] {
            if !(least..=most).contains(&value) {
                return Err(format!("buffering.{name} is from {least} to {most}"));
            }
        }
        if request.types.is_empty() {
            return Err("types is empty".to_owned());
        }
        if !request.destination.protocol.eq_ignore_ascii_case("HTTP") {
            return Err("destination.protocol is HTTP here; TCP is not offered".to_owned());
        }
        let uri = request.destination.uri;
        if !uri.starts_with("http://") {
            return Err("destination.URI begins with http://".to_owned());
        }
        // Lambda's names for the environment itself, which no resolver outside knows
        let uri = ["http://sandbox.localdomain", "http://sandbox"]
            .iter()
            .find_map(|own| Some(format!("http://127.0.0.1{}", uri.strip_prefix(own)?)))
            .unwrap_or(uri);
        Ok(Self {
            types: request.types,
            uri,
            buffering,
        })
    }
}

/// The events of one environment.
#[derive(Debug, Default)]
pub(super) struct Telemetry {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    subscribers: Vec<Subscriber>,
    /// While the environment initializes: who subscribes then gets these too.
    early: Vec<(Kind, Value)>,
}

impl Telemetry {
    /// Something happened.
    pub(super) fn emit(&self, kind: Kind, name: &str, record: &Value) {
        let event = json!({"time": rfc3339(clock::now()), "type": name, "record": record});
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for subscriber in &state.subscribers {
            subscriber.offer(kind, &event);
        }
        if state.early.len() < EARLY_EVENTS_MAX {
            state.early.push((kind, event));
        }
    }

    /// A new subscriber; of an extension that subscribes again the earlier subscription ends.
    pub(super) fn subscribe(&self, extension: &str, subscription: Subscription) {
        let subscriber = Subscriber::start(extension, subscription);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, event) in &state.early {
            subscriber.offer(*kind, event);
        }
        state
            .subscribers
            .retain(|other| other.extension() != extension);
        state.subscribers.push(subscriber);
    }

    /// Waits until subscribers have got what is queued for them, half a second each at most.
    pub(super) async fn flush(&self) {
        let flushed: Vec<_> = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.subscribers.iter().map(Subscriber::flushed).collect()
        };
        for done in flushed {
            done.await;
        }
    }

    /// A new environment begins: its extensions have subscribed to nothing.
    pub(super) fn begin(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(buffering: &Value, uri: &str) -> Vec<u8> {
        json!({"schemaVersion": "2022-12-13", "types": ["platform", "function"],
            "buffering": buffering, "destination": {"protocol": "HTTP", "URI": uri}})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn lambdas_names_for_the_environment_mean_this_machine() {
        for (uri, expected) in [
            (
                "http://sandbox.localdomain:8080/x",
                "http://127.0.0.1:8080/x",
            ),
            ("http://sandbox:8080", "http://127.0.0.1:8080"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            let read = Subscription::read(&body(&json!({"timeoutMs": 25}), uri)).unwrap();
            assert_eq!(read.uri, expected);
            assert_eq!(read.types, [Kind::Platform, Kind::Function]);
            assert_eq!(read.buffering.timeout(), Duration::from_millis(25));
            assert_eq!(read.buffering.items(), 10_000);
        }
    }

    #[test]
    fn a_bad_subscription_says_what_is_allowed() {
        let tcp = br#"{"types":["platform"],"destination":{"protocol":"TCP","URI":"http://x"}}"#;
        let none = br#"{"types":[],"destination":{"protocol":"HTTP","URI":"http://x"}}"#;
        for (body, expected) in [
            (
                body(&json!({"timeoutMs": 1}), "http://x"),
                "buffering.timeoutMs is from 25 to 30000",
            ),
            (
                body(&json!({"maxItems": 1}), "http://x"),
                "buffering.maxItems is from 1000 to 10000",
            ),
            (
                body(&json!({}), "ftp://x"),
                "destination.URI begins with http://",
            ),
            (
                tcp.to_vec(),
                "destination.protocol is HTTP here; TCP is not offered",
            ),
            (none.to_vec(), "types is empty"),
        ] {
            assert_eq!(Subscription::read(&body).unwrap_err(), expected);
        }
        assert!(
            Subscription::read(b"{}")
                .unwrap_err()
                .starts_with("subscription: missing field")
        );
    }
}
