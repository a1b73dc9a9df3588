//! URLs: put together from their parts, and asked for their host.
//! Source: `spec/otel-mapping.md` sections 3 and 4.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::span::ReadSpan;

/// The URL of a request: whole if the span has it, else put together; `None` without any host.
pub(super) fn of_request<'a>(span: &ReadSpan<'a>) -> Option<Cow<'a, str>> {
    let attributes = span.attributes;
    if let Some(url) = attributes.first_text(&["http.url", "url.full"]) {
        return Some(Cow::Borrowed(url));
    }
    let schemes = ["http.scheme", "url.scheme"];
    let scheme = attributes.first_text(&schemes).unwrap_or("http");
    let authority = authority(span, scheme)?;
    let target = match attributes.text("http.target") {
        Some(target) => Cow::Borrowed(target),
        None => path_and_query(span),
    };
    Some(Cow::Owned(format!("{scheme}://{authority}{target}")))
}

/// The host in a connection string such as `jdbc:mysql://user@db1:3306/shop`; `None` when it is no
/// URL or lists several hosts.
pub(super) fn host_of(connection: &str) -> Option<&str> {
    let url = connection.strip_prefix("jdbc:").unwrap_or(connection);
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let place = authority
        .rsplit_once('@')
        .map_or(authority, |(_, place)| place);
    let (host, port) = match place.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => place.find(':').map_or((place, ""), |at| place.split_at(at)),
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    let is_port = digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control());
    (is_host && is_port).then_some(host)
}

fn authority<'a>(span: &ReadSpan<'a>, scheme: &str) -> Option<Cow<'a, str>> {
    let attributes = span.attributes;
    // the Host header brings its own port
    if let Some(host) = attributes.text("http.host") {
        return Some(Cow::Borrowed(host));
    }
    let (hosts, ports): (&[&str], _) = if span.kind == SpanKind::Server {
        (
            &[
                "http.server_name",
                "net.host.name",
                "host.name",
                "server.address",
            ],
            ["net.host.port", "server.port"],
        )
    } else {
        (
            &["net.peer.name", "net.peer.ip", "server.address"],
            ["net.peer.port", "server.port"],
        )
    };
    let host = match attributes.first_text(hosts)? {
        host if host.parse::<Ipv6Addr>().is_ok() => Cow::Owned(format!("[{host}]")),
        host => Cow::Borrowed(host),
    };
    let own_port = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let port = attributes.first_integer(&ports);
    Some(match port.filter(|_| port != own_port) {
        Some(port) => Cow::Owned(format!("{host}:{port}")),
        None => host,
    })
}

fn path_and_query<'a>(span: &ReadSpan<'a>) -> Cow<'a, str> {
    let path = span.attributes.text("url.path").unwrap_or("/");
    match span.attributes.text("url.query") {
        Some(query) => Cow::Owned(format!("{path}?{query}")),
        None => Cow::Borrowed(path),
    }
}
