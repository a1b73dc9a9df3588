// An HTTP service instrumented with the unmodified X-Ray SDK, as its users write one without a framework.
//
//     service.js NAME
//
// Listens on a free port and prints `listening on PORT`. The SDK is configured by AWS_XRAY_DAEMON_ADDRESS
// alone; sampling stays as the SDK has it: rules and targets come through the daemon.

const http = require("http");
const xray = require("aws-xray-sdk-core");

const name = process.argv[2];
xray.middleware.setDefaultName(name);

const server = http.createServer((request, response) => {
  // by the name that Express has for it; the SDK tells whether it samples where it finds this
  response.header = response.setHeader;
  const segment = xray.middleware.traceRequestResponseCycle(request, response);
  segment.addAnnotation("served_by", name);
  response.end("done");
});
server.listen(0, "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
