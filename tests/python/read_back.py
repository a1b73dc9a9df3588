"""Reads traces back with unmodified boto3 and prints everything as one JSON object.

    read_back.py START END TRACE_ID...

The API's address comes from AWS_ENDPOINT_URL_XRAY, as a user would set it.
"""

import json
import sys
from datetime import datetime, timezone

import boto3

start, end = (datetime.fromtimestamp(float(text), timezone.utc) for text in sys.argv[1:3])
ids = sys.argv[3:]
xray = boto3.client("xray")



def matching(**more):
    """Every summary of the window that more members select, page by page."""
    pages = xray.get_paginator("get_trace_summaries").paginate(
        StartTime=start, EndTime=end, **more
    )
    return [summary for page in pages for summary in page["TraceSummaries"]]


FILTERS = ["ok", "error", "fault", 'service("back") { fault }', 'edge("front", "middle")', 'user = "u-17" AND !ok']
group = xray.create_group(GroupName="faulty", FilterExpression="fault")["Group"]


def graph(**more):
    return xray.get_service_graph(StartTime=start, EndTime=end, **more)["Services"]


def series(**more):
    pages = xray.get_paginator("get_time_series_service_statistics").paginate(
        StartTime=start, EndTime=end, **more
    )
    return [point for page in pages for point in page["TimeSeriesServiceStatistics"]]


result = {
    "summaries": matching(),
    "filtered": {text: len(matching(FilterExpression=text)) for text in FILTERS},
    "in_group": len(matching(FilterExpression='group.name = "faulty"')),
    "traces": xray.batch_get_traces(TraceIds=ids)["Traces"],
    "trace_graph": xray.get_trace_graph(TraceIds=ids[:1])["Services"],
    "service_graph": graph(),
    "group_graph": graph(GroupARN=group["GroupARN"]),
    "series": series(),
    "group_series": series(GroupName="faulty", EntitySelectorExpression='service("back")'),
    "groups": [group["GroupName"] for group in xray.get_groups()["Groups"]],
    "rules": xray.get_sampling_rules()["SamplingRuleRecords"],
}
try:
    xray.get_trace_summaries(StartTime=start, EndTime=end, FilterExpression="duration < ")
except xray.exceptions.InvalidRequestException as error:
    result["filter_error"] = error.response["Error"]["Message"]
print(json.dumps(result, default=lambda value: value.timestamp()))
