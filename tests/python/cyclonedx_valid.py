"""Holds bills of materials against CycloneDX 1.5's schema, strictly, and its rules about references."""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

for path in sys.argv[1:]:
    text = open(path, encoding="utf-8").read()
    problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    if problem is not None:
        sys.exit(f"{path}: {problem}")
    bill = json.loads(text)
    parts = [bill["metadata"]["component"], *bill["components"]]
    references = [part["bom-ref"] for part in parts]
    if len(set(references)) != len(references):
        sys.exit(f"{path}: a reference stands for two parts")
    used = {use for each in bill["dependencies"] for use in [each["ref"], *each["dependsOn"]]}
    if used != set(references):
        sys.exit(f"{path}: {sorted(used ^ set(references))} without a part or without a use")
