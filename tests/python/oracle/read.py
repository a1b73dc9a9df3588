"""Reads documents: JSON texts to objects with exact numbers, and the verdict on each.

Sources: segment-document.md sections 1 to 3 and 10, api.md section 3.1. Numbers with a fraction are
kept as Decimal; every object remembers the text it was read from.
"""

import json
import re
from decimal import Decimal
from fractions import Fraction
from json import decoder, scanner
from math import floor

ID = re.compile(r"(?!0{16})[0-9a-fA-F]{16}")
TRACE_ID = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")


class Object(dict):
    """A JSON object with its text. The last of several equal keys wins, as dict does it."""

    text = ""


class Refused(Exception):
    """A document that is not taken: (error code, id or None)."""


class _Decoder(json.JSONDecoder):
    def __init__(self):
        super().__init__(parse_float=Decimal, parse_constant=self._no_constant)
        self.parse_object = self._object
        # the scanner written in C does not ask for parse_object
        self.scan_once = scanner.py_make_scanner(self)

    @staticmethod
    def _no_constant(name):
        raise ValueError(name)

    @staticmethod
    def _object(string_and_end, *rest):
        string, behind_brace = string_and_end
        members, end = decoder.JSONObject(string_and_end, *rest)
        found = Object(members)
        found.text = string[behind_brace - 1 : end]
        return found, end


_DECODER = _Decoder()


def is_number(value):
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def micros(seconds):
    """Epoch seconds as whole microseconds: the number as it was written, rounded half up."""
    return floor(Fraction(seconds) * 1_000_000 + Fraction(1, 2))


def member(value, kind, *path):
    """The member at a path if it is there with the right type, else None."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    if kind is int:
        is_whole = is_number(value) and value == int(value)
        return int(value) if is_whole else None
    return value if isinstance(value, kind) else None


def documents(texts):
    """The documents that are taken, each once: (document, trace id); and the refused codes with ids."""
    taken, refused = {}, []
    for text in texts:
        try:
            value = _DECODER.decode(text)
        except (ValueError, RecursionError):
            refused.append({"Id": None, "ErrorCode": "ParseError"})
            continue
        several = isinstance(value, list) and any(isinstance(one, Object) for one in value)
        for one in value if several else [value]:
            try:
                check(one)
                taken[one.text] = (one, one["trace_id"].lower())
            except Refused as refusal:
                code, own_id = refusal.args
                refused.append({"Id": own_id, "ErrorCode": code})
    return list(taken.values()), refused


def check(document):
    """Raises Refused when api.md 3.1 refuses the document."""
    if not isinstance(document, Object):
        raise Refused("MissingId" if document == [] else "ParseError", None)
    own_id = document.get("id")
    own_id = own_id if isinstance(own_id, str) else None
    pending = [(document, None)]
    while pending:
        entity, parent = pending.pop(0)
        code = _code(entity, parent)
        if code:
            raise Refused(code, own_id)
        below = member(entity, list, "subsegments") or []
        pending += [(child, entity) for child in below]


def _code(entity, parent):
    if not isinstance(entity, Object):
        return "ParseError"
    # null is the same as absent; of an embedded one only these members are looked at
    texts = ("id", "name") if parent else ("id", "name", "trace_id", "parent_id", "type")
    has = {name: value for name, value in entity.items() if value is not None}
    in_progress = has.get("in_progress", False)
    numbers = [has.get(name, 0) for name in ("start_time", "end_time")]
    if not all(isinstance(has.get(name, ""), str) for name in texts):
        return "ParseError"
    if not all(map(is_number, numbers)) or not isinstance(in_progress, bool):
        return "ParseError"
    kind = "subsegment" if parent else has.get("type", "segment")
    ends = "end_time" in has
    named = None if parent else has.get("parent_id")
    verdicts = (
        ("UnknownType", kind not in ("segment", "subsegment")),
        ("MissingId", "id" not in has),
        ("InvalidId", not ID.fullmatch(has.get("id", ""))),
        ("MissingName", not has.get("name")),
        ("MissingTraceId", not parent and "trace_id" not in has),
        ("InvalidTraceId", not parent and not TRACE_ID.fullmatch(has.get("trace_id", ""))),
        ("MissingStartTime", "start_time" not in has),
        (f"InProgress{kind.capitalize()}HasEndTime", in_progress and ends),
        ("MissingEndTime", not in_progress and not ends),
        ("MissingParentId", not parent and kind == "subsegment" and named is None),
        ("InvalidParentId", named is not None and not ID.fullmatch(named)),
    )
    return next((code for code, is_so in verdicts if is_so), None)
