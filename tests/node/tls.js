// Calls an operation over TLS with Node's own client and prints status, protocol and body as JSON.
//
//     tls.js PORT CA_FILE
//
// The body is compressed with gzip.

const fs = require("fs");
const https = require("https");
const zlib = require("zlib");

const [port, ca] = process.argv.slice(2);
const options = {
  host: "127.0.0.1",
  port,
  path: "/GetSamplingRules",
  method: "POST",
  ca: fs.readFileSync(ca),
  ALPNProtocols: ["h2", "http/1.1"],
  headers: { "Content-Type": "application/json", "Content-Encoding": "gzip" },
};
const request = https.request(options, (response) => {
  const protocol = response.socket.alpnProtocol;
  let body = "";
  response.on("data", (piece) => (body += piece));
  response.on("end", () => console.log(JSON.stringify({ status: response.statusCode, protocol, body: JSON.parse(body) })));
});
request.on("error", (error) => {
  console.log(JSON.stringify({ error: error.code }));
});
request.end(zlib.gzipSync("{}"));
