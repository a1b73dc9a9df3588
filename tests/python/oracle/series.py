"""GetTimeSeriesServiceStatistics without groups and forecast (traces-and-graph.md section 9)."""

import re

from graph import SECOND, Totals, contributions, histogram, in_window
from nodes import Node


def series(traces, window, period, selector=None):
    """Points of `period` seconds; the selector is None, `service("…")` or `edge("…", "…")`."""
    if selector is not None:
        selector = re.findall(r'^\w+|(?<=")[^",()]+(?=")', selector)
    points = {}
    for trace in traces.values():
        for one in contributions(trace):
            if in_window(one.minute, window) and _is_selected(one.to, selector):
                end = (one.minute // (period * SECOND) + 1) * period
                points.setdefault(end, Totals()).count(one.entity)
    of_nodes = selector is not None and selector[0] == "service"
    statistics = "ServiceSummaryStatistics" if of_nodes else "EdgeSummaryStatistics"
    return [
        {
            "Timestamp": end,
            statistics: totals.statistics(),
            "ServiceForecastStatistics": {},
            "ResponseTimeHistogram": histogram(totals.response_times),
        }
        for end, totals in sorted(points.items(), reverse=True)
        if totals.response_times
    ]


def _is_selected(to, selector):
    is_edge = not isinstance(to, Node)
    if selector is None:
        return is_edge and to[0].type == "client"
    kind, *names = selector
    if kind == "service":
        return not is_edge and to.type != "client" and to.name == names[0]
    # a plain name as source stands for the client of that name too
    return is_edge and [to[0].name, to[1].name] == names
