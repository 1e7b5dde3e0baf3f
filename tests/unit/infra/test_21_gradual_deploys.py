"""Issue 21, number 3: a parameter has new versions tried with a tenth of the requests, and taken back by an alarm."""

import re
from functools import cache
from typing import Any

from local.stack.settings import ROOT
from tests.support.transformed import transform, transformed


@cache
def gradual() -> dict[str, Any]:
    text = (ROOT / "template.yaml").read_text()
    told = re.sub(r'(  GradualDeploys:\n    Type: String\n    Default: )"false"', r'\1"true"', text)
    assert told != text
    made: dict[str, Any] = transform(told)["Resources"]
    return made


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: each for name, each in resources.items() if each["Type"] == kind}


def answering() -> set[str]:
    """The functions that API Gateway calls."""
    permissions = of_type(transformed()["Resources"], "AWS::Lambda::Permission").values()
    api = [each["Properties"] for each in permissions if each["Properties"]["Principal"] == "apigateway.amazonaws.com"]
    return {each["FunctionName"]["Ref"].removesuffix("Aliaslive") for each in api}


def test_by_default_every_alias_moves_at_once() -> None:
    resources = transformed()["Resources"]
    assert not of_type(resources, "AWS::CodeDeploy::DeploymentGroup")
    assert not any("UpdatePolicy" in each for each in of_type(resources, "AWS::Lambda::Alias").values())


def test_those_that_answer_requests_move_step_by_step_and_no_worker_does() -> None:
    shifted = {
        name.removesuffix("Aliaslive")
        for name, each in of_type(gradual(), "AWS::Lambda::Alias").items()
        if "CodeDeployLambdaAliasUpdate" in each.get("UpdatePolicy", {})
    }
    assert shifted == answering()
    assert len(of_type(gradual(), "AWS::CodeDeploy::DeploymentGroup")) == len(shifted)


def test_the_apis_faults_take_a_version_back() -> None:
    groups = [each["Properties"] for each in of_type(gradual(), "AWS::CodeDeploy::DeploymentGroup").values()]
    for each in groups:
        assert each["AlarmConfiguration"] == {"Enabled": True, "Alarms": [{"Name": {"Ref": "ApiFaultsAlarm"}}]}
        assert "DEPLOYMENT_STOP_ON_ALARM" in each["AutoRollbackConfiguration"]["Events"]
        assert "Canary10Percent10Minutes" in str(each["DeploymentConfigName"])


def test_a_step_lasts_longer_than_the_alarm_looks() -> None:
    allowed = transformed()["Parameters"]["DeployBy"]["AllowedValues"]
    alarm = transformed()["Resources"]["ApiFaultsAlarm"]["Properties"]
    for each in allowed:
        kind, minutes = re.fullmatch(r"(Canary|Linear)10Percent(?:Every)?(\d+)Minutes", each).groups()  # type: ignore[union-attr]
        whole = int(minutes) * (1 if kind == "Canary" else 9)
        assert whole * 60 > alarm["Period"] * alarm["EvaluationPeriods"]


def test_with_it_the_stack_stays_below_400_resources() -> None:
    assert len(gradual()) < 400
