"""Documents of one trace to its tree of entities (traces-and-graph.md section 2)."""

import hashlib

from nodes import entity_name, inferred_node
from read import Object, member, micros

NAME_LENGTH_MAX = 200


class Entity:
    """What speaks for one id: a segment, a subsegment, or an inferred segment."""

    def __init__(self, document, kind, named_parent):
        self.document = document
        self.kind = kind  # "segment", "subsegment" or "inferred"
        self.id = document["id"].lower()
        self.named_parent = named_parent and named_parent.lower()  # the id it says, whether or not that exists
        self.parent = None  # the entity above it, after circles were cut
        self.children = []  # subsegments and child segments, by (start, id)
        self.inferred = None  # the inferred segment of a call
        self.start = micros(document["start_time"])
        end = document.get("end_time")
        self.end = None if end is None else max(self.start, micros(end))
        self.name = document["name"][:NAME_LENGTH_MAX]
        self.namespace = member(document, str, "namespace")
        status = member(document, int, "http", "response", "status") or 0
        self.fault = document.get("fault") is True or 500 <= status <= 599
        self.throttle = document.get("throttle") is True or status == 429
        self.error = document.get("error") is True or 400 <= status <= 499 or self.throttle

    @property
    def is_segment(self):
        return self.kind == "segment"

    @property
    def is_call(self):
        return self.kind == "subsegment" and self.namespace in ("aws", "remote")

    @property
    def is_topmost_orphan(self):
        return self.kind == "subsegment" and self.parent is None

    @property
    def is_unresolved(self):
        return self.is_segment and self.named_parent is not None and self.parent is None

    @property
    def last(self):
        """The end, or the start while there is none."""
        return self.start if self.end is None else self.end

    @property
    def order(self):
        return (self.start, self.id)

    @property
    def owner(self):
        """The segment it belongs to, or the orphan that stands in for it."""
        top = self
        while top.kind == "subsegment" and top.parent is not None:
            top = top.parent
        return top

    @property
    def shown_name(self):
        return entity_name(self)


class Trace:
    """All entities of a trace, hung together."""

    def __init__(self, trace_id, documents):
        self.id = trace_id
        self.revision = len(documents)
        self.contributions = None  # graph.py keeps them here
        self.entities = _speaking(documents)
        self._hang_together()
        self.sent = sorted(self.entities.values(), key=lambda e: e.order)
        self.segments = [e for e in self.sent if e.is_segment]
        self.orphans = [e for e in self.sent if e.is_topmost_orphan]
        self.named_by_segments = {e.named_parent for e in self.segments}
        self.inferred = []
        for entity in self.sent:
            if entity.is_call and entity.id not in self.named_by_segments:
                self._infer(entity)

    def _hang_together(self):
        for entity in self.entities.values():
            entity.parent = self.entities.get(entity.named_parent)
        for circle in _circles(self.entities.values()):
            segments = [e for e in circle if e.is_segment]
            min(segments or circle, key=lambda e: e.order).parent = None
        for entity in sorted(self.entities.values(), key=lambda e: e.order):
            if entity.parent is not None:
                entity.parent.children.append(entity)

    def _infer(self, call):
        seed = f"inferred:{self.id}:{call.id}"
        document = Object(
            id=hashlib.sha256(seed.encode()).hexdigest()[:16],
            name=call.shown_name,
            trace_id=self.id,
            parent_id=call.document["id"],
            inferred=True,
            start_time=call.document["start_time"],
        )
        if call.end is None:
            document["in_progress"] = True
        else:
            document["end_time"] = call.document["end_time"]
        for name in ("http", "aws", "sql", "error", "throttle", "fault"):
            if call.document.get(name) is not None:
                document[name] = call.document[name]
        node_type = inferred_node(call).type
        if node_type != "remote":
            document["origin"] = node_type
        call.inferred = Entity(document, "inferred", call.id)
        call.inferred.parent = call
        self.inferred.append(call.inferred)

    @property
    def everything(self):
        return self.sent + self.inferred

    @property
    def root(self):
        """The root segment of the summary (section 3.3)."""
        without = [s for s in self.segments if s.named_parent is None]
        unresolved = [s for s in self.segments if s.is_unresolved]
        for candidates in (without, unresolved, self.segments):
            if candidates:
                return candidates[0]
        return None

    @property
    def is_partial(self):
        return (
            bool(self.orphans)
            or any(e.end is None for e in self.sent)
            or any(self._is_awaited(e) for e in self.sent)
        )

    def _is_awaited(self, entity):
        document = entity.document
        traced = document.get("traced") is True
        traced = traced or member(document, bool, "http", "request", "traced") is True
        is_named = entity.id in self.named_by_segments
        return entity.kind == "subsegment" and traced and not is_named


def _speaking(documents):
    """Per id the version that speaks (section 2.1)."""
    best = {}
    for document in documents:
        is_segment = document.get("type") != "subsegment"
        pending = [(document, is_segment, document.get("parent_id"))]
        while pending:
            version, is_segment, parent = pending.pop()
            end = version.get("end_time")
            text = version.text.encode()
            start = micros(version["start_time"])
            ends = -1 if end is None else max(start, micros(end))
            rank = (is_segment, end is not None, ends, len(text), text, parent or "")
            own_id = version["id"].lower()
            known = best.get(own_id)
            if known is None or known[0] < rank:
                kind = "segment" if is_segment else "subsegment"
                best[own_id] = (rank, Entity(version, kind, parent))
            below = member(version, list, "subsegments") or []
            pending += [(child, False, version["id"]) for child in below]
    return {own_id: entity for own_id, (_, entity) in best.items()}


def _circles(entities):
    """The circles of parent links, each as a list of entities."""
    circles, done = [], set()
    for first in entities:
        way, entity = [], first
        while entity is not None and entity.id not in done:
            done.add(entity.id)
            way.append(entity)
            entity = entity.parent
        if entity is not None and entity in way:
            circles.append(way[way.index(entity) :])
    return circles
