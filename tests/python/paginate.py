"""Pages through summaries with unmodified boto3 and prints the trace ids as they came, as JSON.

    paginate.py START END EXPRESSION

After the first page it prints a line "first page" and goes on once a line comes on its standard input.
The API's address comes from AWS_ENDPOINT_URL_XRAY, as a user would set it.
"""

import json
import sys
from datetime import datetime, timezone

import boto3

start, end = (datetime.fromtimestamp(float(text), timezone.utc) for text in sys.argv[1:3])
pages = boto3.client("xray").get_paginator("get_trace_summaries").paginate(
    StartTime=start, EndTime=end, FilterExpression=sys.argv[3]
)
ids = []
count = 0
for page in pages:
    ids += [summary["Id"] for summary in page["TraceSummaries"]]
    count += 1
    if count == 1:
        print("first page", flush=True)
        sys.stdin.readline()
print(json.dumps({"ids": ids, "pages": count}), flush=True)
