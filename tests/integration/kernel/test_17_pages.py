"""Issue 17, item 5: a list serves a page in one call: rows with their customers, and short ones."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from billing.bootstrap import storage
from tests.integration.world import Json, Tenant, World

ITEM = {"sku": "a", "description": "A", "quantity": 1, "unitAmount": 1_000_000, "commissionBps": 0}
LISTS = ("/v1/invoices", "/v1/subscriptions", "/v1/payments", "/v1/commerce/orders")


@pytest.fixture(scope="module")
def shop(world: World) -> Tenant:
    """Two customers, each with a subscription, its invoice and payment, and an order; one in euros."""
    world.clock.reset()
    tenant = world.tenant()
    world.made.clear()  # shared by the module's tests
    dollars = tenant.customer(name="Dorothy")
    euros = tenant.customer(name="Eugen", currency="EUR")
    tenant.plan()
    tenant.plan(id="business-euro", currency="EUR")
    tenant.data |= {"dollars": dollars, "euros": euros}
    for customer, plan, currency in ((dollars, "business-monthly", "USD"), (euros, "business-euro", "EUR")):
        tenant.subscribe(customerId=customer, planId=plan)
        tenant.subscribe(customerId=customer, planId=plan)
        order = {"customerId": customer, "currency": currency, "items": [ITEM]}
        assert tenant.post("/v1/commerce/orders", order).status == 201
    return tenant


@contextmanager
def calls() -> Iterator[Counter[str]]:
    """Counts the calls of DynamoDB."""
    counted: Counter[str] = Counter()
    events = storage.database().client.meta.events

    def note(model: Any, **_: Any) -> None:
        counted[model.name] += 1

    events.register("provide-client-params.dynamodb.*", note)
    try:
        yield counted
    finally:
        events.unregister("provide-client-params.dynamodb.*", note)


@pytest.mark.parametrize("path", LISTS)
def test_17_each_row_has_its_customer_for_one_more_batch(shop: Tenant, path: str) -> None:
    with calls() as plain:
        before = shop.get(path)
    with calls() as more:
        expanded = shop.get(path, expand="customer")
    assert more - plain == Counter(BatchGetItem=1)
    shown = {each: shop.get(f"/v1/customers/{each}").data for each in (shop.data["dollars"], shop.data["euros"])}
    assert [row["customer"] for row in expanded.data] == [shown[row["customerId"]] for row in expanded.data]
    assert {row["customer"]["name"] for row in expanded.data} == {"Dorothy", "Eugen"}
    kept = [{name: value for name, value in row.items() if name != "customer"} for row in expanded.data]
    assert kept == before.data  # without it, there is no such field


@pytest.mark.parametrize("path", LISTS)
def test_17_what_cannot_be_shown_beside_a_row_is_refused(shop: Tenant, path: str) -> None:
    for wanted in ("subscription", "Customer", "customer,plan", ""):
        answer = shop.get(path, expand=wanted)
        assert (answer.status, list(answer.bad_fields)) == (400, ["expand"])


def test_17_an_empty_page_needs_no_batch(shop: Tenant) -> None:
    with calls() as plain:
        assert shop.get("/v1/invoices", customer="cus_none").data == []
    with calls() as more:
        assert shop.get("/v1/invoices", customer="cus_none", expand="customer").data == []
    assert more == plain


@pytest.mark.parametrize(("path", "share"), [("/v1/invoices", 0.45), ("/v1/subscriptions", 0.8)])
def test_17_a_summary_says_the_same_in_fewer_words(shop: Tenant, path: str, share: float) -> None:
    full, short = shop.get(path), shop.get(path, view="summary")
    assert shop.get(path, view="full").data == full.data
    assert len(short.content) < len(full.content) * share
    for row, whole in zip(short.data, full.data, strict=True):
        counts = {name: value for name, value in row.items() if name.endswith("Count") and name not in whole}
        assert row | whole == whole | counts
        assert "lines" not in row
    beside = shop.get(path, view="summary", expand="customer", limit=1)
    assert beside.data[0]["customer"]["id"] == beside.data[0]["customerId"]
    assert (
        shop.get(path, view="summary", cursor=beside.json["meta"]["pagination"]["next_cursor"]).data == short.data[1:]
    )
    assert list(shop.get(path, view="brief").bad_fields) == ["view"]


def test_17_a_summary_counts_what_it_leaves_out(shop: Tenant) -> None:
    full, short = (shop.get("/v1/invoices", view=view).data for view in ("full", "summary"))
    assert [row["lineCount"] for row in short] == [len(row["lines"]) for row in full] == [2] * 4
    kinds = [shop.get(f"/v1/tenants/{shop.id}/{kind}", view="summary", expand="customer").data for kind in
             ("invoices", "subscriptions")]  # fmt: skip
    assert all(row["customer"]["id"] == row["customerId"] for rows in kinds for row in rows)


def _ids(rows: list[Json]) -> set[str]:
    return {row["id"] for row in rows}


def test_17_payments_are_found_by_their_method_and_their_subscription(shop: Tenant) -> None:
    every = shop.get("/v1/payments").data
    for field, parameter in (("paymentMethodId", "method"), ("subscriptionId", "subscription")):
        value = every[0][field]
        assert value
        wanted = _ids([row for row in every if row[field] == value])
        assert _ids(shop.get("/v1/payments", **{parameter: value}).data) == wanted
        assert 0 < len(wanted) < len(every)
        other = next(each for each in (shop.data["dollars"], shop.data["euros"]) if each != every[0]["customerId"])
        assert shop.get("/v1/payments", customer=other, **{parameter: value}).data == []
        assert shop.get("/v1/payments", **{parameter: "nobodys"}).data == []
        assert shop.get("/v1/payments", **{parameter: ""}).status == 400


def test_17_orders_are_found_by_their_currency(shop: Tenant) -> None:
    (order,) = shop.get("/v1/commerce/orders", currency="EUR").data
    assert order["customerId"] == shop.data["euros"]
    assert shop.get("/v1/commerce/orders", currency="JPY").data == []
    assert shop.get("/v1/commerce/orders", currency="XXX1").status == 400
