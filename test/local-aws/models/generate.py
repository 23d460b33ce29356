"""Cuts AWS's service models down to the operations that the bed plays.

    python generate.py [--check] [--data FOLDER]

FOLDER is a botocore `data` folder; the one of the installed botocore unless told. With --check nothing is written and
the exit code is 1 when a file differs from what would be written. The documentation texts are left out.

The models are part of botocore (https://github.com/boto/botocore), Apache License 2.0, Copyright Amazon.com, Inc.
"""

import argparse
import gzip
import json
import pathlib
import sys

SERVICES = {
    "ecs": (
        "ecs/2014-11-13",
        [
            "ContinueServiceDeployment",
            "CreateCluster",
            "CreateService",
            "DeleteService",
            "DeregisterTaskDefinition",
            "DescribeClusters",
            "DescribeServiceDeployments",
            "DescribeServiceRevisions",
            "DescribeServices",
            "DescribeTaskDefinition",
            "DescribeTasks",
            "ListAccountSettings",
            "ListClusters",
            "ListServiceDeployments",
            "ListServices",
            "ListTagsForResource",
            "ListTaskDefinitions",
            "ListTasks",
            "RegisterTaskDefinition",
            "RunTask",
            "StopServiceDeployment",
            "StopTask",
            "TagResource",
            "UntagResource",
            "UpdateService",
        ],
    ),
    "elasticloadbalancing": (
        "elbv2/2015-12-01",
        [
            "DescribeListeners",
            "DescribeLoadBalancers",
            "DescribeRules",
            "DescribeTargetGroups",
            "DescribeTargetHealth",
        ],
    ),
    "ec2": (
        "ec2/2016-11-15",
        ["DescribeNetworkInterfaces", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"],
    ),
    "application-autoscaling": ("application-autoscaling/2016-02-06", ["DescribeScalableTargets"]),
    "servicediscovery": (
        "servicediscovery/2017-03-14",
        ["DiscoverInstances", "GetService", "ListNamespaces", "ListServices"],
    ),
    "iam": ("iam/2010-05-08", ["GetRole", "SimulatePrincipalPolicy"]),
    "sts": ("sts/2011-06-15", ["AssumeRoleWithWebIdentity", "GetCallerIdentity"]),
}

METADATA = ["apiVersion", "jsonVersion", "protocol", "serviceId", "targetPrefix", "xmlNamespace"]
OPERATION = ["input", "output", "errors"]
SHAPE = [
    "type",
    "members",
    "required",
    "member",
    "key",
    "value",
    "enum",
    "min",
    "max",
    "pattern",
    "flattened",
    "exception",
    "error",
]
REFERENCE = ["shape", "locationName", "queryName", "flattened", "resultWrapper"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, report what differs")
    parser.add_argument("--data", type=pathlib.Path, default=None, help="a botocore data folder")
    arguments = parser.parse_args()
    data, version = arguments.data, None
    if data is None:
        import botocore

        data = pathlib.Path(botocore.__file__).parent / "data"
        version = botocore.__version__
    here = pathlib.Path(__file__).parent
    stale = []
    for name, (folder, operations) in SERVICES.items():
        text = written(trimmed(name, folder, read(data / folder), operations, version))
        target = here / f"{name}.json"
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        stale.append(target.name)
        if not arguments.check:
            target.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name}: {'differs' if arguments.check else 'written'}")
    return 1 if arguments.check and stale else 0


def read(folder: pathlib.Path) -> dict:
    packed = folder / "service-2.json.gz"
    if packed.exists():
        return json.loads(gzip.decompress(packed.read_bytes()))
    return json.loads((folder / "service-2.json").read_text(encoding="utf-8"))


def trimmed(name: str, folder: str, model: dict, operations: list[str], version: str | None) -> dict:
    kept: dict[str, dict] = {}
    waiting: list[str] = []
    calls = {}
    for operation in operations:
        call = model["operations"][operation]
        calls[operation] = {key: cut(call[key], REFERENCE) for key in OPERATION if key in call}
        waiting += references(calls[operation])
    while waiting:
        shape = waiting.pop()
        if shape not in kept:
            kept[shape] = cut(model["shapes"][shape], SHAPE)
            waiting += references(kept[shape])
    return {
        "about": f"Cut by generate.py from botocore{f' {version}' if version else ''}, data/{folder}/service-2.json. "
        "Apache License 2.0, Copyright Amazon.com, Inc. or its affiliates.",
        "service": name,
        "metadata": {key: model["metadata"][key] for key in METADATA if key in model["metadata"]},
        "operations": calls,
        "shapes": dict(sorted(kept.items())),
    }


def cut(value, keys: list[str]):
    """The value without documentation and what else the bed has no use for."""
    if isinstance(value, list):
        return [cut(one, keys) for one in value]
    if not isinstance(value, dict):
        return value
    if "shape" in value:
        return {key: value[key] for key in REFERENCE if key in value}
    kept = {key: value[key] for key in keys if key in value}
    if "members" in kept:
        kept["members"] = {name: cut(member, REFERENCE) for name, member in kept["members"].items()}
    for key in ("member", "key", "value"):
        if isinstance(kept.get(key), dict):
            kept[key] = cut(kept[key], REFERENCE)
    return kept


def references(value) -> list[str]:
    if isinstance(value, list):
        return [name for one in value for name in references(one)]
    if not isinstance(value, dict):
        return []
    own = [value["shape"]] if isinstance(value.get("shape"), str) else []
    return own + [name for one in value.values() if isinstance(one, (dict, list)) for name in references(one)]


def written(model: dict) -> str:
    """JSON with one operation or shape on a line, so that a new version can be read as a difference."""
    parts = []
    for key, value in model.items():
        if key in ("operations", "shapes"):
            lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(one)}" for name, one in value.items())
            parts.append(f"  {json.dumps(key)}: {{\n{lines}\n  }}")
        else:
            parts.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
