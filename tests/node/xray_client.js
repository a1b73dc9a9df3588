// Calls a collector with the unmodified AWS SDK for JavaScript v3 and prints what came of it as JSON.
//
//     xray_client.js CALL...
//
// A call is `core`, all that a reader and a writer do in a day; `old`, signed ten minutes ago; `changed`,
// with another body than was signed; or `put`, a document of a few letters. The outcome is what was read, or
// name and status of the error.
// Address and keys come from the environment, as users set them.

const xray = require("@aws-sdk/client-xray");

const TRACE = "1-6592008a-0f1e2d3c4b5a69788796a5b4";

function client(options) {
  return new xray.XRayClient({ maxAttempts: 1, ...options });
}

async function core() {
  const ours = client();
  const start = 1704067210;
  const document = {
    trace_id: TRACE, id: "53995c3f42cd8ad8", name: "web", start_time: start, end_time: start + 0.25,
    http: { request: { method: "GET", url: "https://shop.test/" }, response: { status: 200 } },
  };
  const put = await ours.send(new xray.PutTraceSegmentsCommand({ TraceSegmentDocuments: [JSON.stringify(document)] }));
  const window = { StartTime: new Date((start - 60) * 1000), EndTime: new Date((start + 60) * 1000) };
  let summaries = [];
  while (summaries.length === 0) {
    for await (const page of xray.paginateGetTraceSummaries({ client: ours }, window)) {
      summaries = summaries.concat(page.TraceSummaries);
    }
  }
  const traces = await ours.send(new xray.BatchGetTracesCommand({ TraceIds: [TRACE] }));
  const graph = await ours.send(new xray.GetServiceGraphCommand(window));
  const rules = await ours.send(new xray.GetSamplingRulesCommand({}));
  const groups = await ours.send(new xray.GetGroupsCommand({}));
  return {
    unprocessed: put.UnprocessedTraceSegments,
    summaries: summaries.map((summary) => [summary.Id, summary.Duration]),
    segments: traces.Traces[0].Segments.length,
    services: graph.Services.length,
    rules: rules.SamplingRuleRecords.map((record) => record.SamplingRule.RuleName),
    groups: groups.Groups.map((group) => group.GroupName),
  };
}

async function old() {
  await client({ systemClockOffset: -600000 }).send(new xray.GetGroupsCommand({}));
}

async function put() {
  await client().send(new xray.PutTraceSegmentsCommand({ TraceSegmentDocuments: ["aaaa"] }));
}

async function changed() {
  const ours = client();
  const change = (next) => async (args) => {
    args.request.body = args.request.body.replace("aaaa", "bbbb");
    return next(args);
  };
  ours.middlewareStack.add(change, { step: "finalizeRequest", priority: "low" });
  await ours.send(new xray.PutTraceSegmentsCommand({ TraceSegmentDocuments: ["aaaa"] }));
}

async function main() {
  const calls = { core, old, changed, put };
  const outcomes = {};
  for (const call of process.argv.slice(2)) {
    try {
      outcomes[call] = (await calls[call]()) ?? null;
    } catch (error) {
      outcomes[call] = `${error.name} ${error.$metadata?.httpStatusCode}`;
    }
  }
  console.log(JSON.stringify(outcomes));
}

main();
