"""Prints, by resource type, the permissions that the CloudFormation registry declares for its handlers, as cfn-lint's
package carries its schemas. Arguments: the resource types."""

import json
import pathlib
import sys
from importlib.metadata import version

import cfnlint

schemas = pathlib.Path(cfnlint.__file__).parent / "data" / "schemas"
listed = json.loads((schemas / "providers" / "us-east-1.json").read_text())


def permissions(name):
    schema = json.loads((schemas / "resources" / f"{listed[name]}.json").read_text())
    handlers = schema.get("handlers", {})
    # CloudFormation lists nothing when it makes, changes or removes a stack.
    used = [handler for verb, handler in handlers.items() if verb != "list"]
    return sorted({one for handler in used for one in handler.get("permissions", [])})


print(
    json.dumps(
        {
            "source": f"cfn-lint {version('cfn-lint')}, handlers of the CloudFormation registry's schemas for us-east-1",
            "schemaDate": json.loads((schemas / "version.json").read_text())["schema_date"][:10],
            "types": {name: permissions(name) for name in sorted(sys.argv[1:]) if name in listed},
        },
        indent=2,
    )
)
