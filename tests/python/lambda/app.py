"""A function with the real X-Ray SDK: subsegments, an HTTP call, and ways to fail."""

import os
import time
import urllib.request

from aws_xray_sdk.core import patch, xray_recorder

patch(["httplib"])


def handler(event, context):
    print("handling", context.aws_request_id)
    with xray_recorder.in_subsegment("## work") as subsegment:
        subsegment.put_annotation("kind", event.get("do", "work"))
        if "url" in event:
            with urllib.request.urlopen(event["url"]) as answer:
                answer.read()
        if event.get("do") == "raise":
            raise ValueError("out of stock")
        if event.get("do") == "hang":
            time.sleep(600)
        if event.get("do") == "exit":
            os._exit(3)
    return {
        "header": os.environ["_X_AMZN_TRACE_ID"],
        "arn": context.invoked_function_arn,
        "remaining": context.get_remaining_time_in_millis(),
        "given": event,
    }
