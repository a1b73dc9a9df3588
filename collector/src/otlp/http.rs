//! The `http` block, from the old and the new names of HTTP attributes alike.
//! Source: `spec/otel-mapping.md` section 4.

use std::net::IpAddr;

use super::attributes::Attributes;
use super::object::{Object, Used};
use super::span::ReadSpan;
use super::url;

/// Where the response's status may stand.
pub(super) const STATUS: [&str; 2] = ["http.status_code", "http.response.status_code"];

/// Attributes of which one is enough to make the block.
const HTTP: [&str; 16] = [
    "http.method",
    "http.request.method",
    "http.user_agent",
    "user_agent.original",
    "http.client_ip",
    "http.status_code",
    "http.response.status_code",
    "http.url",
    "url.full",
    "http.scheme",
    "url.scheme",
    "http.host",
    "http.target",
    "url.path",
    "url.query",
    "http.server_name",
];

/// Attributes that the block takes in, but that other protocols have as well.
const TAKEN_IN: [&str; 9] = [
    "http.response.body.size",
    "net.peer.ip",
    "net.peer.name",
    "net.peer.port",
    "net.host.name",
    "net.host.port",
    "host.name",
    "server.address",
    "server.port",
];

/// Addresses that count only as IP addresses; a host name or the path of a socket stays metadata.
const ADDRESSES: [&str; 2] = ["client.address", "network.peer.address"];

const PAYLOAD_BYTES: &str = "messaging.message_payload_size_bytes";

/// `None` without any HTTP attribute.
pub(super) fn block(span: &ReadSpan<'_>, used: &mut Used) -> Option<Object> {
    let attributes = span.attributes;
    if !HTTP.iter().any(|key| attributes.value(key).is_some()) {
        return None;
    }
    let block = Object::default()
        .put_object("request", request(span))
        .put_object("response", response(span))
        .non_empty()?;
    used.extend(HTTP.iter().chain(&TAKEN_IN));
    used.extend(ADDRESSES.iter().filter(|key| ip(attributes, key).is_some()));
    if payload_bytes(attributes).is_some() {
        used.insert(PAYLOAD_BYTES);
    }
    Some(block)
}

fn request(span: &ReadSpan<'_>) -> Object {
    let attributes = span.attributes;
    let [client_address, peer_address] = ADDRESSES;
    let client = attributes
        .text("http.client_ip")
        .or_else(|| ip(attributes, client_address));
    let peer = attributes
        .text("net.peer.ip")
        .or_else(|| ip(attributes, peer_address));
    let methods = ["http.method", "http.request.method"];
    let agents = ["http.user_agent", "user_agent.original"];
    Object::default()
        .put("method", attributes.first_text(&methods))
        .put("url", url::of_request(span))
        .put("user_agent", attributes.first_text(&agents))
        .put("client_ip", client.or(peer))
        .put(
            "x_forwarded_for",
            (client.is_some() && peer.is_none()).then_some(true),
        )
}

fn response(span: &ReadSpan<'_>) -> Object {
    let attributes = span.attributes;
    let of_event = || {
        let mut events = span.events().iter();
        events.find_map(|event| payload_bytes(Attributes::of(&event.attributes)))
    };
    let content_length = payload_bytes(attributes)
        .or_else(of_event)
        .or_else(|| attributes.integer("http.response.body.size"));
    Object::default()
        .put("status", attributes.first_integer(&STATUS))
        .put("content_length", content_length)
}

/// What instrumentation from before the HTTP conventions says of a message it received.
fn payload_bytes(attributes: Attributes<'_>) -> Option<i64> {
    let is_received = attributes.text("message.type") == Some("RECEIVED");
    attributes.integer(PAYLOAD_BYTES).filter(|_| is_received)
}

fn ip<'a>(attributes: Attributes<'a>, key: &str) -> Option<&'a str> {
    let text = attributes.text(key)?;
    text.parse::<IpAddr>().is_ok().then_some(text)
}
