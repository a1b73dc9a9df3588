"""Sends one segment over TLS with unmodified boto3, its body compressed or not, and prints the trace ids found.

    tls.py ENDPOINT CA_FILE ENCODING TRACE_ID [CERTIFICATE KEY]

ENCODING is identity, gzip or zstd. With a certificate, the client shows it.
"""

import gzip
import json
import sys

import boto3
import zstandard
from botocore.config import Config

endpoint, ca_file, encoding, trace_id = sys.argv[1:5]
config = Config(client_cert=tuple(sys.argv[5:7]) or None, retries={"total_max_attempts": 1})
xray = boto3.client("xray", endpoint_url=endpoint, verify=ca_file, config=config)
compress = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}.get(encoding)


def compressed(params, **_):
    body = params["body"]
    params["body"] = compress(body if isinstance(body, bytes) else body.encode())
    params["headers"]["Content-Encoding"] = encoding


if compress:
    # every operation, not PutTraceSegments alone
    xray.meta.events.register("before-call.xray", compressed)
segment = {"name": "shop", "id": "3f1e0c2b9a8d7e6f", "trace_id": trace_id, "start_time": 1704067210.1, "end_time": 1704067210.4}
put = xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])
assert put["UnprocessedTraceSegments"] == [], put
found = xray.batch_get_traces(TraceIds=[trace_id])
print(json.dumps([trace["Id"] for trace in found["Traces"]]))
