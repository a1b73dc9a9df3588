"""A Flask service instrumented with the unmodified X-Ray SDK, as its users write one.

    service.py NAME [URL OF THE NEXT SERVICE]

Listens on a free port and prints `listening on PORT`. The SDK is configured by AWS_XRAY_DAEMON_ADDRESS
alone; sampling stays as the SDK has it: rules and targets come through the daemon.
"""

import sys

import requests
from aws_xray_sdk.core import patch, xray_recorder
from aws_xray_sdk.ext.flask.middleware import XRayMiddleware
from flask import Flask
from werkzeug.serving import make_server

NAME, NEXT = sys.argv[1], (sys.argv[2:] or [None])[0]

app = Flask(NAME)
xray_recorder.configure(service=NAME)
XRayMiddleware(app, xray_recorder)
patch(["requests"])


@app.route("/<path>")
def handle(path):
    segment = xray_recorder.current_segment()
    segment.put_annotation("served_by", NAME)
    segment.put_metadata("path", path)
    segment.set_user("u-17")
    if NEXT:
        answer = requests.get(f"{NEXT}/{path}", timeout=60)
        return answer.text, answer.status_code
    if path == "missing":
        return "no such thing", 404
    if path == "boom":
        raise RuntimeError("out of stock")
    return "done"


server = make_server("127.0.0.1", 0, app, threaded=True)
print(f"listening on {server.server_port}", flush=True)
server.serve_forever()
