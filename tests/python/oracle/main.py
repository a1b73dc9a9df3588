"""Answers of the X-Ray API for given documents, computed from the specification alone.

    python3 main.py < request.json > answer.json
    python3 main.py generate SEED TRACES > documents.json

The request: `documents` (JSON texts of any number of traces), and optionally `windows` (pairs of epoch
seconds; by default the hours in which traces began), `selectors` of the time series (null is none), and
`links_between_traces` (by default true). Trace graphs are given of each trace and of each five in a row.
"""

import json
import sys
from decimal import Decimal

import documents
import graph
import read
import series
import stitch
import summary

HOUR = 3_600_000_000


def traces_of(texts):
    """All traces by id, and what was refused."""
    taken, refused = read.documents(texts)
    by_trace = {}
    for document, trace_id in taken:
        by_trace.setdefault(trace_id, []).append(document)
    traces = {one: stitch.Trace(one, by_trace[one]) for one in sorted(by_trace)}
    return traces, refused


def answer(request):
    """Everything the API says of these documents."""
    traces, refused = traces_of(request["documents"])
    hours = sorted({summary.start(trace) // HOUR for trace in traces.values()})
    hours = [[hour * 3600, hour * 3600 + 3600] for hour in hours]
    windows = request.get("windows", hours)
    between_traces = request.get("links_between_traces", True)
    together = [[one] for one in traces]
    together += [list(traces)[at : at + 5] for at in range(0, len(traces), 5)]
    return {
        "refused": refused,
        "hours": hours,
        "summaries": {one: summary.summary(trace) for one, trace in traces.items()},
        "traces": {one: documents.entries(trace) for one, trace in traces.items()},
        "service_graphs": [
            {"window": window, "services": graph.services(traces, _micros(window), between_traces)}
            for window in windows
        ],
        "trace_graphs": [
            {
                "ids": ids,
                "services": graph.services({one: traces[one] for one in ids}, None, between_traces),
            }
            for ids in together
        ],
        "series": [
            {
                "window": window,
                "period": period,
                "selector": selector,
                "points": series.series(traces, _micros(window), period, selector),
            }
            for window in windows
            for period in (60, 300)
            for selector in request.get("selectors", [None])
        ],
    }


def _micros(window):
    return [read.micros(Decimal(str(time))) for time in window]


def main(arguments):
    if arguments[:1] == ["generate"]:
        import generate

        seed, count = arguments[1:]
        shown = generate.documents(int(seed), int(count))
    else:
        shown = answer(json.load(sys.stdin))
    json.dump(shown, sys.stdout, default=float)


if __name__ == "__main__":
    main(sys.argv[1:])
