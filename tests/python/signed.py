"""Calls a collector with unmodified boto3 and prints what came of it as one JSON object.

    signed.py CALL...

A call is `write`, `read` or `admin`, an operation that a key of this role may call; `old` and `early`, signed
ten minutes from now; `changed`, with another body than was signed; or a trace id, whose segments are
counted. The outcome is null, a number, or code and status of the error. Address and keys come from the
environment, as users set them.
"""

import datetime
import json
import sys
from unittest import mock

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# a refused signature is not sent again with a corrected clock, and nothing else is either
once = Config(retries={"total_max_attempts": 1, "mode": "standard"})
client = boto3.client("xray", config=once)
SKEW = datetime.timedelta(minutes=10)


def signed_at(skew):
    then = datetime.datetime.now(datetime.timezone.utc) + skew
    with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: then.replace(tzinfo=None)):
        client.get_groups()


def with_changed_body():
    def change(request, **_):
        request.body = request.body.replace(b"aaaa", b"bbbb")

    other = boto3.client("xray", config=once)
    other.meta.events.register("before-send.xray.*", change)
    other.put_trace_segments(TraceSegmentDocuments=["aaaa"])


def outcome(call):
    if call == "write":
        client.put_trace_segments(TraceSegmentDocuments=["{}"])
        client.get_sampling_rules()
    elif call == "read":
        client.get_groups()
    elif call == "admin":
        client.create_group(GroupName="made")
        client.delete_group(GroupName="made")
    elif call == "old":
        signed_at(-SKEW)
    elif call == "early":
        signed_at(SKEW)
    elif call == "changed":
        with_changed_body()
    else:
        traces = client.batch_get_traces(TraceIds=[call])["Traces"]
        return sum(len(trace["Segments"]) for trace in traces)


result = {}
for call in sys.argv[1:]:
    try:
        result[call] = outcome(call)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        result[call] = f"{error.response['Error']['Code']} {status}"
print(json.dumps(result))
