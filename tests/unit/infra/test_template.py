"""The template says what the architecture promises: keys, encryption, retention, privileges, routes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from billing.config import Settings
from local.stack.routes import api_routes, template
from local.stack.settings import ROOT
from tests.support.transformed import (
    as_list,
    grants_of,
    properties_of,
    said,
    statements_of,
    tables_of,
    variables_of,
)

TEMPLATE = template()
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
GROUPS = {
    "customers", "search", "catalog", "subscriptions", "invoices", "documents", "payments", "tenants", "test_clocks",
    "access", "coupons", "orders", "payouts", "payout_worker", "provider_accounts", "reports", "usage", "usage_worker",
    "tax", "tax_webhook", "users", "oauth", "service", "stripe_webhook", "billing_sweep", "billing_worker",
    "event_feed", "events", "webhooks", "webhook_publisher", "webhook_worker", "webhook_sender",
    "report_worker", "dashboard", "payer", "portal",
}  # fmt: skip
TENANT_KEYED = {
    "Tenants": "item", "Customers": "id", "PaymentMethods": "id", "Plans": "item", "Meters": "id",
    "Subscriptions": "id", "Invoices": "id", "Payments": "id", "Ledger": "id", "Coupons": "id",
    "Redemptions": "id", "TestClocks": "id", "Events": "id", "EventFeed": "id", "Audit": "id",
    "TaxRateUpdates": "id", "CreditNotes": "id", "Refunds": "id", "Balances": "id",
    "UsagePeriods": "id", "UsageRejections": "id", "Disputes": "id", "Orders": "id", "OrderReturns": "id",
    "Earnings": "id", "ProviderAccounts": "id", "ProviderBalances": "id", "AccountLines": "id", "Payouts": "id",
    "Reconciliations": "id", "Access": "id", "Grants": "id", "WebhookEndpoints": "id", "WebhookHealth": "id",
    "WebhookRedeliveries": "id", "ReportRuns": "id",
}  # fmt: skip


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == kind}


SHARED = {"CallersTable.Arn", "TenantsTable.Arn", "AuditTable.Arn"}
"""What the edge of every HTTP function needs."""
FUNCTIONS = of_type("AWS::Serverless::Function")
TABLES = of_type("AWS::DynamoDB::Table")


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every IAM statement that allows something, with each function that has it."""
    for name in FUNCTIONS:
        yield from ((name, each) for each in statements_of(name) if each["Effect"] == "Allow")


def test_each_group_is_one_function() -> None:
    assert {each["CodeUri"].removeprefix("functions/") for each in FUNCTIONS.values()} == GROUPS


def test_every_handler_is_a_folder_of_the_tree() -> None:
    missing = [each["CodeUri"] for each in FUNCTIONS.values() if not (ROOT / each["CodeUri"] / "handler.py").is_file()]
    assert missing == []


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_encrypted_recoverable_and_outlive_the_stack(name: str) -> None:
    table = TABLES[name]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["SSESpecification"]["SSEType"] == "KMS"
    assert table["DeletionProtectionEnabled"] == ["ProtectsTables", True, False]
    assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize(("name", "range_key"), TENANT_KEYED.items())
def test_what_a_tenant_owns_is_keyed_by_tenant(name: str, range_key: str) -> None:
    keys = [each["AttributeName"] for each in TABLES[f"{name}Table"]["KeySchema"]]
    assert keys == ["tenant_id", range_key]


@pytest.mark.parametrize("name", TABLES)
def test_the_index_of_what_is_due_carries_keys_only(name: str) -> None:
    indexes = {each["IndexName"]: each for each in TABLES[name].get("GlobalSecondaryIndexes", [])}
    if "by_due" in indexes:
        assert indexes["by_due"]["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_a_function_knows_the_tables_that_it_may_touch_and_no_others() -> None:
    for name in FUNCTIONS:
        may_touch = {re.match(r"(\w+Table)\.Arn", resource) for _, resource in grants_of(name)}
        knows = {f"{table}Table" for table in tables_of(name)}
        assert knows == {match[1] for match in may_touch if match}, name


def test_every_table_has_an_output() -> None:
    outputs = {name for name in TEMPLATE["Outputs"] if name.startswith("Table")}
    assert outputs == {f"Table{name.removesuffix('Table')}" for name in TABLES}


def test_no_statement_has_a_wildcard_action_or_resource() -> None:
    wild = [
        (name, statement)
        for name, statement in statements()
        for value in as_list(statement["Action"]) + [said(each) for each in as_list(statement["Resource"])]
        if "*" in str(value) and not re.fullmatch(r"ReportFiles\.Arn/([a-z]+/)?\*", str(value))  # objects of a bucket
    ]
    assert wild == []


def test_nobody_scans_or_deletes() -> None:
    actions = {(name, action) for name, each in statements() for action in as_list(each["Action"])}
    assert not [pair for pair in actions if pair[1] in {"dynamodb:Scan", "dynamodb:DeleteItem"}]


def test_15_whatever_is_allowed_nobody_changes_the_audit_trail_or_the_books() -> None:
    """A later grant by mistake allows nothing: a denial goes before it, in every function's role."""
    for name in FUNCTIONS:
        denied = {
            (action, said(resource))
            for each in statements_of(name)
            if each["Effect"] == "Deny"
            for action in as_list(each["Action"])
            for resource in as_list(each["Resource"])
        }
        for table in ("AuditTable", "LedgerTable", "AccountLinesTable"):
            for action in ("UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLDelete"):
                assert (f"dynamodb:{action}", f"{table}.Arn") in denied, name


def test_the_ledger_the_events_and_the_audit_trail_are_only_appended_to() -> None:
    """But for the one that takes a person out of events, once a customer is erased (decision 0051)."""
    for name, statement in statements():
        for resource in as_list(statement["Resource"]):
            if (name, statement["Sid"], said(resource)) == ("BillingWorkerFunction", "RedactEvents", "EventsTable.Arn"):
                continue
            if said(resource).removesuffix(".Arn") in {"LedgerTable", "EventsTable", "AuditTable"}:  # no stream of one
                assert as_list(statement["Action"]) in (
                    ["dynamodb:PutItem"],
                    ["dynamodb:Query"],
                    ["dynamodb:BatchGetItem"],
                ), name


def test_only_functions_that_talk_to_stripe_read_its_secret() -> None:
    readers = {name for name in FUNCTIONS if "StripeSecret" in {resource for _, resource in grants_of(name)}}
    assert readers == {
        "SubscriptionsFunction", "InvoicesFunction", "PaymentsFunction", "StripeWebhookFunction",
        "OrdersFunction", "BillingWorkerFunction", "PayoutsFunction", "PayoutWorkerFunction",
        "ProviderAccountsFunction", "TaxFunction",  # Stripe Tax is asked with Stripe's own key
        "ReportWorkerFunction",  # an import asks it for saved cards
        "PayerFunction",
        "PortalFunction",
    }  # fmt: skip


def test_who_taxes_reads_the_tax_credentials_and_who_does_not_does_not() -> None:
    readers = {name for name in FUNCTIONS if "TaxSecret" in {resource for _, resource in grants_of(name)}}
    taxing = {
        "TaxFunction", "SubscriptionsFunction", "InvoicesFunction", "OrdersFunction", "BillingWorkerFunction",
        "PortalFunction",
    }  # fmt: skip
    assert readers == taxing | {"TaxWebhookFunction"}


def test_documents_only_read() -> None:
    own = {(action, table) for action, table in grants_of("DocumentsFunction") if table not in SHARED}
    verbs = {action.partition(":")[2] for action, _ in own if action.startswith("dynamodb:")}
    assert verbs <= {"GetItem", "BatchGetItem", "Query"}


def test_the_sweep_can_only_send() -> None:
    actions = {action for action, _ in grants_of("BillingSweepFunction")}
    assert actions == {
        "sqs:SendMessage", "kms:GenerateDataKey", "kms:Decrypt", "logs:CreateLogStream", "logs:PutLogEvents",
    }  # fmt: skip


def test_18_the_dashboards_function_writes_its_log_and_nothing_else() -> None:
    """Strangers call it: there is no table, no key, no secret and no queue for whoever got into it."""
    actions = {action for action, _ in grants_of("DashboardFunction")}
    assert actions == {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert {resource for _, resource in grants_of("DashboardFunction")} == {"DashboardLog.Arn"}
    assert tables_of("DashboardFunction") == {}
    assert not {name for name in variables_of("DashboardFunction") if "SECRET" in name or "QUEUE" in name}
    # Or Lambda would decrypt its variables by the stack's key in the function's name, and could not.
    assert properties_of("DashboardFunction")["KmsKeyArn"] == {"Ref": "AWS::NoValue"}


def test_18_strangers_have_a_limit_of_their_own_at_the_dashboard() -> None:
    """Which routes have one is said by their keys: one that is no route would stop the deploy."""
    limits = RESOURCES["Api"]["Properties"]["RouteSettings"]
    assert set(limits) == set(api_routes(TEMPLATE)["DashboardFunction"])
    assert all(0 < each["ThrottlingRateLimit"] <= 200 for each in limits.values())


def test_v1_and_api_v1_are_the_same_routes() -> None:
    for keys in api_routes(TEMPLATE).values():
        paths = {key.partition(" ")[2] for key in keys}
        short = {path for path in paths if path.startswith("/v1/")}
        assert {f"/api{path}" for path in short} == {path for path in paths if path.startswith("/api/v1/")}


def test_no_route_is_served_twice() -> None:
    keys = [key for each in api_routes(TEMPLATE).values() for key in each]
    assert len(keys) == len(set(keys))
    assert "$default" in api_routes(TEMPLATE)["ServiceFunction"]


def test_a_changed_layer_is_published_to_every_alias() -> None:
    """Without both, a deploy that changes the package billing alone leaves the aliases on the code before it."""
    assert all(each["PublishLambdaVersion"] for each in of_type("AWS::Serverless::LayerVersion").values())
    assert all(each["AutoPublishAliasAllProperties"] for each in FUNCTIONS.values())


def test_only_the_functions_that_need_it_have_a_layer_of_their_own() -> None:
    assert {name: each["Layers"] for name, each in FUNCTIONS.items() if "Layers" in each} == {
        "DocumentsFunction": ["PdfLayer"],
        "PayerFunction": ["PdfLayer"],
        "PortalFunction": ["PdfLayer"],
        "ReportsFunction": ["PdfLayer"],
        "ReportWorkerFunction": ["PdfLayer"],
        "OauthFunction": ["OauthLayer"],
        "WebhookSenderFunction": ["WebhooksLayer"],
    }


def test_every_function_logs_to_a_group_with_retention_and_key() -> None:
    groups = of_type("AWS::Logs::LogGroup")
    for function in FUNCTIONS.values():
        group = groups[function["LoggingConfig"]["LogGroup"]]
        assert group["RetentionInDays"] == "LogRetentionDays"
        assert group["KmsKeyId"] == "Key.Arn"


def test_a_message_stays_hidden_for_six_timeouts_and_fails_into_a_watched_queue() -> None:
    for name in ("Billing", "Clock"):
        queue = RESOURCES[f"{name}Queue"]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * FUNCTIONS["BillingWorkerFunction"]["Timeout"]
        assert queue["RedrivePolicy"] == {"deadLetterTargetArn": f"{name}DeadLetters.Arn", "maxReceiveCount": 5}
        watched = RESOURCES[f"{name}DeadLetterAlarm"]["Properties"]["Dimensions"][0]["Value"]
        assert watched == f"{name}DeadLetters.QueueName"


def test_14_payouts_have_a_queue_and_a_worker_of_their_own_below_stripes_limits() -> None:
    """Billing cannot delay them; two workers of eight calls a second stay below Stripe's 25 of an operation."""
    worker = FUNCTIONS["PayoutWorkerFunction"]
    queue = RESOURCES["PayoutQueue"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * worker["Timeout"]
    assert worker["Events"]["Due"]["Properties"]["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert "PayoutQueue.Arn" not in {
        resource for action, resource in grants_of("BillingWorkerFunction") if action == "sqs:ReceiveMessage"
    }


def test_a_message_of_usage_comes_as_often_as_the_worker_believes() -> None:
    """At the last time it reports what it still waits for; then the message is set aside, and somebody is told."""
    queue = RESOURCES["UsageQueue"]["Properties"]
    worker = FUNCTIONS["UsageWorkerFunction"]
    assert queue["VisibilityTimeout"] >= 6 * worker["Timeout"]
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": "UsageDeadLetters.Arn",
        "maxReceiveCount": Settings.from_environment({"KMS_KEY_ID": "key"}).usage_tries,
    }
    watched = RESOURCES["UsageDeadLetterAlarm"]["Properties"]["Dimensions"][0]["Value"]
    assert watched == "UsageDeadLetters.QueueName"
    assert worker["Events"]["Accepted"]["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_checkov_exception_has_its_reason() -> None:
    for name, resource in RESOURCES.items():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert len(skip["comment"]) > 20, (name, skip["id"])


def test_the_gateways_access_log_has_nothing_that_a_caller_wrote() -> None:
    written = RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"]
    assert set(re.findall(r"\$context\.([A-Za-z.]+)", written)) == {
        "requestId", "requestTime", "identity.sourceIp", "routeKey", "status", "responseLatency", "integrationLatency",
        "integrationErrorMessage", "responseLength",
    }  # fmt: skip


def stream_mappings() -> dict[str, dict[str, Any]]:
    """The consumers of the events' stream."""
    return {
        name: event["Properties"]
        for name, each in FUNCTIONS.items()
        for event in each.get("Events", {}).values()
        if event["Type"] == "DynamoDB"
    }


def test_16_one_bad_record_of_the_stream_neither_stops_it_nor_takes_its_neighbours_and_somebody_is_told() -> None:
    """As B-D1 says: the defaults would try it for a day, and lose what lies beside it; LATEST leaves events out."""
    assert "EventFeedFunction" in stream_mappings()
    for name, mapping in stream_mappings().items():
        assert mapping["Stream"] == "EventsTable.StreamArn"
        assert mapping["StartingPosition"] == "TRIM_HORIZON"
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BisectBatchOnFunctionError"] is True
        assert mapping["MaximumRetryAttempts"] == 10
        assert mapping["FilterCriteria"] == {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]}
        assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == "StreamFailures.Arn"
        assert ("sqs:SendMessage", "StreamFailures.Arn") in grants_of(name)
        ages = [each for each in of_type("AWS::CloudWatch::Alarm").values() if each["MetricName"] == "IteratorAge"]
        assert name in {each["Dimensions"][0]["Value"] for each in ages if each["Threshold"] == 300_000}
    watch = RESOURCES["StreamFailuresAlarm"]["Properties"]
    assert (watch["Dimensions"][0]["Value"], watch["Threshold"]) == ("StreamFailures.QueueName", 0)


def test_16_the_sender_has_two_lanes_with_a_cap_each_and_dead_letters_that_somebody_hears_of() -> None:
    """However many receivers hang, they hold no more senders than the slow lane's."""
    sender = FUNCTIONS["WebhookSenderFunction"]
    lanes = {each["Properties"]["Queue"]: each["Properties"] for each in sender["Events"].values()}
    caps = {"WebhookQueue": "WebhookSenderConcurrency", "WebhookSlowQueue": "WebhookSlowConcurrency"}
    assert {f"{name}.Arn" for name in caps} == set(lanes)
    for name, cap in caps.items():
        assert lanes[f"{name}.Arn"]["ScalingConfig"] == {"MaximumConcurrency": cap}
        assert lanes[f"{name}.Arn"]["BatchSize"] == 10
        assert lanes[f"{name}.Arn"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        queue = RESOURCES[name]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * sender["Timeout"]
        letters = name.removesuffix("Queue") + "DeadLetters"
        assert queue["RedrivePolicy"]["deadLetterTargetArn"] == f"{letters}.Arn"
        alarm = RESOURCES[name.removesuffix("Queue") + "DeadLetterAlarm"]["Properties"]
        assert alarm["Dimensions"][0]["Value"] == f"{letters}.QueueName"


def test_scenario_42_events_go_to_no_bus_unless_the_stack_says_so_and_never_to_one_of_ours() -> None:
    policies = [name for name, each in RESOURCES.items() if "events:PutEvents" in str(each)]
    assert policies == ["EventBusPolicy"]
    policy = RESOURCES["EventBusPolicy"]
    assert policy["Condition"] == "HasEventBuses"
    assert TEMPLATE["Parameters"]["WebhookEventBuses"]["Default"] == "0"
    assert policy["Properties"]["Roles"] == ["WebhookSenderRole"]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "StringNotEquals": {"aws:ResourceAccount": "AWS::AccountId"},
        "StringLike": {"events:source": "ledgerline/*"},
    }


def test_16_no_function_of_the_template_may_send_to_its_own_machine() -> None:
    """On AWS 127.0.0.1:9001 is the Lambda runtime's own API: the flag is the local stack's alone."""
    assert "WEBHOOK_LOOPBACK" not in str(TEMPLATE)
