"""The steps of a deploy that need no stack: what is asked for, what is kept, and in which line a failure is told."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from click.testing import CliRunner

from local.console import Failure
from local.stack.settings import ROOT
from local.stack.sizes import LIMIT_BYTES
from operations.__main__ import main
from operations.deploy import sam, stripe_secret, webhooks
from operations.deploy.kept import Kept
from operations.deploy.run import Asked, Deploy
from operations.deploy.sam import Stage, first_reason
from operations.deploy.stack import Addresses, Stack, found, require_deployable, require_working
from operations.deploy.steps import STEPS
from operations.deploy.stripe_secret import StripeSecret, asked_key, require_fitting
from operations.options import told
from tests.unit.operations.fake_aws import ADDRESSES, PLACE, FakeAws

KEY = "sk_test_0123456789abcdef"


# --- the stages and sam ---------------------------------------------------------------------------------------------


def test_21_a_stage_is_what_samconfig_says() -> None:
    stage = Stage.read("dev")
    assert (stage.stack, stage.parameters["Stage"]) == ("ledgerline-dev", "dev")
    assert {Stage.read(each).parameters["Stage"] for each in ("staging", "prod")} == {"staging", "prod"}


def test_21_a_stage_that_is_none_is_told_with_those_there_are() -> None:
    with pytest.raises(Failure, match=r"no stage 'nowhere': one of .*dev, staging, prod"):
        Stage.read("nowhere")


def test_21_what_somebody_says_of_a_parameter_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(sam, "_run", lambda arguments, _: ran.append(list(arguments)))
    sam.deploy(Stage("dev", "s", {"Stage": "dev", "LogRetentionDays": "7"}), {"LogRetentionDays": "30"}, sam.BUILD)
    assert ran[0][ran[0].index("--parameter-overrides") + 1 :] == ["Stage=dev", "LogRetentionDays=30"]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("Uploading\nError: no credentials\n", "Error: no credentials"),
        (
            "CREATE_FAILED  Table  Resource creation cancelled\nCREATE_FAILED   Key   denied\nError: it failed\n",
            "CREATE_FAILED Key denied",
        ),
        ("what happened\n", "what happened"),
        ("", "it said nothing"),
    ],
)
def test_21_of_all_that_sam_says_the_reason_is_told(output: str, reason: str) -> None:
    assert first_reason(output) == reason


def test_21_what_sam_prints_is_seen_and_its_failure_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    script = tmp_path / "sam"
    script.write_text("#!/bin/sh\nprintf 'Deploy this changeset? [y/N]: '\necho\necho 'Error: it went wrong'\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr(sam, "SAM", script)
    with pytest.raises(Failure, match=r"^sam build failed: Error: it went wrong; mend that and say the same again$"):
        sam.build(ROOT / "template.yaml", tmp_path)
    assert b"Deploy this changeset?" in capfdbinary.readouterr().out


def test_21_without_sam_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sam, "SAM", tmp_path / "none")
    with pytest.raises(Failure, match="make setup"):
        sam.build(ROOT / "template.yaml", tmp_path)


# --- the stack ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "told_of"),
    [
        ("UPDATE_IN_PROGRESS", "wait until that is over"),
        ("ROLLBACK_COMPLETE", "delete-stack"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
        ("DELETE_FAILED", "look at its events"),
    ],
)
def test_21_a_stack_that_takes_no_deploy_is_told_with_what_to_do(status: str, told_of: str) -> None:
    with pytest.raises(Failure, match=told_of):
        require_deployable(Stack("s", PLACE, status, {}, {}))


@pytest.mark.parametrize(
    "stack", [None, *(Stack("s", PLACE, each, {}, {}) for each in ("CREATE_COMPLETE", "UPDATE_COMPLETE"))]
)
def test_21_no_stack_and_a_good_one_take_a_deploy(stack: Stack | None) -> None:
    require_deployable(stack)


@pytest.mark.parametrize("status", ["IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_21_a_stack_that_was_imported_or_rolled_back_works(status: str) -> None:
    stack = Stack("s", PLACE, status, {}, {})
    require_deployable(stack)
    assert require_working(stack, "s") is stack


def test_21_a_first_deploy_that_was_answered_with_no_is_no_stack() -> None:
    stack = Stack("s", PLACE, "REVIEW_IN_PROGRESS", {}, {})
    require_deployable(stack)
    with pytest.raises(Failure, match="s was never made, for nobody executed its change set"):
        require_working(stack, "s")


def change_set(name: str, execution: str) -> dict[str, Any]:
    return {"ChangeSetId": f"arn:{name}", "ChangeSetName": name, "ExecutionStatus": execution}


@pytest.mark.parametrize("before", ["ValidationError", {"Summaries": [change_set("old", "AVAILABLE")]}])
def test_21_no_to_the_question_of_sam_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: Any
) -> None:
    fake, call = FakeAws(), ("cloudformation", "list_change_sets")
    fake.answers[call] = before
    after = [change_set("old", "AVAILABLE"), change_set("empty", "UNAVAILABLE")]

    def deployed(*_: Any) -> None:
        fake.answers[call] = {"Summaries": after}

    monkeypatch.setattr(sam, "deploy", deployed)
    monkeypatch.setattr(Deploy, "stack", Stack("s", PLACE, "CREATE_COMPLETE", ADDRESSES, {}))
    deploy = Deploy(Asked(Stage("prod", "s", {})), fake, tmp_path)
    if isinstance(before, dict):  # what was left then by an earlier run is none of this one's
        assert deploy.deploy().startswith("s is CREATE_COMPLETE")
        fake.answers[call] = before
    after.append(change_set("new", "AVAILABLE"))
    with pytest.raises(Failure, match="its change set was not executed, so that nothing is deployed"):
        deploy.deploy()


def test_21_a_stack_that_is_not_there_is_told() -> None:
    aws = FakeAws()
    aws.answers["cloudformation", "describe_stacks"] = "ValidationError"
    assert found(aws("cloudformation"), "ledgerline-dev") is None
    with pytest.raises(Failure, match="there is no stack ledgerline-dev"):
        require_working(None, "ledgerline-dev")


def test_21_who_may_not_look_is_not_told_that_there_is_no_stack() -> None:
    aws = FakeAws()
    aws.answers["cloudformation", "describe_stacks"] = "AccessDenied"
    with pytest.raises(ClientError):
        found(aws("cloudformation"), "ledgerline-dev")


def test_21_a_stack_is_told_with_outputs_and_parameters() -> None:
    outputs = {"TablePaymentMethods": "methods-1", **ADDRESSES}
    told_of = {
        "StackName": "s",
        "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/s/4f7b0a5e",
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": datetime(2026, 3, 1, tzinfo=UTC),
        "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()],
        "Parameters": [{"ParameterKey": "StripeApiBase", "ParameterValue": "https://stripe.example"}],
    }
    aws = FakeAws()
    aws.answers["cloudformation", "describe_stacks"] = {"Stacks": [told_of]}
    stack = require_working(found(aws("cloudformation"), "s"), "s")
    assert stack.place == "111122223333/eu-west-1"
    assert stack.tables == {"payment_methods": "methods-1"}
    assert stack.stripe_api_base == "https://stripe.example"
    with pytest.raises(Failure, match="the stack tells nothing of ledger: it is of another release"):
        stack.tables["ledger"]
    assert Addresses.of(stack, None, "https://proxy.example/hook", None) == Addresses(
        "https://api.example", "https://proxy.example/hook", "https://fn.example/webhooks/stripe-connect"
    )


# --- Stripe's key ---------------------------------------------------------------------------------------------------


def test_21_the_key_is_read_from_a_file_and_nothing_shows_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    assert asked_key(path, "sk_test_another0001") == KEY
    assert KEY not in f"{StripeSecret(api_key=KEY)!r} {Kept(api_key=KEY)!r}"


def test_21_a_key_that_is_there_is_not_asked_for_again() -> None:
    assert asked_key(None, KEY) == KEY


def test_21_without_a_terminal_it_is_told_where_to_put_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO())
    with pytest.raises(Failure, match="STRIPE_KEY_FILE"):
        asked_key(None, "")


def test_21_at_a_terminal_the_key_is_asked_for_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(stripe_secret, "getpass", lambda _: KEY)
    assert asked_key(None, "") == KEY


@pytest.mark.parametrize("text", ["", "pk_test_0123456789", "whsec_0123456789", f"{KEY} {KEY}", "sk_test_short!"])
def test_21_what_is_no_secret_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    with pytest.raises(Failure, match="no secret key of Stripe's") as raised:
        asked_key(path, "")
    assert not text or text not in str(raised.value)


def test_21_a_live_key_is_for_production_alone() -> None:
    require_fitting("sk_live_0123456789", "prod")
    require_fitting(KEY, "prod")
    with pytest.raises(Failure, match="that is a live key, and dev is no production"):
        require_fitting("sk_live_0123456789", "dev")


def test_21_what_is_in_the_secret_beside_ours_stays(aws: Callable[[str], Any]) -> None:
    manager = aws("secretsmanager")
    manager.create_secret(Name="stripe")
    assert stripe_secret.read(manager, "stripe") == StripeSecret()
    manager.put_secret_value(SecretId="stripe", SecretString='{"note": "ours", "webhook_secrets": ["whsec_1"]}')
    secret = stripe_secret.read(manager, "stripe")
    secret.api_key = KEY
    stripe_secret.write(manager, "stripe", secret)
    assert json.loads(manager.get_secret_value(SecretId="stripe")["SecretString"]) == {
        "note": "ours",
        "api_key": KEY,
        "webhook_secrets": ["whsec_1"],
        "connect_webhook_secrets": [],
    }


def test_21_a_secret_that_is_as_it_is_to_be_is_not_written_again(aws: Callable[[str], Any]) -> None:
    manager = aws("secretsmanager")
    manager.create_secret(Name="stripe", SecretString=json.dumps({"api_key": KEY, "webhook_secrets": []}))
    version = manager.get_secret_value(SecretId="stripe")["VersionId"]
    stripe_secret.write(manager, "stripe", stripe_secret.read(manager, "stripe"))
    assert manager.get_secret_value(SecretId="stripe")["VersionId"] == version


def test_21_the_step_refuses_a_key_of_another_mode_unless_it_is_meant(
    aws: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager, path = aws("secretsmanager"), tmp_path / "key"
    manager.create_secret(Name="stripe", SecretString=json.dumps({"api_key": KEY, "webhook_secrets": []}))
    path.write_text("sk_live_0123456789")
    monkeypatch.setattr(webhooks, "account_id", lambda _: "acct_1")
    stack = Stack("s", PLACE, "CREATE_COMPLETE", {"StripeSecretId": "stripe"}, {"StripeApiBase": "https://s.example"})
    monkeypatch.setattr(Deploy, "stack", stack)
    asked = Asked(Stage("prod", "s", {}), stripe_key=path)
    with pytest.raises(Failure, match="ANOTHER_STRIPE_ACCOUNT=1"):
        Deploy(asked, aws, tmp_path).stripe_key()
    assert stripe_secret.read(manager, "stripe").api_key == KEY
    meant = Deploy(replace(asked, another_stripe_account=True), aws, tmp_path)
    assert meant.stripe_key() == "replaced, a live key of acct_1"


# --- the run --------------------------------------------------------------------------------------------------------


def test_21_each_step_is_a_method_and_is_told_with_its_failure(tmp_path: Path) -> None:
    stage = Stage("dev", "ledgerline-dev", {})
    deploy = Deploy(Asked(stage), lambda _: None, tmp_path)
    assert all(callable(getattr(deploy, name.replace("-", "_"))) for name in STEPS)
    with pytest.raises(Failure, match=r"^tenant: it is so$"), told("tenant"):
        raise Failure("it is so")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "DescribeStacks"),
            "deploy: AWS refuses DescribeStacks: AccessDenied: not you; mend that and say the same again",
        ),
        (
            NoCredentialsError(),
            "deploy: AWS cannot be asked: Unable to locate credentials; are AWS_PROFILE and AWS_REGION set?",
        ),
    ],
)
def test_21_what_aws_refuses_is_one_line(error: Exception, line: str) -> None:
    with pytest.raises(Failure) as raised, told("deploy"):
        raise error
    assert str(raised.value) == line


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--stage", "nowhere"], "error: samconfig.toml has no stage 'nowhere'"),
        (["--stage", "dev", "Stage"], "error: a parameter is NAME=VALUE, not 'Stage'"),
    ],
)
def test_21_a_wrong_command_line_is_one_line(arguments: list[str], line: str) -> None:
    done = CliRunner().invoke(main, ["deploy", *arguments])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(line)


def test_21_make_says_what_the_command_line_wants() -> None:
    """The Makefile hands its variables on: none of them is a secret."""
    env = os.environ | {"STAGE": "dev", "STRIPE_KEY_FILE": "key.txt", "PARAMETERS": "A=1 B=2", "FIRST_STEP": "tenant"}
    variables = [f"{name}={env[name]}" for name in ("STAGE", "STRIPE_KEY_FILE", "PARAMETERS", "FIRST_STEP")]
    said = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "--assume-old=setup", "--assume-old=env", "deploy", *variables],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()[-1]  # fmt: skip
    assert said.split(" -m ")[1] == (
        "operations deploy --stage dev --stripe-key-file key.txt --first-step tenant A=1 B=2"
    )


def test_21_what_lambda_would_refuse_is_told_before_it_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sam, "build", lambda *_: None)
    for layer in ("DependenciesLayer", "SharedLayer", "PdfLayer", "OauthLayer", "WebhooksLayer"):
        (tmp_path / layer).mkdir()
    deploy = Deploy(Asked(Stage("dev", "ledgerline-dev", {}), build_dir=tmp_path), lambda _: None, tmp_path)
    assert deploy.build().endswith("all layers have bytecode")
    with (tmp_path / "DependenciesLayer" / "big").open("wb") as big:
        big.truncate(LIMIT_BYTES + 1)
    with pytest.raises(Failure, match="MB with its layers, and Lambda takes 250"):
        deploy.build()
