"""Which node of the service graph an entity belongs to (traces-and-graph.md section 3)."""

from typing import NamedTuple, Optional

from read import member

SERVICES = (
    "DynamoDB S3 SNS SQS Lambda Kinesis SSM STS KMS SecretsManager StepFunctions Events CloudWatchLogs"
).split()
RESOURCES = {
    "DynamoDB": ("AWS::DynamoDB::Table", ("table_name",), ("table_names", "resource_names")),
    "S3": ("AWS::S3::Bucket", ("bucket_name",), ("resource_names",)),
    "SQS": ("AWS::SQS::Queue", ("queue_url", "queue_name"), ("resource_names",)),
    "Lambda": ("AWS::Lambda", ("function_name",), ("resource_names",)),
}
LINKS_OF_SEGMENT_MAX = 20
LINKS_OF_TRACE_MAX = 100
REFERENCE_TYPE = "aws.xray.reserved.reference_type"


class Node(NamedTuple):
    """A vertex of the graph."""

    name: str
    type: Optional[str] = None
    account: Optional[str] = None

    @property
    def order(self):
        """By name, type, account, absent before present."""
        return (self.name, self.type is not None, self.type or "", self.account is not None, self.account or "")

    def service_id(self):
        shown = {"Name": self.name, "Names": [self.name]}
        if self.type is not None:
            shown["Type"] = self.type
        if self.account is not None:
            shown["AccountId"] = self.account
        return shown


def canonical(name):
    """The canonical name of an AWS service."""
    for prefix in ("Amazon", "AWS"):
        if name.startswith(prefix):
            name = name[len(prefix) :].lstrip() or name
            break
    lower = name.lower()
    for candidate in (lower, lower.removesuffix("v2")):
        for service in SERVICES:
            if service.lower() == candidate:
                return service
    return name


def entity_name(entity):
    """A call of an AWS service is shown with the service's canonical name."""
    if entity.kind == "subsegment" and entity.namespace == "aws":
        return canonical(entity.name)
    return entity.name


def node(entity):
    """The node of a segment, an inferred segment, or an orphan that stands in for its segment."""
    if entity.kind == "inferred":
        return inferred_node(entity.parent)
    if entity.kind == "subsegment":
        return _orphan_node(entity)
    document = entity.document
    # an empty text says nothing: "Type" of nodes without one is "" where it must be there
    return Node(entity.name, member(document, str, "origin") or None, _account(document))


def _account(document):
    return member(document, str, "aws", "account_id") or None


def inferred_node(call):
    """What a subsegment that leads out of its service leads to."""
    document = call.document
    account = _account(document)
    if call.namespace == "remote":
        has_sql = member(document, dict, "sql") is not None
        return Node(call.name, "Database::SQL" if has_sql else "remote", account)
    service = canonical(call.name)
    node_type, names, lists = RESOURCES.get(service, (None, (), ()))
    resource = None
    if member(document, str, "aws", "operation") is not None:
        resource = _resource(document, names, lists)
    if resource is not None:
        return Node(resource, node_type, account)
    return Node(service, f"AWS::{service}", account)


def _resource(document, names, lists):
    for name in names:
        found = member(document, str, "aws", name)
        if found:
            return found
    for name in lists:
        found = member(document, list, "aws", name) or []
        if len(found) == 1 and found[0] and isinstance(found[0], str):
            return found[0]
    return None


def _orphan_node(orphan):
    for path in (("aws", "function_arn"), ("resource_arn",)):
        parts = (member(orphan.document, str, *path) or "").split(":")
        if len(parts) >= 7 and parts[0] == "arn" and parts[2] == "lambda" and parts[5] == "function":
            return Node(parts[6], "AWS::Lambda::Function", parts[4] or None)
    return Node(orphan.name)


def links(entity):
    """The parent links that count of one entity: (trace id, entity id). Others take no place."""
    found = []
    for link in member(entity.document, list, "links") or []:
        trace_id, linked = member(link, str, "trace_id"), member(link, str, "id")
        reference = member(link, str, "attributes", REFERENCE_TYPE)
        if trace_id and linked and reference in (None, "parent"):
            found.append((trace_id.lower(), linked.lower()))
    return found[:LINKS_OF_SEGMENT_MAX]


def links_of(trace):
    """The parent links that count of a whole trace: (entity, trace id, entity id)."""
    found = [(entity, *link) for entity in trace.sent for link in links(entity)]
    return found[:LINKS_OF_TRACE_MAX]


def is_graph_root(segment):
    return segment.is_segment and segment.parent is None and not links(segment)


def client(segment):
    """The client that called a graph root; None for all others."""
    is_synthetic = (member(segment.document, str, "origin") or "").startswith("client")
    if not is_graph_root(segment) or is_synthetic:
        return None
    return Node(segment.name, "client")
