"""Walks botocore's own model of X-Ray with unmodified boto3.

Every operation is called with valid input; its answer must be what the model says and nothing besides.
Then it is called with each required member missing and each bound of a string, number, list, map or
enumeration exceeded; an exception that the model declares for the operation must be raised. botocore's
own checks are switched off for these, so that the server does the refusing. Before that an outage is sent,
so that there is an insight to ask for: 20 minutes without faults and 5 of nothing else, until 3 minutes ago.

The API's address comes from AWS_ENDPOINT_URL_XRAY. Prints one JSON object with what was done.
"""

import copy
import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

OURS = "Radiograph"  # what the members begin with that the model does not know

# required members that the server does without, each for a client that forgets it (spec/api.md)
FORGIVEN = {("GetSamplingTargets", "SamplingStatisticsDocuments[].SampledCount")}

raw = {}


def remember(http_response, **_):
    raw["status"], raw["body"] = http_response.status_code, http_response.content


def client(validates):
    config = Config(parameter_validation=validates, retries={"total_max_attempts": 1})
    made = boto3.client("xray", config=config)
    made.meta.events.register("after-call", remember)
    return made


strict, loose = client(True), client(False)
model = strict.meta.service_model
method_of = {operation: method for method, operation in strict.meta.method_to_api_mapping.items()}


def conforms(shape, value, where):
    """What is wrong with an answer that was read by the model's shapes."""
    kind = shape.type_name
    if kind == "structure":
        for name in shape.required_members:
            if name not in value:
                yield f"{where}.{name} is missing"
        for name, member in value.items():
            if name != "ResponseMetadata":
                yield from conforms(shape.members[name], member, f"{where}.{name}")
    elif kind == "list":
        for member in value:
            yield from conforms(shape.member, member, f"{where}[]")
    elif kind == "map":
        for member in value.values():
            yield from conforms(shape.value, member, f"{where}{{}}")
    elif kind == "string":
        if not isinstance(value, str):
            yield f"{where} is no string: {value!r}"
        elif "enum" in shape.metadata and value not in shape.enum:
            yield f"{where} is none of the enumeration: {value!r}"
        elif len(value) > shape.metadata.get("max", sys.maxsize):
            yield f"{where} is too long: {len(value)}"
    elif kind in ("integer", "long") and (isinstance(value, bool) or not isinstance(value, int)):
        yield f"{where} is no whole number: {value!r}"


def unknown(shape, value, where):
    """Members of an answer's JSON that the model does not have."""
    if value is None:
        return
    if shape.type_name == "structure":
        for name, member in value.items():
            if name in shape.members:
                yield from unknown(shape.members[name], member, f"{where}.{name}")
            elif not name.startswith(OURS):
                yield f"{where}.{name} is unknown to the model"
    elif shape.type_name == "list":
        for member in value:
            yield from unknown(shape.member, member, f"{where}[]")
    elif shape.type_name == "map":
        for member in value.values():
            yield from unknown(shape.value, member, f"{where}{{}}")


def replaced(whole, path, change):
    """A copy of a request in which what stands at a path is changed, or taken out."""
    whole = copy.deepcopy(whole)
    holder = whole
    for step in path[:-1]:
        holder = holder[step]
    if change is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = change(holder[path[-1]])
    return whole


def named(path):
    text = ""
    for step in path:
        text += "[]" if isinstance(step, int) else ("." if text else "") + str(step)
    return text


def violations(shape, value, whole, path=()):
    """Requests that break one rule of the model each: where, how, and the request."""

    def broken(how, change, at=path):
        return named(at), how, replaced(whole, at, change)

    kind, bounds = shape.type_name, shape.metadata
    if kind == "structure":
        for name in shape.required_members:
            if name in value:
                yield broken("missing", None, (*path, name))
        for name, member in value.items():
            yield from violations(shape.members[name], member, whole, (*path, name))
    elif kind == "list":
        if "max" in bounds:
            yield broken("too many", lambda list: [list[0]] * (bounds["max"] + 1))
        for place, member in enumerate(value[:1]):
            yield from violations(shape.member, member, whole, (*path, place))
    elif kind == "map":
        if "max" in bounds:
            many = {f"key{number}": "value" for number in range(bounds["max"] + 1)}
            yield broken("too many", lambda _: many)
        for name, member in list(value.items())[:1]:
            longest = shape.key.metadata["max"]
            yield broken("key too long", lambda map: {"k" * (longest + 1): member})
            yield from violations(shape.value, member, whole, (*path, name))
    elif kind == "string":
        if "enum" in bounds:
            yield broken("no value of the enumeration", lambda _: "Nonsense")
        if "max" in bounds:
            yield broken("too long", lambda text: (text or "x") + "x" * bounds["max"])
        if bounds.get("min", 0) > 0:
            yield broken("too short", lambda _: "")
        if "pattern" in bounds:
            yield broken("against the pattern", lambda _: "b\u00e4d pattern!")
    elif kind in ("integer", "long", "float", "double"):
        if "min" in bounds:
            yield broken("too small", lambda _: bounds["min"] - 1)
        if "max" in bounds:
            yield broken("too large", lambda _: bounds["max"] + 1)


def document(now, trace):
    segment = {
        "trace_id": trace, "id": "00000000000000a1", "name": "walk", "start_time": now - 2.0,
        "end_time": now - 1.0, "annotations": {"tier": "gold"}, "user": "u-17",
        "http": {"request": {"url": "https://shop.test/", "method": "GET"}, "response": {"status": 500}},
        "fault": True, "cause": {"exceptions": [{"id": "00000000000000c1", "type": "Oops", "message": "no"}]},
        "subsegments": [{
            "id": "00000000000000b1", "name": "orders", "namespace": "aws", "start_time": now - 1.9,
            "end_time": now - 1.2, "aws": {"operation": "GetItem", "table_name": "orders"},
        }],
    }
    return json.dumps(segment)


def inputs(now, trace):
    """Operations with valid input, in an order in which they work; input may be made of answers before."""
    window = {"StartTime": now - 600, "EndTime": now + 60}
    tags = [{"Key": "team", "Value": "shop"}]
    statistics = {
        "RuleName": "walk", "ClientID": "0a1b2c3d4e5f60718293a4b5", "Timestamp": now, "RequestCount": 84,
        "SampledCount": 24, "BorrowCount": 10,
    }
    boost = {
        "RuleName": "walk", "ServiceName": "walk", "Timestamp": now, "AnomalyCount": 3, "TotalCount": 9,
        "SampledAnomalyCount": 1,
    }
    rule = {
        "RuleName": "walk", "ResourceARN": "*", "Priority": 100, "FixedRate": 0.2, "ReservoirSize": 5,
        "ServiceName": "shop", "ServiceType": "*", "Host": "*", "HTTPMethod": "POST", "URLPath": "/cart/*",
        "Version": 1, "Attributes": {"tier": "gold"},
        "SamplingRateBoost": {"MaxRate": 0.5, "CooldownWindowMinutes": 10},
    }
    change = {
        "RuleName": "walk", "ResourceARN": "*", "Priority": 101, "FixedRate": 0.3, "ReservoirSize": 6,
        "Host": "*", "ServiceName": "cart", "ServiceType": "*", "HTTPMethod": "GET", "URLPath": "/*",
        "Attributes": {"tier": "gold"}, "SamplingRateBoost": {"MaxRate": 0.6, "CooldownWindowMinutes": 9},
    }
    record = {
        "Timestamp": now, "SegmentsReceivedCount": 2, "SegmentsSentCount": 1, "SegmentsSpilloverCount": 0,
        "SegmentsRejectedCount": 1, "BackendConnectionErrors": {"TimeoutCount": 1, "OtherCount": 0},
    }
    configuration = {"InsightsEnabled": True, "NotificationsEnabled": False}
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    return [
        ("PutTraceSegments", lambda _: {"TraceSegmentDocuments": [document(now, trace)]}),
        ("PutTelemetryRecords", lambda _: {
            "TelemetryRecords": [record], "EC2InstanceId": "i-0123456789abcdef0", "Hostname": "web-1",
            "ResourceARN": "arn:aws:ec2:us-east-1:000000000000:instance/i-0123456789abcdef0",
        }),
        ("CreateSamplingRule", lambda _: {"SamplingRule": rule, "Tags": tags}),
        ("GetSamplingRules", lambda _: {}),
        ("GetSamplingTargets", lambda _: {
            "SamplingStatisticsDocuments": [statistics], "SamplingBoostStatisticsDocuments": [boost],
        }),
        ("GetSamplingStatisticSummaries", lambda _: {}),
        ("UpdateSamplingRule", lambda _: {"SamplingRuleUpdate": change}),
        ("CreateGroup", lambda _: {
            "GroupName": "walk", "FilterExpression": "fault", "InsightsConfiguration": configuration,
            "Tags": tags,
        }),
        ("GetGroup", lambda _: {"GroupName": "walk"}),
        ("GetGroup", lambda seen: {"GroupARN": seen["CreateGroup"]["Group"]["GroupARN"]}),
        ("GetGroups", lambda _: {}),
        ("UpdateGroup", lambda seen: {
            "GroupName": "walk", "GroupARN": seen["CreateGroup"]["Group"]["GroupARN"],
            "FilterExpression": "fault = true", "InsightsConfiguration": configuration,
        }),
        ("TagResource", lambda seen: {
            "ResourceARN": seen["CreateGroup"]["Group"]["GroupARN"], "Tags": tags,
        }),
        ("ListTagsForResource", lambda seen: {
            "ResourceARN": seen["CreateSamplingRule"]["SamplingRuleRecord"]["SamplingRule"]["RuleARN"],
        }),
        ("UntagResource", lambda seen: {
            "ResourceARN": seen["CreateGroup"]["Group"]["GroupARN"], "TagKeys": ["team"],
        }),
        ("GetTraceSummaries", lambda _: {
            **window, "TimeRangeType": "Event", "Sampling": True, "FilterExpression": "service()",
            "SamplingStrategy": {"Name": "FixedRate", "Value": 1.0},
        }),
        ("GetTraceSummaries", lambda _: window),
        ("BatchGetTraces", lambda _: {"TraceIds": [trace]}),
        ("GetTraceGraph", lambda _: {"TraceIds": [trace]}),
        ("GetServiceGraph", lambda _: {**window, "GroupName": "walk"}),
        ("GetServiceGraph", lambda seen: {
            **window, "GroupARN": seen["CreateGroup"]["Group"]["GroupARN"],
        }),
        ("GetTimeSeriesServiceStatistics", lambda _: {
            **window, "GroupName": "walk", "EntitySelectorExpression": 'service("walk")', "Period": 60,
            "ForecastStatistics": True,
        }),
        ("GetTimeSeriesServiceStatistics", lambda seen: {
            **window, "GroupARN": seen["CreateGroup"]["Group"]["GroupARN"],
        }),
        ("GetInsightSummaries", lambda _: {
            **window, "States": ["ACTIVE"], "GroupName": "Default", "MaxResults": 10,
        }),
        ("GetInsightSummaries", lambda seen: {
            **window, "GroupARN": seen["CreateGroup"]["Group"]["GroupARN"],
        }),
        ("GetInsight", lambda seen: {"InsightId": seen["insight"]}),
        ("GetInsightEvents", lambda seen: {"InsightId": seen["insight"], "MaxResults": 10}),
        ("GetInsightImpactGraph", lambda seen: {"InsightId": seen["insight"], **window}),
        ("PutEncryptionConfig", lambda _: {"Type": "KMS", "KeyId": "alias/radiograph"}),
        ("PutEncryptionConfig", lambda _: {"Type": "NONE"}),
        ("GetEncryptionConfig", lambda _: {}),
        ("PutResourcePolicy", lambda _: {
            "PolicyName": "walk", "PolicyDocument": policy, "PolicyRevisionId": "0",
            "BypassPolicyLockoutCheck": True,
        }),
        ("ListResourcePolicies", lambda _: {}),
        ("DeleteResourcePolicy", lambda seen: {
            "PolicyName": "walk",
            "PolicyRevisionId": seen["PutResourcePolicy"]["ResourcePolicy"]["PolicyRevisionId"],
        }),
        ("GetIndexingRules", lambda _: {}),
        ("UpdateIndexingRule", lambda _: {
            "Name": "Default", "Rule": {"Probabilistic": {"DesiredSamplingPercentage": 100.0}},
        }),
        ("UpdateTraceSegmentDestination", lambda _: {
            "Destination": "CloudWatchLogs",
            "CloudWatchLogsConfiguration": {"SpansLogGroupKmsKeyId": "alias/spans"},
        }),
        ("UpdateTraceSegmentDestination", lambda _: {"Destination": "XRay"}),
        ("GetTraceSegmentDestination", lambda _: {}),
        ("StartTraceRetrieval", lambda _: {"TraceIds": [trace], **window}),
        ("ListRetrievedTraces", lambda seen: {
            "RetrievalToken": seen["StartTraceRetrieval"]["RetrievalToken"], "TraceFormat": "OTEL",
        }),
        ("ListRetrievedTraces", lambda seen: {
            "RetrievalToken": seen["StartTraceRetrieval"]["RetrievalToken"],
        }),
        ("GetRetrievedTracesGraph", lambda seen: {
            "RetrievalToken": seen["StartTraceRetrieval"]["RetrievalToken"],
        }),
        ("CancelTraceRetrieval", lambda seen: {
            "RetrievalToken": seen["StartTraceRetrieval"]["RetrievalToken"],
        }),
        ("DeleteGroup", lambda _: {"GroupName": "walk"}),
        ("DeleteSamplingRule", lambda _: {"RuleName": "walk"}),
    ]


# members that would say nothing of the model's shapes if they were empty
FILLED = {
    "GetTraceSummaries": "TraceSummaries", "BatchGetTraces": "Traces", "GetServiceGraph": "Services",
    "GetInsightEvents": "InsightEvents", "GetInsightImpactGraph": "Services",
}


def outage(now):
    """Sends an outage of a service, and waits for the insight that it is."""
    first = now // 60 * 60 - 28 * 60
    documents = []
    for number in range(25 * 8):
        minute, place = divmod(number, 8)
        start = first + minute * 60 + place * 6
        documents.append(json.dumps({
            "trace_id": f"1-{start:08x}-{number:024x}", "id": f"{number + 1:016x}", "name": "outage",
            "start_time": start, "end_time": start + 1, "fault": minute >= 20,
        }))
    for batch in range(0, len(documents), 50):
        strict.put_trace_segments(TraceSegmentDocuments=documents[batch:batch + 50])
    window = {"StartTime": now - 3600, "EndTime": now}
    pages = strict.get_paginator("get_trace_summaries")
    while sum(len(page["TraceSummaries"]) for page in pages.paginate(**window)) < len(documents):
        time.sleep(0.05)
    strict.update_group(GroupName="Default", InsightsConfiguration={"InsightsEnabled": True})
    while True:
        found = strict.get_insight_summaries(GroupName="Default", **window)["InsightSummaries"]
        if found:
            return found[0]["InsightId"]
        time.sleep(0.2)


def call(client, operation, request):
    return getattr(client, method_of[operation])(**request)


def refusal(operation, request):
    """What is wrong with the refusal of a request: None when a declared exception was raised."""
    declared = {shape.name for shape in model.operation_model(operation).error_shapes}
    try:
        call(loose, operation, request)
    except ClientError as error:
        name = type(error).__name__
        if name not in declared:
            return f"{name} ({error.response['Error']}), which is not declared"
        if not error.response["Error"]["Message"]:
            return f"{name} without a message"
        return None
    except Exception as error:  # what botocore could not even send
        return f"{type(error).__name__}: {error}"
    return "was accepted"


def main():
    now = int(time.time())
    trace = f"1-{now:08x}-00000000000000000000000a"
    seen, wrong, calls, refused = {"insight": outage(now)}, [], 0, 0
    for operation, make in inputs(now, trace):
        request = make(seen)
        shape = model.operation_model(operation)
        calls += 1
        # wrong ones first: what they were to break must not work afterwards because of them
        rules = shape.input_shape and violations(shape.input_shape, request, request)
        for where, how, broken in rules or ():
            if (operation, where) in FORGIVEN and how == "missing":
                continue
            refused += 1
            problem = refusal(operation, broken)
            if problem:
                wrong.append(f"{operation}: {where} {how}: {problem}")
        try:
            answer = call(strict, operation, request)
        except Exception as error:
            wrong.append(f"{operation}: {type(error).__name__}: {error}")
            continue
        seen[operation] = answer
        wrong += conforms(shape.output_shape, answer, operation)
        wrong += unknown(shape.output_shape, json.loads(raw["body"]), operation)
        if operation in FILLED and not answer[FILLED[operation]]:
            wrong.append(f"{operation}: nothing in {FILLED[operation]}")
        if operation == "PutTraceSegments":
            walked = {"StartTime": now - 600, "EndTime": now + 60, "FilterExpression": 'service("walk")'}
            while not call(strict, "GetTraceSummaries", walked)["TraceSummaries"]:
                time.sleep(0.05)
    never = sorted(set(model.operation_names) - {operation for operation, _ in inputs(now, trace)})
    wrong += [f"{operation} was not called" for operation in never]
    print(json.dumps({"operations": len(model.operation_names), "calls": calls, "refused": refused, "wrong": wrong}))


main()
