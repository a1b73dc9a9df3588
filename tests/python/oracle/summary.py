"""The element of GetTraceSummaries for one trace (traces-and-graph.md section 4)."""

from decimal import Decimal

import root_causes
from nodes import client, node
from read import is_number, member

ANNOTATIONS_MAX = 50
KEY_LENGTH_MAX = 500
VALUE_LENGTH_MAX = 1_000


def seconds(micros):
    """Whole microseconds as seconds, full precision."""
    return micros / 1_000_000


def seconds_ms(micros):
    """A difference of microseconds as seconds, rounded half up to milliseconds."""
    return (micros + 500) // 1000 / 1000


def start(trace):
    """When the trace began, in microseconds."""
    return min(e.start for e in trace.segments + trace.orphans)


def duration(trace):
    """From the start to the latest end of anything, in microseconds; None while nothing has ended."""
    if all(e.end is None for e in trace.everything):
        return None
    return max(e.last for e in trace.everything) - start(trace)


def summary(trace):
    root, segments = trace.root, trace.segments
    stand_ins = segments + trace.inferred + trace.orphans
    shown = {
        "Id": trace.id,
        "StartTime": seconds(start(trace)),
        "HasFault": root is not None and root.fault,
        "HasError": root is not None and root.error,
        "HasThrottle": any(e.throttle for e in stand_ins),
        "IsPartial": trace.is_partial,
        "Http": {} if root is None else _http(root.document),
        "Annotations": _annotations(trace),
        "Users": _users(segments),
        "ServiceIds": _service_ids(
            {node(e) for e in stand_ins} | {client(s) for s in segments if client(s)}
        ),
        "ResourceARNs": _listed("ARN", segments, ("resource_arn",)),
        "InstanceIds": _listed("Id", segments, ("aws", "ec2", "instance_id")),
        "AvailabilityZones": _listed(
            "Name",
            segments,
            ("aws", "ec2", "availability_zone"),
            ("aws", "ecs", "availability_zone"),
        ),
        "FaultRootCauses": root_causes.flagged(trace, lambda e: e.fault),
        "ErrorRootCauses": root_causes.flagged(trace, lambda e: e.error),
        "ResponseTimeRootCauses": root_causes.response_time(trace),
        "Revision": trace.revision,
    }
    if duration(trace) is not None:
        shown["Duration"] = seconds_ms(duration(trace))
    if root is not None:
        shown["EntryPoint"] = node(root).service_id()
        if root.end is not None:
            shown["ResponseTime"] = seconds_ms(root.end - root.start)
    return shown


def _http(document):
    members = (
        ("HttpURL", str, "request", "url"),
        ("HttpStatus", int, "response", "status"),
        ("HttpMethod", str, "request", "method"),
        ("UserAgent", str, "request", "user_agent"),
        ("ClientIp", str, "request", "client_ip"),
    )
    found = {name: member(document, kind, "http", *path) for name, kind, *path in members}
    return {name: value for name, value in found.items() if value is not None}


def _service_ids(found):
    return [one.service_id() for one in sorted(found, key=lambda n: n.order)]


def _listed(shown_as, segments, *paths):
    found = {member(s.document, str, *path) for s in segments for path in paths} - {None}
    return [{shown_as: value} for value in sorted(found)]


def _users(segments):
    nodes = {}
    for segment in segments:
        user = member(segment.document, str, "user")
        if user is not None:
            nodes.setdefault(user, set()).add(node(segment))
    return [{"UserName": u, "ServiceIds": _service_ids(nodes[u])} for u in sorted(nodes)]


def _typed(value):
    """(kind, value) of an annotation; None when it is of no indexed type."""
    if isinstance(value, bool):
        return "BooleanValue", value
    if is_number(value):
        return "NumberValue", Decimal(value)
    is_text = isinstance(value, str) and len(value) <= VALUE_LENGTH_MAX
    return ("StringValue", value) if is_text else None


def _annotations(trace):
    nodes = {}
    for entity in trace.sent:
        given = member(entity.document, dict, "annotations") or {}
        for key in sorted(given):
            typed = _typed(given[key])
            if typed is None or len(key) > KEY_LENGTH_MAX:
                continue
            found = (key, *typed)
            if found in nodes or len(nodes) < ANNOTATIONS_MAX:
                nodes.setdefault(found, set()).add(node(entity.owner))
    shown = {}
    # within one key and kind values are of one type, so that all of it can be compared
    for key, kind, value in sorted(nodes):
        shown.setdefault(key, []).append(
            {"AnnotationValue": {kind: value}, "ServiceIds": _service_ids(nodes[key, kind, value])}
        )
    return shown
