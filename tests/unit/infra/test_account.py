"""What a real AWS account would not forgive, each on the transformed template; docs/decisions/0028 has the list."""

import re
from typing import Any

import pytest

from local.stack.settings import ROOT
from scripts.template import generate
from tests.support.transformed import functions, of_type, properties_of, said, transform, transformed, variables_of

RESOURCES = transformed()["Resources"]


# --- deploys --------------------------------------------------------------------------------------------------------


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("stack.yaml", "      project: ledgerline\n", "      project: ledgerline\n      owner: finance\n"),
        ("payments.yaml", "!Ref WebhookReservedConcurrency, !Ref", "5, !Ref"),
    ],
)
def test_a_deploy_that_changes_only_what_is_in_no_version_publishes_one_all_the_same(
    tmp_path: Any, part: str, old: str, new: str
) -> None:
    """SAM's hash covers tags and reserved concurrency, and Lambda refuses a second version of the same configuration.

    So whatever changes the hash of a version has to change something that is part of it, too: CONFIG_REVISION.
    """
    for path in (ROOT / "infra").glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / part).write_text(changed((tmp_path / part).read_text(), old, new))
    after = transform(generate(tmp_path))["Resources"]
    moved = 0
    for name, each in RESOURCES.items():
        if each["Type"] == "AWS::Lambda::Version" and name not in after:
            function = said(each["Properties"]["FunctionName"])
            assert after[function]["Properties"]["Environment"] != properties_of(function)["Environment"], function
            moved += 1
    assert moved


def test_tables_are_protected_by_a_second_deploy() -> None:
    """A first deploy that fails deletes what it made; a table that is protected already would stop the roll-back."""
    assert transformed()["Parameters"]["ProtectTables"]["Default"] == "false"
    for table in of_type("AWS::DynamoDB::Table").values():
        assert table["Properties"]["DeletionProtectionEnabled"]["Fn::If"] == ["ProtectsTables", True, False]
        assert table["DeletionPolicy"] == "RetainExceptOnCreate"


# --- concurrency ----------------------------------------------------------------------------------------------------


def test_shards_do_not_wait_for_each_other() -> None:
    mappings = {name: each["Properties"] for name, each in of_type("AWS::Lambda::EventSourceMapping").items()}
    assert (
        mappings["BillingWorkerFunctionDue"]["BatchSize"] == mappings["BillingWorkerFunctionClocks"]["BatchSize"] == 1
    )
    assert said(mappings["BillingWorkerFunctionClocks"]["EventSourceArn"]) == "ClockQueue.Arn"


@pytest.mark.parametrize(
    ("mapping", "parameter"),
    [
        ("BillingWorkerFunctionDue", "BillingWorkerConcurrency"),
        ("BillingWorkerFunctionClocks", "ClockWorkerConcurrency"),
        ("UsageWorkerFunctionAccepted", "UsageWorkerConcurrency"),
    ],
)
def test_a_new_account_with_ten_executions_can_say_how_many_workers(mapping: str, parameter: str) -> None:
    assert said(properties_of(mapping)["ScalingConfig"]["MaximumConcurrency"]) == parameter
    assert transformed()["Parameters"][parameter]["MinValue"] == 2  # as Lambda wants it


@pytest.mark.parametrize("name", ["StripeWebhookFunction", "TaxWebhookFunction"])
def test_what_strangers_can_call_can_be_capped(name: str) -> None:
    condition, capped, free = properties_of(name)["ReservedConcurrentExecutions"]["Fn::If"]
    assert (condition, said(capped), said(free)) == ("CapsWebhooks", "WebhookReservedConcurrency", "AWS::NoValue")


# --- what cannot be changed later -----------------------------------------------------------------------------------


def test_the_key_can_have_replicas_in_other_regions() -> None:
    assert properties_of("Key")["MultiRegion"] is True


def test_the_api_has_a_name_of_its_own_with_tls_1_2_and_no_other() -> None:
    (configuration,) = properties_of("ApiDomain")["DomainNameConfigurations"]
    assert configuration["SecurityPolicy"] == "TLS_1_2"
    assert properties_of("ApiMapping")["Stage"] == "$default"
    assert RESOURCES["ApiMapping"]["DependsOn"] in RESOURCES
    (server,) = properties_of("Api")["Body"]["servers"]
    disabled = server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]
    assert disabled == {"Fn::If": ["HasDomain", True, False]}


@pytest.mark.parametrize("name", ["StripeSecret", "TaxSecret"])
def test_no_deploy_writes_a_secrets_value(name: str) -> None:
    assert "SecretString" not in properties_of(name)
    assert "GenerateSecretString" not in properties_of(name)


@pytest.mark.parametrize("name", ["UsageQueue", "UsageDeadLetters"])
def test_accepted_usage_outlives_the_stack(name: str) -> None:
    assert (RESOURCES[name]["DeletionPolicy"], RESOURCES[name]["UpdateReplacePolicy"]) == (
        "RetainExceptOnCreate",
        "Retain",
    )


# --- cost -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["billing_sweep", "billing_worker", "usage_worker"])
def test_functions_that_stay_warm_pay_for_no_snapshot(group: str) -> None:
    assert functions()[group].get("SnapStart", {"ApplyOn": "None"}) == {"ApplyOn": "None"}


def test_the_gateway_counts_nothing_that_our_log_lines_count() -> None:
    assert properties_of("ApiApiGatewayDefaultStage")["DefaultRouteSettings"]["DetailedMetricsEnabled"] is False


def test_traces_are_a_choice() -> None:
    assert transformed()["Parameters"]["EnableTracing"]["Default"] == "false"
    for each in functions().values():
        assert each["TracingConfig"] == {"Mode": {"Fn::If": ["HasTracing", "Active", "PassThrough"]}}


def test_a_failed_sweep_is_not_called_again() -> None:
    (config,) = of_type("AWS::Lambda::EventInvokeConfig").values()
    assert config["Properties"]["MaximumRetryAttempts"] == 0
    (schedule,) = of_type("AWS::Scheduler::Schedule").values()
    assert schedule["Properties"]["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0


def test_the_gateways_log_has_a_vended_logs_name() -> None:
    """The resource policy that lets other names be written holds 5,120 characters for the whole account."""
    assert said(properties_of("ApiLog")["LogGroupName"]).startswith("/aws/vendedlogs/")
    arns = properties_of("Key")["KeyPolicy"]["Statement"][1]["Condition"]["ArnLike"][
        "kms:EncryptionContext:aws:logs:arn"
    ]
    assert [arn for arn in arns if re.search(r"log-group:/aws/vendedlogs/", said(arn))]


def test_every_function_has_the_revision() -> None:
    assert len({variables_of(each["name"])["CONFIG_REVISION"] for each in functions().values()}) == 1
