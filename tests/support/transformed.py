"""The template as CloudFormation gets it: expanded by the pinned SAM translator, the same for every test of a run."""

import json
import os
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from local.stack.settings import ROOT

REGION = "us-east-1"
STACK = "ledgerline-staging"


_KEPT = ROOT / ".pytest_cache"


def transform(text: str, stage: str = "staging") -> dict[str, Any]:
    """A template as the translator expands it. Takes seconds, most of which are imports and copies."""
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    document = yaml_parse(text)
    for resource in document["Resources"].values():
        properties = resource.get("Properties", {})
        for key in ("CodeUri", "ContentUri"):
            if isinstance(properties.get(key), str):  # what `sam package` puts there
                properties[key] = {"Bucket": "artifacts", "Key": f"{properties[key]}/0123456789abcdef.zip"}
    # No function leaves its role to SAM, so none of AWS's managed policies is looked up.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    made = translator.translate(document, {"Stage": stage, "AWS::Region": REGION, "AWS::StackName": STACK})
    plain: dict[str, Any] = json.loads(json.dumps(made))
    return plain


@cache
def transformed() -> dict[str, Any]:
    """template.yaml, expanded; to read. Kept for other processes and runs, until the template or SAM is another."""
    text = (ROOT / "template.yaml").read_text()
    of = sha256(f"{version('aws-sam-translator')} {Path(__file__).read_text()} {text}".encode()).hexdigest()
    kept = _KEPT / f"transformed-{of}.json"
    if not kept.exists():
        _KEPT.mkdir(exist_ok=True)
        mine = kept.with_suffix(f".{os.getpid()}")
        mine.write_text(json.dumps(transform(text)))
        mine.replace(kept)
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a type."""
    return {name: each for name, each in transformed()["Resources"].items() if each["Type"] == kind}


def properties_of(name: str) -> dict[str, Any]:
    """A resource's properties."""
    properties: dict[str, Any] = transformed()["Resources"][name]["Properties"]
    return properties


def as_list(value: Any) -> list[Any]:
    """A single value is a list of one."""
    return value if isinstance(value, list) else [value]


def said(value: Any) -> str:
    """An intrinsic function as one word: ``Key.Arn``, ``StripeSecret``, ``PaymentsTable.Arn/index/by_due``."""
    match value:
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{name}.{attribute}"
        case {"Ref": name}:
            return str(name)
        case {"Fn::Sub": str(text)}:
            return text.replace("${", "").replace("}", "")
        case _:
            return str(value)


def statements_of(function: str) -> list[dict[str, Any]]:
    """All IAM statements of a function's role, its own and those that it shares; tracing aside, which is off."""
    resources = transformed()["Resources"]
    role = resources[said(resources[function]["Properties"]["Role"]).removesuffix(".Arn")]["Properties"]
    found = [each for policy in role.get("Policies", []) for each in policy["PolicyDocument"]["Statement"]]
    for managed in role.get("ManagedPolicyArns", []):
        if "Ref" in managed:
            found += resources[managed["Ref"]]["Properties"]["PolicyDocument"]["Statement"]
    return found


def grants_of(function: str) -> set[tuple[str, str]]:
    """(action, resource) of what a function may do."""
    return {
        (action, said(resource))
        for statement in statements_of(function)
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def variables_of(function: str) -> dict[str, Any]:
    """A function's environment."""
    variables: dict[str, Any] = transformed()["Resources"][function]["Properties"]["Environment"]["Variables"]
    return variables


def tables_of(function: str) -> dict[str, Any]:
    """The tables whose names a function is told, and how each name is made."""
    told: dict[str, Any] = variables_of(function).get("TABLES", {"Fn::Sub": ["", {}]})["Fn::Sub"][1]
    return told


def functions() -> dict[str, dict[str, Any]]:
    """The functions' properties, by the folder of their code."""
    return {
        each["Properties"]["Code"]["S3Key"].split("/")[1]: {"name": name, **each["Properties"]}
        for name, each in of_type("AWS::Lambda::Function").items()
    }
