"""Checks what deploy/ hands to ECS, IAM and Kubernetes, as far as that can be done without them.

    manifests.py ecs FOLDER              task definitions and services by botocore's model of ECS, and by
                                         the rules of ECS and Fargate that the model does not tell
    manifests.py iam FOLDER              policies by parliament, which knows every action and resource
    manifests.py kubernetes FILE...      rendered manifests by the schema of Kubernetes' API, strictly, and
                                         by the restricted profile of its Pod Security Standards
    manifests.py containers FILE...      no check: prints the servers' containers of all of these, as JSON

Each problem is a line; with one the exit code is 1.
"""

import json
import pathlib
import sys

import yaml

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
FARGATE = {
    256: [512, 1024, 2048],
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}

# the oldest release that has sidecar containers without a switch, and the newest that is known
KUBERNETES = ["1.29", "1.37"]


def by_model(operation, value):
    """Members, types and what is required by botocore's own validator; enumerations, which it leaves out."""
    import botocore.session
    from botocore.validate import ParamValidator

    shape = botocore.session.get_session().get_service_model("ecs").operation_model(operation).input_shape
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        yield from report.generate_report().splitlines()
    yield from outside_enumerations(shape, value, operation)


def outside_enumerations(shape, value, at):
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in value.items():
            if name in shape.members:
                yield from outside_enumerations(shape.members[name], member, f"{at}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for index, member in enumerate(value):
            yield from outside_enumerations(shape.member, member, f"{at}[{index}]")
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{at}: {value} is none of {', '.join(shape.enum)}"


def task_rules(task):
    """What RegisterTaskDefinition refuses although its model allows it."""
    containers = {container["name"]: container for container in task["containerDefinitions"]}
    volumes = {volume["name"]: volume for volume in task.get("volumes", [])}
    if len(containers) < len(task["containerDefinitions"]):
        yield "two containers have one name"
    is_fargate = "FARGATE" in task["requiresCompatibilities"]
    if is_fargate:
        yield from fargate_rules(task, volumes)
    mounted = set()
    for name, container in containers.items():
        for mount in container.get("mountPoints", []):
            mounted.add(mount["sourceVolume"])
        yield from (f"{name}: {problem}" for problem in container_rules(task, container, containers, is_fargate))
    for name in mounted ^ set(volumes):
        yield f"the volume {name} is not there, or nobody mounts it"
    if not any(container.get("essential", True) for container in containers.values()):
        yield "no container is essential"


def fargate_rules(task, volumes):
    if task["networkMode"] != "awsvpc":
        yield "Fargate knows the network mode awsvpc alone"
    cpu, memory = int(task["cpu"]), int(task["memory"])
    if memory not in FARGATE.get(cpu, []):
        yield f"Fargate has no tasks of {cpu} CPU units with {memory} MiB"
    for what, limit in (("cpu", cpu), ("memory", memory)):
        if sum(container.get(what, 0) for container in task["containerDefinitions"]) > limit:
            yield f"the containers want more {what} than the task has"
    for volume in volumes.values():
        if "dockerVolumeConfiguration" in volume or volume.get("host", {}).get("sourcePath"):
            yield f"Fargate has no volume like {volume['name']}"


def container_rules(task, container, containers, is_fargate):
    if not is_fargate and not {"memory", "memoryReservation"} & set(container):
        yield "on EC2 it needs memory or memoryReservation"
    if container.get("memoryReservation", 0) > container.get("memory", 1 << 40):
        yield "more memory is reserved than it may have"
    if is_fargate and ("links" in container or "dockerSecurityOptions" in container):
        yield "Fargate knows neither links nor dockerSecurityOptions"
    if "links" in container and task["networkMode"] != "bridge":
        yield "links need the network mode bridge"
    for port in container.get("portMappings", []):
        if task["networkMode"] != "bridge" and port.get("hostPort", port["containerPort"]) != port["containerPort"]:
            yield "in this network mode hostPort is containerPort"
    for other in container.get("dependsOn", []):
        target = containers.get(other["containerName"])
        if target is None:
            yield f"it depends on {other['containerName']}, which is not there"
        elif other["condition"] in ("SUCCESS", "COMPLETE") and target.get("essential", True):
            yield f"it waits for the end of {target['name']}, which is essential"
        elif other["condition"] == "HEALTHY" and "healthCheck" not in target:
            yield f"it waits for the health of {target['name']}, which has no health check"
    if not 0 <= container.get("stopTimeout", 30) <= 120:
        yield "stopTimeout is 120 s at most"
    names = [each["name"] for each in container.get("environment", []) + container.get("secrets", [])]
    if len(set(names)) < len(names):
        yield "a variable is there twice"
    options = container.get("logConfiguration", {}).get("options", {})
    if is_fargate and not {"awslogs-group", "awslogs-region", "awslogs-stream-prefix"} <= set(options):
        yield "awslogs lacks group, region or stream prefix"


def service_rules(service, tasks):
    """What CreateService refuses although its model allows it."""
    task = tasks.get(service["taskDefinition"])
    if task is None:
        yield f"there is no task definition {service['taskDefinition']}"
        return
    if (task["networkMode"] == "awsvpc") != ("networkConfiguration" in service):
        yield "networkConfiguration belongs to the network mode awsvpc, and to no other"
    if service["launchType"] not in task["requiresCompatibilities"]:
        yield f"its tasks are not made for {service['launchType']}"
    if (service.get("schedulingStrategy") == "DAEMON") == ("desiredCount" in service):
        yield "desiredCount is for replicas alone, and needed there"
    percent = service["deploymentConfiguration"]["maximumPercent"]
    if percent <= 100 and service.get("availabilityZoneRebalancing") == "ENABLED":
        yield "zones are rebalanced only where maximumPercent is above 100"
    later = {volume["name"] for volume in task["volumes"] if volume.get("configuredAtLaunch")}
    if later != {volume["name"] for volume in service.get("volumeConfigurations", [])}:
        yield "volumeConfigurations are not those that the task definition leaves to the launch"


def ecs(folder):
    files = {path.name: json.loads(path.read_text()) for path in sorted(pathlib.Path(folder).glob("*.json"))}
    tasks = {value["family"]: value for value in files.values() if "family" in value}
    for name, value in files.items():
        is_task = "containerDefinitions" in value
        problems = list(by_model("RegisterTaskDefinition" if is_task else "CreateService", value))
        # the rules rely on the shape
        if not problems:
            problems += task_rules(value) if is_task else service_rules(value, tasks)
        yield from (f"{name}: {problem}" for problem in problems)


def iam(folder):
    import parliament

    for path in sorted(pathlib.Path(folder).glob("*.json")):
        text = path.read_text()
        statements = json.loads(text)["Statement"]
        if path.name.startswith("trust-"):
            # parliament judges what an identity may do; who may take a role is told by these two
            for statement in statements:
                service = statement.get("Principal", {}).get("Service", "")
                if statement.get("Action") != "sts:AssumeRole" or not service.endswith(".amazonaws.com"):
                    yield f"{path.name}: a service of AWS assumes a role, and nobody does anything else"
            continue
        for finding in parliament.analyze_policy_string(text).findings:
            yield f"{path.name}: {finding.issue} {finding.detail} {finding.location}"
        for statement in statements:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if any("*" in action for action in actions):
                yield f"{path.name}: an action with a star"
            # these have no resources in IAM
            without = {"ecr:GetAuthorizationToken"}
            if statement["Resource"] == "*" and any(not a.startswith("xray:") and a not in without for a in actions):
                yield f"{path.name}: any resource"


def documents(paths):
    for path in paths:
        for document in yaml.safe_load_all(pathlib.Path(path).read_text()):
            if document:
                yield path, document


def pod_of(document):
    template = document.get("spec", {}).get("template")
    return template.get("spec") if isinstance(template, dict) else None


def kubernetes(paths):
    import kubernetes_validate

    found = list(documents(paths))
    for path, document in found:
        where = f"{pathlib.Path(path).name}: {document['kind']} {document['metadata']['name']}"
        for version in KUBERNETES:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                at = ".".join(str(each) for each in error.path)
                yield f"{where}: {version}: {at}: {error.message}"
            except kubernetes_validate.SchemaNotFoundError:
                yield f"{where}: {version}: it knows no {document['apiVersion']}"
        pod = pod_of(document)
        if pod:
            is_on_host = "on-host" in path
            yield from (f"{where}: {problem}" for problem in pod_rules(pod, is_on_host))
        if document["kind"] == "Service":
            yield from (f"{where}: {problem}" for problem in service_ports(document, found))


def pod_rules(pod, is_on_host):
    """The restricted profile, and what else these pods promise: no token, nothing writable but volumes, bounds."""
    shared = pod.get("securityContext", {})
    if pod.get("automountServiceAccountToken") is not False:
        yield "it mounts a token that it does not need"
    if any(pod.get(each) for each in ("hostNetwork", "hostPID", "hostIPC")):
        yield "it shares what is the host's"
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    if any("hostPath" in volume for volume in volumes.values()):
        yield "hostPath"
    for container in pod["containers"] + pod.get("initContainers", []):
        own = container.get("securityContext", {})
        effective = {**shared, **own}
        wanted = {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            "capabilities": {"drop": ["ALL"]},
        }
        for name, value in wanted.items():
            if effective.get(name) != value:
                yield f"{container['name']}: {name} is not {value}"
        if not container.get("resources", {}).get("limits", {}).get("memory"):
            yield f"{container['name']}: no limit of memory"
        if any("hostPort" in port for port in container.get("ports", [])) and not is_on_host:
            yield f"{container['name']}: hostPort"


def service_ports(service, found):
    pods = [
        document["spec"]["template"]
        for _, document in found
        if pod_of(document)
        and service["spec"]["selector"].items() <= document["spec"]["template"]["metadata"]["labels"].items()
    ]
    if not pods:
        yield "it selects no pod"
    for port in service["spec"]["ports"]:
        for pod in pods:
            ports = [each for container in pod["spec"]["containers"] for each in container.get("ports", [])]
            if not any((each["name"], each["protocol"]) == (port["targetPort"], port["protocol"]) for each in ports):
                yield f"no container has a port {port['targetPort']}/{port['protocol']}"


def containers(paths):
    """Every container of ours: where, image, arguments, variables (secret ones are given a value)."""
    all_of_them = []
    for path in paths:
        if path.endswith(".json"):
            value = json.loads(pathlib.Path(path).read_text())
            for each in value.get("containerDefinitions", []):
                variables = {one["name"]: one["value"] for one in each.get("environment", [])}
                variables.update({one["name"]: "secret" for one in each.get("secrets", [])})
                all_of_them.append((path, each["image"], each.get("command", []), variables))
            continue
        for _, document in documents([path]):
            pod = pod_of(document) or {"containers": []}
            for each in pod["containers"] + pod.get("initContainers", []):
                variables = {one["name"]: one["value"] for one in each.get("env", [])}
                all_of_them.append((path, each["image"], each.get("args", []), variables))
    keys = ("where", "image", "arguments", "variables")
    print(json.dumps([dict(zip(keys, each)) for each in all_of_them]))
    return []


def main():
    what, *arguments = sys.argv[1:]
    kinds = {"ecs": ecs, "iam": iam, "kubernetes": kubernetes, "containers": containers}
    problems = kinds[what](*arguments) if what in ("ecs", "iam") else kinds[what](arguments)
    problems = list(problems)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
