#!/usr/bin/env python3
"""An extension that writes down what it is told: lifecycle events and telemetry, a line each."""

import http.server
import json
import os
import sys
import threading
import urllib.request

API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
OUT = open(os.environ["EXTENSION_OUTPUT"], "a", buffering=1)


def call(method, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, headers, method=method)
    return urllib.request.urlopen(request)


class Telemetry(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            OUT.write("telemetry %s %s\n" % (event["type"], json.dumps(event["record"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


name = os.path.basename(sys.argv[0])
registered = call("POST", "/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]}, **{"Lambda-Extension-Name": name})
ident = {"Lambda-Extension-Identifier": registered.headers["Lambda-Extension-Identifier"]}
OUT.write("registered %s\n" % json.loads(registered.read())["functionName"])
server = http.server.HTTPServer(("127.0.0.1", 0), Telemetry)
threading.Thread(target=server.serve_forever, daemon=True).start()
call("PUT", "/2022-07-01/telemetry", {
    "schemaVersion": "2022-12-13",
    "types": ["platform", "function"],
    "buffering": {"timeoutMs": 25},
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:%d" % server.server_port},
}, **ident)
while True:
    event = json.loads(call("GET", "/2020-01-01/extension/event/next", **ident).read())
    OUT.write("event %s\n" % json.dumps(event))
    if event["eventType"] == "SHUTDOWN":
        break
