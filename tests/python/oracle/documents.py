"""The entries of BatchGetTraces (traces-and-graph.md section 6)."""

from nodes import is_graph_root
from summary import duration, seconds_ms


def entries(trace):
    everything = trace.segments + trace.orphans + trace.inferred
    ordered = sorted(everything, key=lambda e: (not is_graph_root(e), e.order))
    length = duration(trace)
    return {
        "Id": trace.id,
        "Duration": 0 if length is None else seconds_ms(length),
        "LimitExceeded": False,
        "Segments": [{"Id": e.document["id"], "Document": _entry(trace, e)} for e in ordered],
    }


def _entry(trace, top):
    shown = _shown(top)
    if top.is_topmost_orphan:
        # an embedded one that a circle left alone has not said so itself
        shown.update(type="subsegment", trace_id=trace.id, parent_id=top.named_parent)
    pending = [(top, shown)]
    while pending:
        entity, above = pending.pop()
        below = [child for child in entity.children if child.kind == "subsegment"]
        if not below:
            continue
        above["subsegments"] = []
        for child in below:
            nested = _shown(child)
            for name in ("type", "trace_id", "parent_id"):
                nested.pop(name, None)
            above["subsegments"].append(nested)
            pending.append((child, nested))
    return shown


def _shown(entity):
    """The document as sent, without the copies of subsegments embedded in it."""
    shown = dict(entity.document)
    if shown.get("in_progress") is False:
        del shown["in_progress"]
    if isinstance(shown.get("subsegments"), list):
        shown["subsegments"] = []
    return shown
