"""The doctor: a healthy stack has nothing wrong, and whatever is broken is one line with what to do.

The checks of tables, keys, queues, secrets and subscriptions run against moto, those of Stripe against the sandbox; the
rest (Lambda, the schedule, alarms, SES) against answers that are put in, for neither emulator has them as AWS does.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from local.stripe_sandbox.server import SandboxServer
from operations.deploy.stack import Names
from operations.deploy.stripe_secret import StripeSecret, read
from operations.deploy.webhooks import Wanted, client_of, ensure
from operations.doctor import keeping, running, stripe_account
from operations.doctor.findings import Finding, Patient
from operations.doctor.run import CHECKS, examine, report
from tests.support.quick_moto import quicken
from tests.unit.operations.fake_aws import DEAD_LETTERS, PLACE, FakeAws, due, found, healthy, set_recovery, tables


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[FakeAws, dict[str, str]]]:
    """An AWS account and the stack's tables in it, of which each test leaves what it found."""
    patch = pytest.MonkeyPatch()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "test")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    quicken()
    with mock_aws():
        made = FakeAws()
        yield made, tables(made)
    patch.undo()


@pytest.fixture
def aws(account: tuple[FakeAws, dict[str, str]]) -> FakeAws:
    return account[0]


@pytest.fixture
def patient(account: tuple[FakeAws, dict[str, str]], sandbox: SandboxServer, request: pytest.FixtureRequest) -> Patient:
    """A stack with nothing wrong, and an account at Stripe of its own."""
    secret = StripeSecret(api_key="sk_test_" + "".join(each for each in request.node.name if each.isalnum()))
    api = client_of(secret.api_key, sandbox.url)
    for kind in ("account", "connect"):
        url = "https://fn.example/webhooks/stripe" + ("-connect" if kind == "connect" else "")
        ensure(api, Wanted("ledgerline-dev", PLACE, kind, url), secret, lambda: None)
    values = {name: value for name, value in vars(secret).items() if name != "others"}
    return healthy(*account, sandbox.url, values)


def levels(findings: list[Finding]) -> set[str]:
    return {each.level for each in findings}


def the(findings: list[Finding], level: str) -> Finding:
    """The only finding of a level; it says what to do."""
    (one,) = (each for each in findings if each.level == level)
    assert one.do or "make deploy" in one.what or "Stripe" in one.what
    assert "\n" not in one.line
    return one


def without_api(patient: Patient) -> list[Finding]:
    return list(examine(patient, [each for each in CHECKS if each is not running.api]))


def test_21_of_a_healthy_stack_only_the_missing_topic_is_said(patient: Patient) -> None:
    findings = without_api(patient)
    assert [each.subject for each in findings if each.level != "ok"] == ["alarms' topic"]
    assert the(findings, "look").what == "there is none: an alarm tells nobody"


def test_21_what_is_wrong_or_unknown_is_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([Finding("ok", "a", "b"), Finding("look", "a", "b", "c")]) == 0
    assert report([Finding("wrong", "keys", "is gone", "find it")]) == 1
    assert report([Finding("unknown", "keys", "not seen", "look")]) == 1
    assert "  wrong   keys: is gone; find it\n" in capsys.readouterr().out


BROKEN: list[tuple[Any, tuple[str, str], Any, str]] = [
    (
        running.account,
        ("lambda", "get_account_settings"),
        {"AccountLimit": {"ConcurrentExecutions": 10}},
        "none are left",
    ),
    (running.functions, ("lambda", "list_functions"), {"Functions": []}, "there are none"),
    (
        running.functions,
        ("lambda", "get_function_configuration"),
        {"State": "Failed", "StateReason": "no key"},
        "is Failed: no key",
    ),
    (running.schedule, ("scheduler", "get_schedule"), {"State": "DISABLED"}, "is DISABLED: nothing is billed"),
    (running.schedule, ("scheduler", "get_schedule"), "ResourceNotFoundException", "is gone: nothing is billed"),
    (keeping.alarms, ("cloudwatch", "describe_alarms"), {"MetricAlarms": []}, "1 of 1 are gone"),
    (keeping.signing_in, ("sesv2", "get_account"), {"ProductionAccessEnabled": False}, "SES is in its sandbox"),
]


@pytest.mark.parametrize(("check", "call", "answer", "told"), BROKEN)
def test_21_what_aws_says_of_a_broken_stack_is_told(
    patient: Patient, aws: FakeAws, check: Any, call: tuple[str, str], answer: Any, told: str
) -> None:
    aws.answers[call] = answer
    findings = found(patient, check)
    assert told in "".join(each.what for each in findings if each.level in ("wrong", "look") and each.do)
    assert "ok" not in levels(findings)


def test_21_a_queue_that_feeds_nothing_is_told(patient: Patient, aws: FakeAws) -> None:
    (mapping,) = aws.answers["lambda", "list_event_source_mappings"]["EventSourceMappings"]
    mapping["State"] = "Disabled"
    told = the(found(patient, running.mappings), "wrong")
    assert told.subject == "mapping of billing.fifo"
    assert mapping["UUID"] in told.do


def test_21_an_alarm_that_goes_off_is_told_by_its_own_words(patient: Patient, aws: FakeAws) -> None:
    (alarm,) = aws.answers["cloudwatch", "describe_alarms"]["MetricAlarms"]
    alarm |= {"StateValue": "ALARM", "AlarmDescription": "No shard - runbook SweepStoppedAlarm in docs/operations.md"}
    told = the(found(patient, keeping.alarms), "wrong")
    assert (told.what, told.do) == ("goes off: No shard", "runbook SweepStoppedAlarm in docs/operations.md")


@pytest.mark.parametrize(
    ("due_at", "level"), [("2026-03-01T11:30:00.000000Z", "look"), ("2026-02-28T12:00:00.000000Z", "wrong")]
)
def test_21_the_oldest_due_item_is_told_with_its_age(patient: Patient, aws: FakeAws, due_at: str, level: str) -> None:
    with due(aws, "payments", "pay_1", "03", due_at):
        (finding,) = found(patient, running.due)
    assert finding.level == level
    assert "pay_1 of payments has waited for " in finding.what


def test_21_what_is_not_due_yet_or_waits_for_a_test_clock_is_not_late(patient: Patient, aws: FakeAws) -> None:
    with (
        due(aws, "payments", "pay_1", "03", "2026-03-02T12:00:00.000000Z"),
        due(aws, "payments", "pay_2", "clock#ten_1#clk_1", "2020-01-01T00:00:00.000000Z"),
    ):
        assert levels(found(patient, running.due)) == {"ok"}


def test_21_every_table_that_has_an_alarm_clock_is_looked_at() -> None:
    from tests.support.tables import table_definitions

    with_alarm = {
        plain
        for plain, each in table_definitions().items()
        if any(index["IndexName"] == "by_due" for index in each.get("GlobalSecondaryIndexes", []))
    }
    assert set(running.FAMILIES) == with_alarm - {"test_clocks"}


def test_21_a_table_that_cannot_be_restored_is_told(patient: Patient, aws: FakeAws) -> None:
    name = patient.stack.tables["ledger"]
    set_recovery(aws, name, False)
    assert name in the(found(patient, keeping.tables), "wrong").what
    set_recovery(aws, name, True)


def test_21_in_production_tables_are_protected_and_an_alarm_tells_somebody(patient: Patient) -> None:
    known = patient.stack.parameters | {"Stage": "prod"}
    production = replace(patient, stack=replace(patient.stack, parameters=known))
    assert the(found(production, keeping.tables), "wrong").what.startswith("may be deleted")
    assert levels(found(production, keeping.alarm_topic)) == {"wrong"}
    assert "a test key" in the(found(production, stripe_account.secret), "look").what


def test_21_a_key_that_is_about_to_be_deleted_is_told(patient: Patient, aws: FakeAws) -> None:
    aws("kms").schedule_key_deletion(KeyId=patient.stack.outputs["KeyId"])
    told = the(found(patient, keeping.keys), "wrong")
    assert told.subject == "key of the data"
    assert "cancel-key-deletion" in told.do


def test_21_a_key_that_is_disabled_is_told(patient: Patient, aws: FakeAws) -> None:
    aws("kms").disable_key(KeyId=patient.stack.outputs["SigningKeyId"])
    assert the(found(patient, keeping.keys), "wrong").subject == "key that signs tokens"


@pytest.mark.parametrize("queue", DEAD_LETTERS)
def test_21_dead_letters_are_counted(patient: Patient, aws: FakeAws, queue: str) -> None:
    aws("sqs").send_message(QueueUrl=patient.stack.outputs[queue], MessageBody="{}")
    assert the(found(patient, keeping.dead_letters), "wrong").what == "1 messages"


@pytest.mark.parametrize(
    ("subscribed", "level", "told"),
    [(None, "wrong", "nobody has subscribed"), ("sms", "ok", "1 subscribers"), ("missing", "wrong", "does not exist")],
)
def test_21_a_topic_that_nobody_hears_is_told(
    patient: Patient, aws: FakeAws, subscribed: str | None, level: str, told: str
) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    if subscribed == "sms":
        sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+491700000000")
    if subscribed == "missing":
        topic += "-of-before"
    (finding,) = found(_with(patient, AlarmTopicArn=topic), keeping.alarm_topic)
    assert (finding.level, told in finding.what) == (level, True)


def test_21_a_subscriber_who_has_not_confirmed_hears_nothing(patient: Patient, aws: FakeAws) -> None:
    subscription = {"SubscriptionArn": "PendingConfirmation", "Protocol": "email", "Endpoint": "ops@example.com"}
    aws.answers["sns", "list_subscriptions_by_topic"] = {"Subscriptions": [subscription]}
    topic = "arn:aws:sns:us-east-1:123456789012:alarms"
    told = the(found(_with(patient, AlarmTopicArn=topic), keeping.alarm_topic), "wrong")
    assert told.what == "1 have not confirmed"


def _with(patient: Patient, **parameters: str) -> Patient:
    return replace(patient, stack=replace(patient.stack, parameters=patient.stack.parameters | parameters))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not json", "not the JSON that the product reads"),
        ("[]", "not the JSON that the product reads"),
        ('{"api_key": "sk_test_1", "webhook_secrets": "whsec_1"}', "not the JSON that the product reads"),
        ("{}", "it has no key"),
    ],
)
def test_21_a_secret_that_the_product_cannot_read_is_told(patient: Patient, aws: FakeAws, text: str, told: str) -> None:
    aws("secretsmanager").put_secret_value(SecretId=patient.stack.outputs["StripeSecretId"], SecretString=text)
    assert told in the(found(patient, stripe_account.secret), "wrong").what
    assert levels(found(patient, stripe_account.endpoints)) == {"unknown"}


def test_21_a_key_that_stripe_does_not_take_is_told_and_not_shown(patient: Patient, aws: FakeAws) -> None:
    text = '{"api_key": "pk_test_0123456789", "webhook_secrets": ["whsec_1"], "connect_webhook_secrets": ["whsec_2"]}'
    aws("secretsmanager").put_secret_value(SecretId=patient.stack.outputs["StripeSecretId"], SecretString=text)
    finding = the(found(patient, stripe_account.secret), "wrong")
    assert "Stripe does not know the key" in finding.what
    assert "pk_test" not in finding.line


def test_21_an_endpoint_that_lacks_events_is_told(patient: Patient) -> None:
    api = client_of(_key(patient), patient.stack.stripe_api_base)
    made = next(each for each in api.v1.webhook_endpoints.list().data if each.url.endswith("/stripe"))
    api.v1.webhook_endpoints.update(made.id, {"enabled_events": ["charge.updated"]})
    told = the(found(patient, stripe_account.endpoints), "wrong")
    assert told.what == f"{made.id} is not as it is to be: events"
    assert told.do.endswith("FIRST_STEP=webhook")


def test_21_an_endpoint_whose_secret_the_stack_lacks_is_told(patient: Patient, aws: FakeAws) -> None:
    text = f'{{"api_key": "{_key(patient)}", "webhook_secrets": ["whsec_other"]}}'
    aws("secretsmanager").put_secret_value(SecretId=patient.stack.outputs["StripeSecretId"], SecretString=text)
    findings = found(patient, stripe_account.endpoints)
    assert [each.level for each in findings] == ["wrong", "wrong"]
    assert "its events are refused" in findings[0].what


def test_21_missing_endpoints_are_told_of_which_one_works_without(patient: Patient) -> None:
    api = client_of(_key(patient), patient.stack.stripe_api_base)
    for each in api.v1.webhook_endpoints.list().data:
        api.v1.webhook_endpoints.delete(each.id)
    findings = found(patient, stripe_account.endpoints)
    assert [(each.level, each.subject) for each in findings] == [
        ("wrong", "webhook endpoint (account)"),
        ("look", "webhook endpoint (connect)"),
    ]


def _key(patient: Patient) -> str:
    return read(patient.aws("secretsmanager"), patient.stack.outputs["StripeSecretId"]).api_key


def test_21_stripe_that_pays_out_what_providers_are_owed_is_told(patient: Patient, aws: FakeAws) -> None:
    assert found(patient, stripe_account.payouts) == []  # nobody is owed anything
    item = {"tenant_id": {"S": "ten_1"}, "id": {"S": "account"}}
    table = patient.stack.tables["provider_accounts"]
    aws("dynamodb").put_item(TableName=table, Item=item)
    assert (
        the(found(patient, stripe_account.payouts), "wrong").what == "Stripe pays out by itself what providers are owed"
    )
    api = client_of(_key(patient), patient.stack.stripe_api_base)
    api.v1.balance_settings.update({"payments": {"payouts": {"schedule": {"interval": "manual"}}}})
    assert levels(found(patient, stripe_account.payouts)) == {"ok"}
    aws("dynamodb").delete_item(TableName=table, Key=item)


def test_21_what_the_role_may_not_see_is_unknown_and_keeps_no_other_check_from_being_made(
    patient: Patient, aws: FakeAws
) -> None:
    aws.answers["lambda", "get_account_settings"] = "AccessDeniedException"
    first, *others = list(examine(patient, [running.account, running.schedule]))
    assert (first.level, first.do) == ("unknown", "your role needs the right to GetAccountSettings")
    assert levels(others) == {"ok"}


def test_21_a_stack_of_another_release_is_told(patient: Patient) -> None:
    outputs = Names({name: value for name, value in patient.stack.outputs.items() if name != "SigningKeyId"})
    older = replace(patient, stack=replace(patient.stack, outputs=outputs))
    told = [each for each in found(older, keeping.keys) if each.level == "unknown"]
    assert [each.what for each in told] == [
        "the stack tells nothing of SigningKeyId: it is of another release; deploy this one"
    ]


def test_21_without_a_network_nothing_is_known(patient: Patient) -> None:
    def offline(service: str) -> Any:
        raise EndpointConnectionError(endpoint_url=f"https://{service}.example")

    findings = list(examine(replace(patient, aws=offline), [keeping.keys, keeping.tables]))
    assert levels(findings) == {"unknown"}


@pytest.mark.parametrize(("status", "level"), [(200, "ok"), (503, "wrong"), (None, "wrong")])
def test_21_an_api_that_does_not_answer_is_told(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, status: int | None, level: str
) -> None:
    def get(url: str, **_: Any) -> requests.Response:
        if status is None:
            raise requests.ConnectionError(url)
        answer = requests.Response()
        answer.status_code = status
        return answer

    monkeypatch.setattr(requests, "get", get)
    assert levels(found(patient, running.api)) == {level}
