//! A document's name and namespace: the service, the called host or the operation, whichever the
//! span tells first. Source: `spec/otel-mapping.md` section 3.

use std::borrow::Cow;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::documents::Role;
use super::span::ReadSpan;
use super::url;

/// Bytes of a name that comes from the span's own.
const NAME_BYTES_MAX: usize = 200;

const AWS_SERVICE: &str = "aws.service";

/// Never empty.
pub(super) fn of<'a>(span: &ReadSpan<'a>, role: Role) -> Cow<'a, str> {
    let attributes = span.attributes;
    local_or_remote_service(span, role)
        .or_else(|| attributes.text("peer.service"))
        .or_else(|| attributes.text(AWS_SERVICE))
        .map(Cow::Borrowed)
        .or_else(|| database(span))
        .or_else(|| {
            let is_server = span.kind == SpanKind::Server;
            let service = span.resource.text("service.name").filter(|_| is_server);
            service
                .or_else(|| {
                    let names = [
                        "rpc.service",
                        "http.host",
                        "net.peer.name",
                        "server.address",
                    ];
                    attributes.first_text(&names)
                })
                .map(Cow::Borrowed)
        })
        .unwrap_or_else(|| Cow::Owned(operation(span.name)))
}

/// `aws` for calls of AWS SDKs, `remote` for other calls; segments have none.
pub(super) fn namespace(span: &ReadSpan<'_>, role: Role) -> Option<&'static str> {
    if role.is_segment() {
        return None;
    }
    if span.is_aws_api() || is_named_by_aws_service(span, role) {
        return Some("aws");
    }
    (role == Role::Dependency || span.is_call()).then_some("remote")
}

fn is_named_by_aws_service(span: &ReadSpan<'_>, role: Role) -> bool {
    let is_named_earlier = local_or_remote_service(span, role).is_some()
        || span.attributes.text("peer.service").is_some();
    !is_named_earlier && span.attributes.text(AWS_SERVICE).is_some()
}

/// The first three choices: what instrumentation made for X-Ray says, and the service of a segment.
fn local_or_remote_service<'a>(span: &ReadSpan<'a>, role: Role) -> Option<&'a str> {
    if role.is_segment() {
        let is_server = span.kind == SpanKind::Server;
        let local = span.attributes.text("aws.local.service");
        return local.or_else(|| span.resource.text("service.name").filter(|_| !is_server));
    }
    let has_remote = span.is_call() || span.kind == SpanKind::Consumer;
    let remote = span.attributes.text("aws.remote.service")?;
    let remote = match remote.strip_prefix("AWS.SDK.") {
        _ if !span.is_aws_api() => remote,
        Some(service) => service,
        None => remote.strip_prefix("AWS::").unwrap_or(remote),
    };
    (has_remote && !remote.is_empty()).then_some(remote)
}

/// `database@host`.
fn database<'a>(span: &ReadSpan<'a>) -> Option<Cow<'a, str>> {
    let attributes = span.attributes;
    let (database, host) = match attributes.text("db.name") {
        Some(name) => {
            let connection = attributes.text("db.connection_string");
            (name, connection.and_then(url::host_of))
        }
        None => (
            attributes.text("db.namespace")?,
            attributes.text("server.address"),
        ),
    };
    Some(host.map_or(Cow::Borrowed(database), |host| {
        Cow::Owned(format!("{database}@{host}"))
    }))
}

/// The span's name without what X-Ray's names may not hold.
fn operation(name: &str) -> String {
    let is_allowed = |c: &char| c.is_alphanumeric() || " _.:/%&#=+-@".contains(*c);
    let mut kept = String::new();
    for c in name.chars().filter(is_allowed) {
        if kept.len() + c.len_utf8() > NAME_BYTES_MAX {
            break;
        }
        kept.push(c);
    }
    if kept.is_empty() {
        kept.push_str("span");
    }
    kept
}
