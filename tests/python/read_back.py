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

summaries = []
for page in xray.get_paginator("get_trace_summaries").paginate(StartTime=start, EndTime=end):
    summaries += page["TraceSummaries"]
result = {
    "summaries": summaries,
    "traces": xray.batch_get_traces(TraceIds=ids)["Traces"],
    "trace_graph": xray.get_trace_graph(TraceIds=ids[:1])["Services"],
    "service_graph": xray.get_service_graph(StartTime=start, EndTime=end)["Services"],
    "rules": xray.get_sampling_rules()["SamplingRuleRecords"],
}
try:
    xray.get_trace_summaries(StartTime=start, EndTime=end, FilterExpression="ok")
except xray.exceptions.InvalidRequestException as error:
    result["filter_error"] = error.response["Error"]["Message"]
print(json.dumps(result, default=lambda value: value.timestamp()))
