"""Invokes a function with boto3, unmodified but for the endpoint; prints what came as JSON."""

import json
import sys

import boto3
from botocore.config import Config

endpoint, name, payload, header = sys.argv[1:5]
more = json.loads(sys.argv[5]) if len(sys.argv) > 5 else {}
client = boto3.client("lambda", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))
if header:
    client.meta.events.register(
        "before-sign.lambda.Invoke",
        lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", header),
    )
try:
    answer = client.invoke(FunctionName=name, Payload=payload, **more)
    body = answer["Payload"].read()
    printed = {
        "status": answer["StatusCode"],
        "error": answer.get("FunctionError"),
        "version": answer.get("ExecutedVersion"),
        "log": answer.get("LogResult"),
        "payload": json.loads(body) if body else None,
    }
except client.exceptions.ClientError as error:
    printed = {"refused": error.response["Error"]["Code"], "status": error.response["ResponseMetadata"]["HTTPStatusCode"]}
print(json.dumps(printed))
