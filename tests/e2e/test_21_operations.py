"""`make deploy` and `make doctor` on the deployed stack: run again, and with each thing broken on purpose.

The deploy's own command, with its build, is run by `make e2e` itself (local/stack/second_deploy.py). What is broken
here is put back by what is tested: the deploy's steps.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.client import Client
from local.console import Failure
from local.stack.routes import template
from local.stack.settings import ROOT
from operations.deploy import stripe_secret, webhooks
from operations.deploy.run import Asked, Deploy
from operations.deploy.sam import Stage
from operations.deploy.stack import Addresses, require_working
from operations.deploy.stack import found as stack_found
from operations.doctor import keeping, running, stripe_account
from operations.doctor.findings import Check, Finding, Patient
from operations.doctor.run import examine
from tests.e2e.conftest import Stack

NAME = "ledgerline-dev"
NOWHERE = "http://127.0.0.1:9"
"""Nothing listens there."""


@pytest.fixture
def deploy(stack: Stack, tmp_path: Path) -> Callable[..., Deploy]:
    """A deploy from a machine that knows no key of the stack, but at the gateway's addresses."""

    def make(**asked: Any) -> Deploy:
        addresses = {"api": stack.api_url, "webhook": stack.stripe_webhook_url}
        wanted = Asked(Stage("dev", NAME, {}), connect_webhook=stack.stripe_connect_webhook_url, **addresses, **asked)
        return Deploy(wanted, stack.aws, tmp_path)

    return make


@pytest.fixture
def look(stack: Stack) -> Callable[..., list[Finding]]:
    """What some checks say."""

    def examined(*checks: Check) -> list[Finding]:
        told = require_working(stack_found(stack.aws("cloudformation"), NAME), NAME)
        addresses = Addresses(stack.api_url, stack.stripe_webhook_url, stack.stripe_connect_webhook_url)
        return list(examine(Patient(told, addresses, stack.aws, datetime.now(UTC)), checks))

    return examined


def levels(findings: list[Finding]) -> list[str]:
    return [each.level for each in findings]


@pytest.fixture
def endpoints(stack: Stack) -> Callable[[], list[Any]]:
    return lambda: webhooks.all_endpoints(webhooks.client_of(stack.stripe_api_key, stack.stripe_url))


def test_21_the_doctor_finds_nothing_wrong_with_what_make_run_deploys(
    look: Callable[..., list[Finding]], client: Client
) -> None:
    client.call("GET", "/v1/health")  # after a deploy it is a cold start, for which a busy machine takes its time
    checks = (running.account, running.functions, running.mappings, running.schedule, running.api)
    checks += (stripe_account.secret, stripe_account.endpoints, stripe_account.tax_secret)
    checks += (keeping.tables, keeping.keys, keeping.alarms, keeping.signing_in)
    assert [each.line for each in look(*checks) if each.level != "ok"] == []


def test_21_what_is_due_is_done_in_time(look: Callable[..., list[Finding]]) -> None:
    (finding,) = look(running.due)
    assert finding.level in ("ok", "look"), finding.line  # behind other tests, a minute's work may wait for five


def test_21_a_deploy_that_is_run_again_changes_nothing(
    stack: Stack, deploy: Callable[..., Deploy], endpoints: Callable[[], list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    manager = stack.aws("secretsmanager")
    before = endpoints(), manager.get_secret_value(SecretId=stack.stripe_secret_id)["VersionId"]
    deploy(first_step="stripe-key").run()
    assert (endpoints(), manager.get_secret_value(SecretId=stack.stripe_secret_id)["VersionId"]) == before
    said = capsys.readouterr().out
    assert [line.split(": ")[1].split()[0].rstrip(",") for line in said.splitlines()] == ["found"] * 5
    assert stack.stripe_api_key not in said


def test_21_events_that_somebody_took_from_the_endpoint_are_put_back(
    stack: Stack,
    deploy: Callable[..., Deploy],
    look: Callable[..., list[Finding]],
    endpoints: Callable[[], list[Any]],
) -> None:
    (ours,) = (each for each in endpoints() if each["url"] == stack.stripe_webhook_url)
    api = webhooks.client_of(stack.stripe_api_key, stack.stripe_url)
    api.v1.webhook_endpoints.update(ours["id"], {"enabled_events": ["charge.updated"]})
    assert levels(look(stripe_account.endpoints)) == ["wrong", "ok"]
    assert deploy().webhook() == f"found {ours['id']}, corrected: events"
    assert levels(look(stripe_account.endpoints)) == ["ok", "ok"]


def test_21_an_endpoint_that_somebody_deleted_is_made_again_and_its_events_are_taken(
    stack: Stack,
    deploy: Callable[..., Deploy],
    look: Callable[..., list[Finding]],
    endpoints: Callable[[], list[Any]],
) -> None:
    (ours,) = (each for each in endpoints() if each["url"] == stack.stripe_connect_webhook_url)
    webhooks.client_of(stack.stripe_api_key, stack.stripe_url).v1.webhook_endpoints.delete(ours["id"])
    assert levels(look(stripe_account.endpoints)) == ["ok", "look"]
    assert deploy().connect_webhook().startswith("made we_")
    assert levels(look(stripe_account.endpoints)) == ["ok", "ok"]


def test_21_a_secret_that_is_empty_stops_each_step_until_the_key_is_there(
    stack: Stack, deploy: Callable[..., Deploy], look: Callable[..., list[Finding]], tmp_path: Path
) -> None:
    manager, path = stack.aws("secretsmanager"), tmp_path / "key"
    before = stripe_secret.read(manager, stack.stripe_secret_id)
    path.write_text(stack.stripe_api_key)
    manager.put_secret_value(SecretId=stack.stripe_secret_id, SecretString="{}")
    try:
        assert "it has no key" in look(stripe_account.secret)[0].what
        with pytest.raises(Failure, match="FIRST_STEP=stripe-key"):
            deploy().webhook()
        assert deploy(stripe_key=path).stripe_key().startswith("put into the secret, a test key of acct_")
    finally:
        stripe_secret.write(manager, stack.stripe_secret_id, before)
    assert levels(look(stripe_account.secret)) == ["ok"]


def test_21_the_first_tenant_of_a_run_that_was_cut_off_is_made_once(deploy: Callable[..., Deploy]) -> None:
    first = deploy(another_platform_key=True)
    assert first.platform_key().startswith("made (in ")
    assert first.tenant().endswith("made elsewhere")  # the stack has tenants; as if it had none:
    first.kept.tenant_request = f"first-tenant-{first.kept.platform_api_key[-12:]}"
    first.kept.tenant_asked_at = datetime.now(UTC).isoformat()
    first.keep()
    made = first.tenant()
    assert made.startswith("made ten_")
    first.kept.tenant_id = first.kept.api_key = ""  # its answer was lost on its way
    first.keep()
    assert deploy().tenant() == made


@pytest.fixture
def schedule_off(stack: Stack) -> Iterator[None]:
    client = stack.aws("scheduler")
    told = client.get_schedule(Name=f"{NAME}-billing-sweep")
    kept = {name: told[name] for name in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    client.update_schedule(**kept, State="DISABLED")
    yield
    client.update_schedule(**kept, State="ENABLED")


@pytest.mark.usefixtures("schedule_off")
def test_21_a_schedule_that_somebody_switched_off_is_told(look: Callable[..., list[Finding]]) -> None:
    assert levels(look(running.schedule)) == ["wrong"]


def test_21_a_dead_letter_is_told(stack: Stack, look: Callable[..., list[Finding]]) -> None:
    sqs, url = stack.aws("sqs"), stack.usage_dead_letter_queue_url
    before = [each.line for each in look(keeping.dead_letters) if each.level == "wrong"]
    sent = sqs.send_message(QueueUrl=url, MessageBody="not a message of ours")
    try:
        told = [each.line for each in look(keeping.dead_letters) if each.level == "wrong"]
        assert told != before
        assert any("UsageDeadLetters" in line for line in told)
    finally:
        for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            if each["MessageId"] == sent["MessageId"]:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])


@pytest.fixture
def mapping_off(stack: Stack) -> Iterator[str]:
    """A queue of which nothing is taken, that of reports; its mapping."""
    client = stack.aws("lambda")
    pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=f"{NAME}-report-worker:live")
    (mapping,) = [each["UUID"] for page in pages for each in page["EventSourceMappings"]]
    client.update_event_source_mapping(UUID=mapping, Enabled=False)
    yield mapping
    client.update_event_source_mapping(UUID=mapping, Enabled=True)


def test_21_a_queue_of_which_nothing_is_taken_is_told(look: Callable[..., list[Finding]], mapping_off: str) -> None:
    (told,) = look(running.mappings)
    assert (told.level, mapping_off in told.do) == ("wrong", True)


@pytest.fixture
def no_recovery(stack: Stack) -> Iterator[str]:
    """A table that cannot be restored."""
    dynamodb, table = stack.aws("dynamodb"), stack.tables["report_runs"]

    def switch(on: bool) -> None:
        wanted = {"PointInTimeRecoveryEnabled": on}
        dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=wanted)

    switch(False)
    yield table
    switch(True)


def test_21_a_table_that_cannot_be_restored_is_told(look: Callable[..., list[Finding]], no_recovery: str) -> None:
    (told,) = look(keeping.tables)
    assert (told.level, told.what) == ("wrong", f"no point-in-time recovery: {no_recovery}")


def alarms_of(stack: Stack) -> list[dict[str, Any]]:
    """All alarms as they are now."""
    pages = stack.aws("cloudwatch").get_paginator("describe_alarms").paginate()
    return [each for page in pages for each in page["MetricAlarms"]]


@pytest.fixture
def quiet(stack: Stack) -> Iterator[list[dict[str, Any]]]:
    """The alarms, none of which goes off; nor does one afterwards."""
    alarms = alarms_of(stack)
    yield alarms
    for each in alarms:
        stack.aws("cloudwatch").set_alarm_state(AlarmName=each["AlarmName"], StateValue="OK", StateReason="it was put")


def test_21_each_alarm_goes_off_where_its_metric_breaches_and_the_doctor_names_its_runbook(
    stack: Stack, look: Callable[..., list[Finding]], quiet: list[dict[str, Any]]
) -> None:
    """The emulator looks at a metric's points of now, by any dimension; periods are arithmetic (tests/unit/infra)."""
    named = [name for name, each in template()["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(quiet) == len(named)
    assert {each["StateValue"] for each in quiet} <= {"OK", "INSUFFICIENT_DATA"}
    for each in quiet:
        above = each["ComparisonOperator"] == "GreaterThanThreshold"
        value = each["Threshold"] + (1 if above else -1)
        datum = {"MetricName": each["MetricName"], "Dimensions": each["Dimensions"], "Value": value}
        stack.aws("cloudwatch").put_metric_data(Namespace=each["Namespace"], MetricData=[datum])
    states = {each["AlarmName"]: each["StateValue"] for each in alarms_of(stack)}
    assert set(states.values()) == {"ALARM"}, states
    told = [each.do for each in look(keeping.alarms)]
    assert sorted(told) == sorted(f"runbook {name} in docs/operations.md" for name in named)


def run(stack: Stack, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """A command as a process of its own."""
    known = {"AWS_ENDPOINT_URL": stack.aws_endpoint_url, "AWS_DEFAULT_REGION": stack.region, "PATH": os.environ["PATH"]}
    known |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    command = [sys.executable, "-m", "operations", *arguments]
    return subprocess.run(command, cwd=ROOT, env=known | env, capture_output=True, text=True, check=False)


def test_21_the_doctor_says_a_line_for_each_thing_and_that_an_api_does_not_answer(stack: Stack) -> None:
    hooks = ("--webhook-url", stack.stripe_webhook_url, "--connect-webhook-url", stack.stripe_connect_webhook_url)
    done = run(stack, "doctor", "--stack", NAME, "--api-url", NOWHERE, *hooks)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr, lines[0].split(", ")[0]) == (1, "", NAME)
    assert [line for line in lines if line.startswith("  wrong   API: ")] == [
        f"  wrong   API: {NOWHERE}/v1/health does not answer (ConnectionError); is the address right (DNS)?"
    ]
    assert sum(line.startswith(("  ok ", "  look ", "  wrong ", "  unknown ")) for line in lines[1:]) == len(lines) - 2


@pytest.mark.parametrize(
    ("step", "arguments", "env", "why"),
    [
        ("account", [], {"AWS_ENDPOINT_URL": NOWHERE, "AWS_MAX_ATTEMPTS": "1"}, "AWS cannot be asked"),
        ("build", ["--template", "broken.yaml"], {}, "sam build failed: Error: Failed to parse template"),
        ("deploy", ["--build-dir", "nothing"], {}, "sam deploy failed: Error: Template file not found"),
        ("stripe-key", ["--stripe-key-file", "another"], {}, "if that is meant, say ANOTHER_STRIPE_ACCOUNT=1"),
    ],
)
def test_21_a_step_that_is_broken_ends_the_deploy_in_a_line_that_names_it(
    stack: Stack, tmp_path: Path, step: str, arguments: list[str], env: dict[str, str], why: str
) -> None:
    (tmp_path / "broken.yaml").write_text("Resources: [\n")
    (tmp_path / "another").write_text("sk_test_of_somebody_else_0123456789\n")
    named = [each if each.startswith("-") else str(tmp_path / each) for each in arguments]
    secret = stripe_secret.read(stack.aws("secretsmanager"), stack.stripe_secret_id)
    places = ("--folder", str(tmp_path), *(() if "--build-dir" in named else ("--build-dir", str(tmp_path / "built"))))
    done = run(stack, "deploy", "--stage", "dev", "--first-step", step, *places, *named, **env)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {step}: ")
    assert (why in done.stderr, done.stderr.count("\n")) == (True, 1)
    assert stripe_secret.read(stack.aws("secretsmanager"), stack.stripe_secret_id) == secret


def test_21_a_stack_that_is_not_there_is_one_line_and_an_exit_code(stack: Stack) -> None:
    done = run(stack, "doctor", "--stack", "nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: stack: there is no stack nothing in this account and Region")
    assert done.stderr.count("\n") == 1
