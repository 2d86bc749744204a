"""Stands in for AWS's command line, which is no package of any registry that tests may use: `aws SERVICE OPERATION --option
value`, with names and types from AWS's own service models (botocore)."""

import json
import sys
from pathlib import Path

import botocore.session
from botocore import xform_name

service, operation, *words = sys.argv[1:]
client = botocore.session.get_session().create_client(service)
method = operation.replace("-", "_")
if method not in client.meta.method_to_api_mapping:
    sys.exit(f"aws: {service} has no operation {operation}")
model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
members = {xform_name(name, "-"): (name, shape) for name, shape in model.input_shape.members.items()}

arguments = {}
while words:
    option = words.pop(0)
    if not option.startswith("--"):
        sys.exit(f"aws: {option} is no option")
    negated = option.startswith("--no-") and option[5:] in members
    name, shape = members.get(option[5:] if negated else option[2:]) or sys.exit(f"aws: {operation} has no {option}")
    if shape.type_name == "boolean":
        arguments[name] = not negated
        continue
    value = words.pop(0)
    if value.startswith("file://"):
        value = Path(value[7:]).read_text()
    arguments[name] = int(value) if shape.type_name in ("integer", "long") else value

answer = getattr(client, method)(**arguments)
answer.pop("ResponseMetadata", None)
print(json.dumps(answer, default=str))
