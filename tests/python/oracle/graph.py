"""The service graph: what traces contribute, and the answer (traces-and-graph.md section 7)."""

from collections import Counter

from nodes import Node, client, inferred_node, is_graph_root, links_of, node
from summary import seconds_ms

MINUTE = 60_000_000
SECOND = 1_000_000


class Totals:
    """What was counted at a node or an edge."""

    def __init__(self):
        self.ok = self.error = self.throttle = self.fault = 0
        self.response_time = 0
        self.response_times, self.durations, self.ages = Counter(), Counter(), Counter()
        self.start = self.end = None

    def appear(self, entity):
        self.start = entity.start if self.start is None else min(self.start, entity.start)
        self.end = entity.last if self.end is None else max(self.end, entity.last)

    def count(self, entity, duration=None):
        """One request, once: fault, else throttle, else error, else ok (section 2.6)."""
        self.appear(entity)
        if entity.end is None:
            return
        kind = "fault" if entity.fault else "throttle" if entity.throttle else "error" if entity.error else "ok"
        setattr(self, kind, getattr(self, kind) + 1)
        length = entity.end - entity.start
        self.response_time += length
        self.response_times[grid(length)] += 1
        self.durations[grid(length if duration is None else duration)] += 1

    def statistics(self):
        errors = self.throttle + self.error
        return {
            "OkCount": self.ok,
            "ErrorStatistics": {
                "ThrottleCount": self.throttle,
                "OtherCount": self.error,
                "TotalCount": errors,
            },
            "FaultStatistics": {"OtherCount": self.fault, "TotalCount": self.fault},
            "TotalCount": self.ok + errors + self.fault,
            "TotalResponseTime": seconds_ms(self.response_time),
        }

    def times(self):
        up = -(-self.end // SECOND)
        return {"StartTime": self.start // SECOND, "EndTime": up}


def grid(length):
    """Where a length lies in a histogram, in milliseconds (section 7.3)."""
    step = next((s for limit, s in ((1, 1), (10, 10), (100, 100)) if length < limit * SECOND), 1000)
    micros = step * 1000
    return (length + micros // 2) // micros * step


def histogram(counted):
    return [{"Value": value / 1000, "Count": counted[value]} for value in sorted(counted)]


class Contribution:
    """One line of the table in section 7.1."""

    def __init__(self, to, entity, minute, **rest):
        self.to = to  # a node, or (source, target, kind)
        self.entity = entity
        self.minute = minute // MINUTE * MINUTE
        self.duration = rest.get("duration")
        self.active = rest.get("active", ())
        self.roots = rest.get("roots", ())
        self.alias = rest.get("alias")
        self.age = rest.get("age")


def contributions(trace):
    """All that one trace adds by itself, computed once."""
    if trace.contributions is None:
        trace.contributions = _contributions(trace)
    return trace.contributions


def _contributions(trace):
    found = []
    for entity in trace.segments + trace.orphans + trace.inferred:
        where = node(entity)
        marks = {
            "active": [] if entity.kind == "inferred" else [where],
            "roots": [where] if is_graph_root(entity) else [],
        }
        found.append(Contribution(where, entity, entity.last, duration=_duration(entity), **marks))
        if client(entity):
            edge = (client(entity), where, "")
            found.append(Contribution(edge, entity, entity.last, active=[where]))
    for caller in trace.sent:
        found += _calls(caller)
    return found


def _duration(top):
    """Latest end − earliest start over a segment and all its subsegments."""
    own = [top]
    for entity in own:
        own += [child for child in entity.children if child.kind == "subsegment"]
    return max(e.last for e in own) - min(e.start for e in own)


def _calls(caller):
    source = node(caller.owner)
    if caller.inferred:
        edge = (source, node(caller.inferred), "")
        return [Contribution(edge, caller, caller.last, active=[source])]
    called = {node(child) for child in caller.children if child.is_segment}
    return [
        Contribution(
            (source, target, ""),
            caller,
            caller.last,
            active=[source, target],
            alias=_alias(caller, target),
        )
        for target in called
    ]


def _alias(caller, target):
    if not caller.is_call:
        return None
    outside = inferred_node(caller)
    return outside if outside.name != target.name else None


def link_contributions(traces, between_traces):
    """What links add (section 7.4): within each trace, or between all the given ones too."""
    found = []
    for trace in traces.values():
        for entity, trace_id, linked_id in links_of(trace):
            if trace_id not in traces or (trace_id != trace.id and not between_traces):
                continue
            linked = traces[trace_id].entities.get(linked_id)
            if linked is None:
                continue
            source, target = node(linked.inferred or linked.owner), node(entity.owner)
            active = [target] + ([] if linked.inferred else [source])
            age = max(0, entity.start - linked.last)
            edge = (source, target, "link")
            found.append(Contribution(edge, entity, entity.start, active=active, age=age))
    return found


def in_window(minute, window):
    """Whether a minute (its start) counts for a window (section 7.5); None is always."""
    return window is None or (minute + MINUTE > window[0] and minute < window[1])


def services(traces, window=None, between_traces=True):
    """`Services` of GetServiceGraph for a window in microseconds, or of GetTraceGraph."""
    found = [c for trace in traces.values() for c in contributions(trace)]
    found += link_contributions(traces, between_traces)
    return _shown([c for c in found if in_window(c.minute, window)])


def _shown(found):
    active = {one for c in found for one in c.active}
    roots = {one for c in found for one in c.roots}
    at_nodes, at_edges, aliases = _added_up(found)
    named = {end for source, target, _ in at_edges for end in (source, target)}
    ordered = sorted(named | set(at_nodes), key=lambda n: n.order)
    position = {where: place for place, where in enumerate(ordered)}
    edges = {where: [] for where in ordered}
    for edge, totals in at_edges.items():
        edges[edge[0]].append(_edge(edge, position, totals, aliases.get(edge, ())))
    shown = []
    for where in ordered:
        service = {"ReferenceId": position[where], **where.service_id()}
        service.update(_times(where, at_nodes, at_edges), State=_state(where, active))
        if where in roots:
            service["Root"] = True
        if where.type != "client":
            totals = at_nodes.get(where, Totals())
            service["SummaryStatistics"] = totals.statistics()
            service["DurationHistogram"] = histogram(totals.durations)
            service["ResponseTimeHistogram"] = histogram(totals.response_times)
        order = lambda e: (e["ReferenceId"], e.get("EdgeType", ""))
        shown.append({**service, "Edges": sorted(edges[where], key=order)})
    return shown


def _added_up(found):
    """The sums at nodes and at edges, and the aliases used on edges."""
    at_nodes, at_edges, aliases = {}, {}, {}
    for one in found:
        at = at_nodes if isinstance(one.to, Node) else at_edges
        totals = at.setdefault(one.to, Totals())
        if one.alias:
            aliases.setdefault(one.to, set()).add(one.alias)
        if one.age is None:
            totals.count(one.entity, one.duration)
        else:
            totals.appear(one.entity)
            totals.ages[grid(one.age)] += 1
    return at_nodes, at_edges, aliases


def _state(where, active):
    if where in active:
        return "active"
    return "passive" if where.type == "remote" else "unknown"


def _times(where, at_nodes, at_edges):
    """A node's own times; those of its edges when only edges name it."""
    if where in at_nodes:
        return at_nodes[where].times()
    touching = [t.times() for (source, target, _), t in at_edges.items() if where in (source, target)]
    return {
        "StartTime": min(t["StartTime"] for t in touching),
        "EndTime": max(t["EndTime"] for t in touching),
    }


def _edge(edge, position, totals, aliases):
    shown = {"ReferenceId": position[edge[1]], **totals.times()}
    # accounts are not shown, so what differs in them alone is one
    different = sorted({(alias.name, alias.type) for alias in aliases})
    shown["Aliases"] = [{"Name": n, "Names": [n], "Type": t} for n, t in different]
    if edge[2] == "link":
        shown.update(
            EdgeType="link",
            SummaryStatistics={},
            ResponseTimeHistogram=[],
            ReceivedEventAgeHistogram=histogram(totals.ages),
        )
    else:
        shown["SummaryStatistics"] = totals.statistics()
        shown["ResponseTimeHistogram"] = histogram(totals.response_times)
    return shown
