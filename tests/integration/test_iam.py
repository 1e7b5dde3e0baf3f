"""Each function's IAM statements allow every DynamoDB call that it makes, and little else.

The emulators enforce no IAM: what is missing in a policy would be found on AWS, by a customer. So the calls of the
main job are recorded per function, and looked up in template.yaml.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from local.routes import template
from tests.integration import world as worlds
from tests.integration.world import World
from tests.support.tables import plain_name

Needs = dict[str, set[tuple[str, str]]]
_TRANSACT = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


class Recorder:
    """Notes (action, table or table/index) for the function that is being called."""

    def __init__(self, tables: dict[str, str]) -> None:
        self.plain = {name: plain for plain, name in tables.items()}
        self.group: str | None = None
        self.needs: Needs = defaultdict(set)

    def note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self.group is None:
            return
        for action, table in self._touched(model.name, params):
            self.needs[self.group].add((f"dynamodb:{action}", table))

    def _touched(self, operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if operation == "TransactWriteItems":
            for item in params["TransactItems"]:
                ((kind, request),) = item.items()
                yield _TRANSACT[kind], self.plain[request["TableName"]]
        elif operation == "BatchGetItem":
            for table in params["RequestItems"]:
                yield operation, self.plain[table]
        else:
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            yield operation, self.plain[params["TableName"]] + index


def allowed() -> Needs:
    """What template.yaml lets each function do with the tables, by the folder of its code."""
    resources = template()["Resources"]
    managed = {name: r["Properties"]["PolicyDocument"] for name, r in resources.items() if "ManagedPolicy" in r["Type"]}
    found: Needs = defaultdict(set)
    shared = template().get("Globals", {}).get("Function", {}).get("Policies", [])
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            group = resource["Properties"]["CodeUri"].rpartition("/")[2]
            for policy in [*shared, *resource["Properties"]["Policies"]]:
                document = managed.get(policy, {"Statement": []}) if isinstance(policy, str) else policy
                for statement in document["Statement"]:
                    found[group] |= set(_grants(statement))
    return found


def _grants(statement: dict[str, Any]) -> Iterator[tuple[str, str]]:
    actions, targets = statement["Action"], statement["Resource"]
    for action in [actions] if isinstance(actions, str) else actions:
        for target in [targets] if isinstance(targets, str) else targets:
            match = re.fullmatch(r"\$?\{?(\w+Table)\.Arn\}?(/index/\w+)?", target)
            if match:
                yield action, plain_name(match[1]) + (match[2] or "")


@pytest.fixture(scope="module")
def needs(world: World) -> Needs:
    """The calls of a walk through every function."""
    from billing import bootstrap

    recorder = Recorder(world.tables)
    plain_invoke = worlds.invoke

    def invoke(group: str, lambda_event: Any) -> Any:
        recorder.group = group
        try:
            return plain_invoke(group, lambda_event)
        finally:
            recorder.group = None

    events = bootstrap.database().client.meta.events
    events.register("provide-client-params.dynamodb.*", recorder.note)
    patch = pytest.MonkeyPatch()
    patch.setattr(worlds, "invoke", invoke)
    walk(world)
    patch.undo()
    events.unregister("provide-client-params.dynamodb.*", recorder.note)
    return recorder.needs


def walk(world: World) -> None:
    """Every route once, a declined charge, a webhook, a renewal."""
    tenant = world.tenant()
    tenant.get(f"/v1/tenants/{tenant.id}")
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data
    customer = tenant.customer(testClockId=clock["id"])
    tenant.patch(f"/v1/customers/{customer}", {"name": "New Name"})
    subscription = tenant.subscribe(customerId=customer)
    world.deliver_all(tenant)
    for path, body in (("/v1/invoices/{}/pay", {}), ("/v1/payments", {"invoiceId": "{}"})):
        refused = tenant.subscribe("pm_card_chargeCustomerFail", customerId=customer)
        method = refused["paymentMethodId"]
        named = {name: value.format(refused["latestInvoiceId"]) for name, value in body.items()}
        tenant.post(path.format(refused["latestInvoiceId"]), named)
        tenant.post(path.format(refused["latestInvoiceId"]), {**named, "paymentMethodId": method})
        paid = tenant.post(path.format(refused["latestInvoiceId"]), {**named, "paymentMethodId": "pm_card_visa"})
        assert paid.status in (200, 201), paid.json
        unpaid = tenant.subscribe(None, customerId=tenant.customer())
        named = {name: value.format(unpaid["latestInvoiceId"]) for name, value in body.items()}
        tenant.post(path.format(unpaid["latestInvoiceId"]), {**named, "paymentMethodId": "pm_card_visa"})
    world.sandbox.post("faults", kind="drop_after", method="POST", path="^/v1/payment_intents$", times=2)
    tenant.subscribe(customerId=customer)
    world.deliver_all(tenant)
    tenant.post(f"/v1/test-clocks/{clock['id']}/advance", {"frozenTime": "2027-03-01T00:00:00Z"})
    world.drain()
    world.deliver_all(tenant)
    invoice = tenant.get("/v1/invoices", subscription=subscription["id"]).data[0]
    for path in (
        "/v1/customers",
        f"/v1/customers/{customer}",
        "/v1/plans",
        "/v1/plans/business-monthly",
        "/v1/subscriptions",
        f"/v1/subscriptions/{subscription['id']}",
        f"/v1/tenants/{tenant.id}/subscriptions",
        "/v1/invoices",
        f"/v1/invoices/{invoice['id']}",
        f"/v1/invoices/{invoice['id']}/pdf",
        "/v1/payments",
        f"/v1/payments/{invoice['latestPaymentId']}",
        "/v1/payment-methods",
        "/v1/test-clocks",
        f"/v1/test-clocks/{clock['id']}",
        "/v1/nothing",
    ):
        tenant.get(path)
    tenant.get("/v1/customers", email="zoe@example.com")
    for path in ("/v1/invoices", "/v1/payments", "/v1/subscriptions"):
        tenant.get(path, customer=customer)
    tenant.post(f"/v1/subscriptions/{subscription['id']}/cancel", {"atPeriodEnd": False})
    tenant.delete(f"/v1/test-clocks/{clock['id']}")


def test_every_call_is_allowed(needs: Needs) -> None:
    missing = {group: sorted(calls - allowed()[group]) for group, calls in needs.items() if calls - allowed()[group]}
    assert missing == {}


def test_nothing_may_scan_or_delete() -> None:
    forbidden = {"dynamodb:Scan", "dynamodb:DeleteItem", "dynamodb:*", "dynamodb:BatchWriteItem"}
    assert {
        (group, action, table) for group, grants in allowed().items() for action, table in grants if action in forbidden
    } == set()


def test_a_function_that_only_reads_a_table_may_not_write_it(needs: Needs) -> None:
    writes = ("dynamodb:PutItem", "dynamodb:UpdateItem")
    excess = {
        (group, action, table)
        for group, grants in allowed().items()
        for action, table in grants
        if action in writes and (action, table) not in needs[group] and group in needs
    }
    assert excess == set()
