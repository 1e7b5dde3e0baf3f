"""The transformed template keeps below the walls that CloudFormation and Lambda have, with room for what comes."""

import json
import re
from typing import Any

import pytest

from local.stack.routes import api_routes, template
from tests.support.transformed import as_list, functions, of_type, said, statements_of, transformed, variables_of

NAME_BYTES = {"Queue": 110, "Secret": 110}
"""What CloudFormation makes of them: a queue's URL; a secret's ARN."""
TABLE_BYTES = len("ledgerline-staging/1ABCDEFGHIJKL")


def test_there_are_fewer_than_400_resources() -> None:
    assert len(transformed()["Resources"]) < 400  # CloudFormation: 500


def test_one_permission_of_a_function_lets_the_api_call_it() -> None:
    """SAM's events make one for each path: they were 164 of 484 resources."""
    permissions = [
        each["Properties"]["FunctionName"]["Ref"]
        for each in of_type("AWS::Lambda::Permission").values()
        if each["Properties"]["Principal"] == "apigateway.amazonaws.com"
    ]
    assert sorted(permissions) == sorted(f"{name}Aliaslive" for name in api_routes(template()))


def test_there_are_fewer_than_280_routes() -> None:
    paths = transformed()["Resources"]["Api"]["Properties"]["Body"]["paths"]
    assert 0 < sum(len(methods) for methods in paths.values()) < 280  # API Gateway: 300


def realistic(name: str, value: Any) -> str:
    """A variable's value as long as it will be."""
    if name == "TABLES":
        text, names = value["Fn::Sub"]
        return re.sub(r"\$\{\w+\}", "x" * TABLE_BYTES, text) if names else ""
    plain = said(value)
    for ending, size in NAME_BYTES.items():
        if plain.endswith(ending):
            return "x" * size
    return "x" * 80 if plain.endswith(".Arn") else plain


def environment_bytes(group: str) -> int:
    variables = variables_of(functions()[group]["name"])
    return sum(len(name) + len(realistic(name, value)) for name, value in variables.items())


@pytest.mark.parametrize("group", sorted(functions()))
def test_the_environment_of_a_function_is_below_3600_bytes(group: str) -> None:
    assert environment_bytes(group) < 3600  # Lambda: 4,096; the billing worker has 2,643, 34 names of tables among them


@pytest.mark.parametrize("name", sorted(of_type("AWS::IAM::Role")))
def test_the_policy_of_a_role_is_below_8_kilobytes(name: str) -> None:
    inline = of_type("AWS::IAM::Role")[name]["Properties"].get("Policies", [])
    size = sum(len(json.dumps(each["PolicyDocument"])) for each in inline)
    assert size < 8 * 1024  # IAM: 10,240 characters for all inline policies of a role


def test_every_version_goes_with_its_successor() -> None:
    """SnapStart bills each version that is kept: 8.75 GB at $0.0000015046 a GB-second are $34 a month for a deploy."""
    versions = of_type("AWS::Lambda::Version")
    assert len(versions) == len(functions())
    assert {each["DeletionPolicy"] for each in versions.values()} == {"Delete"}


def test_no_role_allows_anything_on_everything() -> None:
    """But on what there is no other name for: the objects of a bucket that begin so."""
    for each in functions().values():
        for statement in statements_of(each["name"]):
            for resource in as_list(statement["Resource"]):
                assert "*" not in said(resource).replace("ReportFiles.Arn/", "").removesuffix("*"), each["name"]
                assert said(resource) != "*"


def test_no_function_has_a_managed_policy_of_aws() -> None:
    """AWSLambdaSQSQueueExecutionRole and AWSLambdaBasicExecutionRole allow their actions on every queue and log."""
    roles = {name: each["Properties"] for name, each in of_type("AWS::IAM::Role").items()}
    managed = [arn for role in roles.values() for arn in role.get("ManagedPolicyArns", []) if isinstance(arn, str)]
    assert managed == []
    assert not [arn for role in roles.values() for arn in role.get("ManagedPolicyArns", []) if "Fn::Join" in arn]
