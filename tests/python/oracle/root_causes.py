"""Why a trace failed or was slow (traces-and-graph.md section 5)."""

from fractions import Fraction

from nodes import node
from read import member


def _below(entity):
    """Children of every kind: subsegments, child segments, the inferred segment."""
    return entity.children + ([entity.inferred] if entity.inferred else [])


def _cause(path, clients_see_it, shown_entity):
    """A cause of the entities walked, which start with a service's own segment."""
    services = []
    for entity in path:
        if not services or entity.kind != "subsegment":
            where = node(entity)
            service = {**where.service_id(), "EntityPath": [], "Inferred": entity.kind == "inferred"}
            service["Type"] = where.type or ""
            services.append(service)
        shown = {"Name": entity.shown_name, "Remote": entity.is_call}
        services[-1]["EntityPath"].append({**shown, **shown_entity(entity)})
    return {"Services": services, "ClientImpacting": clients_see_it}


def response_time(trace):
    root = trace.root
    if root is None or root.end is None or root.end == root.start:
        return []
    coverage = {}
    for entity in reversed(_top_down(root)):
        end = entity.start if entity.end is None else entity.end
        overlap = max(0, min(end, root.end) - max(entity.start, root.start))
        own = Fraction(overlap, root.end - root.start)
        coverage[entity.id] = max([own] + [coverage[child.id] for child in _below(entity)])
    path = [root]
    while below := _below(path[-1]):
        best = min(below, key=lambda e: (-coverage[e.id], e.order))
        if coverage[best.id] < Fraction(1, 2):
            break
        path.append(best)
    if len(path) == 1:
        return []
    # compared exactly, rounded half up for show
    return [_cause(path, True, lambda e: {"Coverage": int(coverage[e.id] * 1000 + Fraction(1, 2)) / 1000})]


def _top_down(top):
    found = [top]
    for entity in found:
        found += _below(entity)
    return found


def flagged(trace, has_flag):
    """One cause per chain of flagged entities, from where it begins to where it ends."""
    causes = []
    for top in trace.everything:
        if not has_flag(top) or (top.parent is not None and has_flag(top.parent)):
            continue
        for last in _top_down(top):
            if has_flag(last) and not any(has_flag(child) for child in _below(last)):
                path = _path(top, last, has_flag)
                if path:
                    causes.append((last.order, _cause(path, top is trace.root, _exceptions)))
    return [cause for _, cause in sorted(causes, key=lambda c: c[0])]


def _path(top, last, has_flag):
    """From the owner of `top` down to `last`; None when an entity between has no flag."""
    chain, entity = [last], last
    while entity is not top:
        entity = entity.parent
        if not has_flag(entity):
            return None
        chain.append(entity)
    while entity is not top.owner:
        entity = entity.parent
        chain.append(entity)
    return chain[::-1]


def _exceptions(entity):
    given = []
    if entity.kind != "inferred":
        given = member(entity.document, list, "cause", "exceptions") or []
    return {
        "Exceptions": [
            {"Name": member(e, str, "type") or "", "Message": member(e, str, "message") or ""}
            for e in given
            if isinstance(e, dict)
        ]
    }
