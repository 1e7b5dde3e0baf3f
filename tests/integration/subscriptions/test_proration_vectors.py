"""The worked examples of docs/vectors.md about proration and anchors, through the API, on test clocks."""

import pytest

from tests.integration.steps import advance, flat, nets, subscribed
from tests.integration.world import Tenant, World


@pytest.mark.parametrize(
    ("before", "after", "interval", "start", "at", "credit", "debit"),
    [
        (10000, 30000, "month", "2025-06-01", "2025-06-16", 5000, 15000),
        (10000, 30000, "month", "2025-06-01", "2025-06-11", 6667, 20000),
        (100000, 300000, "year", "2024-08-01", "2024-10-01", 83288, 249863),
        (1000, 2000, "month", "2025-06-01", "2025-06-16", 500, 1000),
    ],
    ids=["polar-half-a-month", "polar-20-of-30-days", "polar-a-year", "stripe-10-to-20"],
)
def test_vector_proration_per_second(
    world: World, tenant: Tenant, before: int, after: int, interval: str, start: str, at: str, credit: int, debit: int
) -> None:
    old, new = flat(tenant, "old", before, interval=interval), flat(tenant, "new", after, interval=interval)
    clock, subscription = subscribed(tenant, old, f"{start}T00:00:00Z")
    advance(world, tenant, clock, f"{at}T00:00:00Z")
    wanted = {"planId": new, "prorationBehavior": "invoice_now"}
    preview = tenant.post(f"/v1/subscriptions/{subscription}/preview", wanted).data
    assert nets(preview["lines"]) == [-credit, debit]
    assert preview["total"] == preview["amountDue"] == (debit - credit) * 1000
    changed = tenant.patch(f"/v1/subscriptions/{subscription}", wanted).data
    invoice = tenant.get(f"/v1/invoices/{changed['latestInvoiceId']}").data
    assert (nets(invoice["lines"]), invoice["status"]) == ([-credit, debit], "paid")
    assert invoice["amountPaid"] == (debit - credit) * 1000


def test_vector_polar_yearly_to_monthly_resets_the_cycle(world: World, tenant: Tenant) -> None:
    old, new = flat(tenant, "yearly", 100000, interval="year"), flat(tenant, "monthly", 10000)
    clock, subscription = subscribed(tenant, old, "2025-06-01T00:00:00Z")
    advance(world, tenant, clock, "2025-08-13T00:00:00Z")
    changed = tenant.patch(f"/v1/subscriptions/{subscription}", {"planId": new}).data
    assert changed["currentPeriod"] == {"start": "2025-08-13T00:00:00Z", "end": "2025-09-13T00:00:00Z"}
    invoice = tenant.get(f"/v1/invoices/{changed['latestInvoiceId']}").data
    assert nets(invoice["lines"]) == [-80000, 10000]
    # What is given back and not used at once goes to the balance, and pays the next months.
    assert (invoice["total"], invoice["balanceApplied"], invoice["amountDue"]) == (-70000000, -70000000, 0)
    balance = tenant.get(f"/v1/customers/{changed['customerId']}/balance").data
    assert balance["amount"] == 70000000
    advance(world, tenant, clock, "2025-09-13T00:00:00Z")
    (renewal, *_) = tenant.get("/v1/invoices", subscription=subscription).data
    assert (renewal["total"], renewal["balanceApplied"], renewal["status"]) == (10000000, 10000000, "paid")


def test_vector_polar_the_credit_is_net_of_its_discount(world: World, tenant: Tenant) -> None:
    old, new = flat(tenant, "old", 10000), flat(tenant, "new", 100000)
    for code, percent in (("QUARTER", "25"), ("HALF", "50")):
        assert tenant.post("/v1/coupons", {"code": code, "percentOff": percent, "duration": "forever"}).status == 201
    clock, subscription = subscribed(tenant, old, "2025-06-01T00:00:00Z", couponCode="QUARTER")
    advance(world, tenant, clock, "2025-06-16T00:00:00Z")
    wanted = {"planId": new, "couponCode": "HALF", "prorationBehavior": "invoice_now"}
    changed = tenant.patch(f"/v1/subscriptions/{subscription}", wanted).data
    invoice = tenant.get(f"/v1/invoices/{changed['latestInvoiceId']}").data
    assert nets(invoice["lines"]) == [-3750, 25000]
    assert changed["discount"]["code"] == "HALF"


@pytest.mark.parametrize(
    ("start", "at", "days", "of"),
    [("2023-05-15", "2023-05-23", 23, 31), ("2024-02-15", "2024-02-23", 21, 29)],
    ids=["0.741935484", "0.724137931"],
)
def test_vector_killbill_per_day(world: World, tenant: Tenant, start: str, at: str, days: int, of: int) -> None:
    # A price of `of` euros a month: each day is one euro.
    plan = flat(tenant, "daily", of * 100, prorationUnit="day")
    double = flat(tenant, "double", of * 200, prorationUnit="day")
    clock, subscription = subscribed(tenant, plan, f"{start}T08:00:00Z")
    # By the day the hour does not matter: the day of the change counts whole.
    advance(world, tenant, clock, f"{at}T21:30:00Z")
    preview = tenant.post(f"/v1/subscriptions/{subscription}/preview", {"planId": double}).data
    assert nets(preview["lines"]) == [-days * 100, days * 200]


def test_vector_killbill_pause_and_resume(world: World, tenant: Tenant) -> None:
    plan = flat(tenant, "killbill", 24995, prorationUnit="day")
    clock, subscription = subscribed(tenant, plan, "2012-03-02T00:00:00Z")
    advance(world, tenant, clock, "2012-03-04T00:00:00Z")
    wanted = {"paused": True, "prorationBehavior": "invoice_now", "resumesAt": "2012-04-05T00:00:00Z"}
    paused = tenant.patch(f"/v1/subscriptions/{subscription}", wanted).data
    assert (paused["state"], paused["resumesAt"]) == ("paused", "2012-04-05T00:00:00Z")
    credit = tenant.get(f"/v1/invoices/{paused['latestInvoiceId']}").data
    assert nets(credit["lines"]) == [-23382]
    advance(world, tenant, clock, "2012-04-05T00:00:00Z")
    resumed = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert (resumed["state"], resumed["currentPeriod"]["end"]) == ("active", "2012-05-02T00:00:00Z")
    invoice = tenant.get(f"/v1/invoices/{resumed['latestInvoiceId']}").data
    assert nets(invoice["lines"]) == [22496]
    assert (invoice["balanceApplied"], invoice["amountPaid"]) == (22496000, 0)


def test_vector_lago_upgrade_on_15_january(world: World, tenant: Tenant) -> None:
    plan = flat(tenant, "lago", 10000, currency="EUR", prorationUnit="day")
    upgraded = flat(tenant, "lago-plus", 20000, currency="EUR", prorationUnit="day")
    clock, subscription = subscribed(tenant, plan, "2025-01-01T00:00:00Z", currency="EUR")
    advance(world, tenant, clock, "2025-01-15T00:00:00Z")
    preview = tenant.post(f"/v1/subscriptions/{subscription}/preview", {"planId": upgraded}).data
    unused = -nets(preview["lines"])[0]
    # Lago bills the 14 days that were used, 45.16; billed in advance, the other 17 are given back.
    assert 10000 - unused == 4516


@pytest.mark.parametrize(
    ("start", "ends"),
    [
        ("2025-01-31", ["2025-02-28", "2025-03-31", "2025-04-30"]),
        ("2024-01-31", ["2024-02-29", "2024-03-31", "2024-04-30"]),
    ],
    ids=["stripe", "polar"],
)
def test_vector_anchors(world: World, tenant: Tenant, start: str, ends: list[str]) -> None:
    plan = flat(tenant, "anchored", 1000)
    clock, subscription = subscribed(tenant, plan, f"{start}T10:00:00Z")
    advance(world, tenant, clock, f"{ends[-1]}T09:59:59Z")
    billed = tenant.get("/v1/invoices", subscription=subscription).data[::-1]
    assert [invoice["period"]["end"][:10] for invoice in billed] == ends
