"""Issue 18: a change of a subscription says what it bills now and next, and bills what was shown or nothing."""

from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.customers.balance import Balance
from billing.domain.kernel.errors import Unavailable
from billing.domain.kernel.money import Money
from billing.services.kernel.recovery import RecoveryPoint
from billing.services.kernel.work import Ref
from billing.services.tax.assessment import Taxes
from billing.storage.unit_of_work import UnitOfWork
from tests.integration.invoices import BERLIN, NEXT, clocked, line, make
from tests.integration.steps import advance, flat
from tests.integration.world import Answer, Json, Tenant, World

SUMS = ("currency", "period", "subtotal", "discount", "tax", "total", "balanceApplied", "notes")


def said(invoice: Json) -> Json:
    """What a preview and an invoice both say."""
    lines = [{name: value for name, value in each.items() if name != "id"} for each in invoice["lines"]]
    return {name: invoice[name] for name in SUMS} | {"lines": lines}


@pytest.fixture
def running(world: World, tenant: Tenant) -> tuple[Tenant, str, str]:
    """A tenant with tax, a test clock, and a subscription with a coupon, in the middle of its first month."""
    tenant.patch(f"/v1/tenants/{tenant.id}", {"taxProvider": "builtin", "address": BERLIN})
    tenant = Tenant(world, tenant.id, tenant.key, tenant.data, tenant.since)
    world.clock.advance(seconds=61)
    clock, customer = clocked(tenant, address=BERLIN)
    tenant.post("/v1/coupons", {"code": "FOREVER", "percentOff": "12.5", "duration": "forever"})
    made = tenant.subscribe(customerId=customer, couponCode="FOREVER")
    advance(world, tenant, clock, "2027-01-16T00:00:00Z")
    return tenant, clock, made["id"]


def preview(tenant: Tenant, subscription: str, **change: Any) -> Json:
    answer = tenant.post(f"/v1/subscriptions/{subscription}/preview", change)
    assert answer.status == 200, answer.json
    return answer.data


def newest(tenant: Tenant, subscription: str) -> Json:
    invoice: Json = tenant.get("/v1/invoices", subscription=subscription).data[0]
    return invoice


def refused(answer: Answer, **now: int) -> None:
    assert (answer.status, answer.error["code"]) == (412, "subscription.amount_changed"), answer.json
    assert answer.bad_fields == {name: f"is_{sum_}" for name, sum_ in now.items()}


@pytest.mark.parametrize("behavior", ["create_prorations", "invoice_now", "none"])
@pytest.mark.parametrize("quantities", [{"seats": 150}, {"seats": 20}])
def test_the_next_invoice_of_a_preview_is_what_the_renewal_bills(
    world: World, running: tuple[Tenant, str, str], behavior: str, quantities: dict[str, int]
) -> None:
    """With tax, a coupon, and a balance, of which what is billed now takes, or to which it gives."""
    tenant, clock, subscription = running
    customer = tenant.get(f"/v1/subscriptions/{subscription}").data["customerId"]
    make(tenant, line(-3000, taxes=[{"name": "none", "ratePercent": 0}]), customerId=customer, autoFinalize=True)
    change = {"quantities": quantities, "prorationBehavior": behavior}
    seen = preview(tenant, subscription, **change)
    assert seen["atOnce"] is (behavior == "invoice_now")
    assert seen["nextInvoice"]["at"] == NEXT
    assert tenant.patch(f"/v1/subscriptions/{subscription}", change).status == 200
    if seen["atOnce"]:
        assert said(newest(tenant, subscription)) == said(seen)
    advance(world, tenant, clock, NEXT)
    renewal = newest(tenant, subscription)
    assert said(renewal) == said(seen["nextInvoice"])
    assert renewal["amountDue"] + renewal["amountPaid"] == seen["nextInvoice"]["amountDue"]


def test_of_another_interval_the_first_period_is_now_and_the_second_is_next(
    world: World, running: tuple[Tenant, str, str]
) -> None:
    tenant, clock, subscription = running
    quarterly = flat(tenant, "quarterly", 9000, intervalCount=3)
    seen = preview(tenant, subscription, planId=quarterly)
    assert (seen["atOnce"], seen["nextInvoice"]["at"]) == (True, "2027-04-16T00:00:00Z")
    assert tenant.patch(f"/v1/subscriptions/{subscription}", {"planId": quarterly}).status == 200
    assert said(newest(tenant, subscription)) == said(seen)
    advance(world, tenant, clock, "2027-04-16T00:00:00Z")
    assert said(newest(tenant, subscription)) == said(seen["nextInvoice"])


@pytest.mark.parametrize("how", ["coupon", "pause", "pause_until", "keeps_going"])
def test_what_comes_next_after_other_changes(world: World, running: tuple[Tenant, str, str], how: str) -> None:
    tenant, clock, subscription = running
    path = f"/v1/subscriptions/{subscription}"
    change: Json = {
        "coupon": {"couponCode": None},
        "pause": {"paused": True},
        "pause_until": {"paused": True, "resumesAt": "2027-01-21T00:00:00Z"},
        "keeps_going": {"cancelAtPeriodEnd": False},
    }[how]
    if how == "keeps_going":
        tenant.post(f"{path}/cancel", {"atPeriodEnd": True})
        assert preview(tenant, subscription, quantities={})["nextInvoice"] is None
    following = preview(tenant, subscription, **change)["nextInvoice"]
    assert tenant.patch(path, change).status == 200
    if how == "pause":
        assert following is None
        return
    advance(world, tenant, clock, following["at"])
    assert said(newest(tenant, subscription)) == said(following)


def test_usage_that_the_change_bills_is_not_on_the_next_invoice_again(world: World, tenant: Tenant) -> None:
    calls = {"key": "calls", "type": "metered", "meter": tenant.meter(), "unitAmount": 10_000}
    for plan, fee in (("small", 1_000_000), ("large", 2_000_000)):
        tenant.plan(id=plan, name=plan, components=[{"key": "base", "type": "flat", "unitAmount": fee}, calls])
    clock, customer = clocked(tenant)
    subscription = tenant.subscribe(planId="small", quantities={}, customerId=customer)["id"]
    advance(world, tenant, clock, "2027-01-16T00:00:00Z")
    used = {"eventId": "u1", "subscriptionId": subscription, "meter": calls["meter"], "quantity": 700}
    assert tenant.post("/v1/usage/events", {"events": [used | {"timestamp": "2027-01-15T00:00:00Z"}]}).status == 202
    world.count_usage()
    seen = preview(tenant, subscription, planId="large", prorationBehavior="invoice_now")
    assert [each["component"] for each in seen["lines"]].count("calls") == 1
    assert [each["component"] for each in seen["nextInvoice"]["lines"]] == ["base"]
    change = {"planId": "large", "prorationBehavior": "invoice_now", "expectedTotal": seen["total"]}
    assert tenant.patch(f"/v1/subscriptions/{subscription}", change).status == 200
    assert said(newest(tenant, subscription)) == said(seen)
    advance(world, tenant, clock, NEXT)
    assert said(newest(tenant, subscription)) == said(seen["nextInvoice"])


@pytest.mark.parametrize("behavior", ["create_prorations", "invoice_now"])
def test_a_change_bills_what_was_shown_or_is_refused_and_changes_nothing(
    world: World, running: tuple[Tenant, str, str], behavior: str
) -> None:
    """Days pass between preview and confirm; nobody changed the subscription, so ``If-Match`` alone lets it through."""
    tenant, clock, subscription = running
    path = f"/v1/subscriptions/{subscription}"
    change = {"quantities": {"seats": 150}, "prorationBehavior": behavior}
    seen = preview(tenant, subscription, **change)
    sums = {"expectedTotal": seen["total"], "expectedAmountDue": seen["amountDue"]}
    advance(world, tenant, clock, "2027-01-21T00:00:00Z")
    before, invoices = tenant.get(path).data, tenant.get("/v1/invoices").data
    world.writes.clear()
    now = preview(tenant, subscription, **change)
    answer = tenant.patch(path, change | sums)
    refused(answer, expectedTotal=now["total"], expectedAmountDue=now["amountDue"])
    # Nor is a number claimed for it.
    assert not {"invoices", "subscriptions", "events", "sequences"} & {t for _, tables in world.writes for t in tables}
    assert (tenant.get(path).data, tenant.get("/v1/invoices").data) == (before, invoices)
    sums = {"expectedTotal": now["total"], "expectedAmountDue": now["amountDue"]}
    assert tenant.patch(path, change | sums).status == 200
    if behavior == "invoice_now":
        assert newest(tenant, subscription)["amountPaid"] == now["amountDue"]


def test_a_credit_that_came_meanwhile_changes_what_is_due_and_not_the_total(
    world: World, running: tuple[Tenant, str, str]
) -> None:
    tenant, _, subscription = running
    path = f"/v1/subscriptions/{subscription}"
    change = {"quantities": {"seats": 150}, "prorationBehavior": "invoice_now"}
    seen = preview(tenant, subscription, **change)
    customer = tenant.get(path).data["customerId"]
    make(tenant, line(-3000, taxes=[{"name": "none", "ratePercent": 0}]), customerId=customer, autoFinalize=True)
    due = {"expectedAmountDue": seen["amountDue"]}
    refused(tenant.patch(path, change | due), expectedAmountDue=seen["amountDue"] - 3_000_000)
    refused(tenant.post(f"{path}/preview", change | due), expectedAmountDue=seen["amountDue"] - 3_000_000)
    assert tenant.patch(path, change | {"expectedTotal": seen["total"]}).status == 200


def test_a_change_that_loses_a_race_to_a_credit_is_refused_and_not_billed_otherwise(
    world: World, running: tuple[Tenant, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credit is committed after the change was decided and before that is: the second run sees another sum."""
    tenant, _, subscription = running
    path = f"/v1/subscriptions/{subscription}"
    change = {"quantities": {"seats": 150}, "prorationBehavior": "invoice_now"}
    customer = tenant.get(path).data["customerId"]
    make(tenant, line(-1000, taxes=[{"name": "none", "ratePercent": 0}]), customerId=customer, autoFinalize=True)
    seen = preview(tenant, subscription, **change)
    assert seen["balanceApplied"] == 1_000_000
    before, charges = tenant.get(path).data, len(world.intents(tenant))
    checkpoint = UnitOfWork.checkpoint
    ref = Ref(Balance, tenant.id, customer)
    raced: list[int] = []

    def late(unit: UnitOfWork, point: RecoveryPoint) -> None:
        if not raced:
            raced.append(1)
            other = storage.units().begin(tenant.id)
            other.save(other.load(ref).require(ref).used(Money(-3_000_000, "USD")))
            other.commit()
        checkpoint(unit, point)

    monkeypatch.setattr(UnitOfWork, "checkpoint", late)
    refused(
        tenant.patch(path, change | {"expectedTotal": seen["total"], "expectedAmountDue": seen["amountDue"]}),
        expectedAmountDue=seen["amountDue"] - 3_000_000,
    )
    assert (raced, tenant.get(path).data, len(world.intents(tenant))) == ([1], before, charges)


def test_who_expects_a_sum_is_not_billed_while_nobody_knows_the_tax(
    world: World, running: tuple[Tenant, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an expectation the invoice waits for its tax as a draft; then nobody was shown what it will be."""
    tenant, _, subscription = running
    path = f"/v1/subscriptions/{subscription}"
    change = {"quantities": {"seats": 150}, "prorationBehavior": "invoice_now"}
    seen = preview(tenant, subscription, **change)
    before = tenant.get(path).data

    def down(*_: object) -> None:
        raise Unavailable("down", retry_after_s=30)

    with monkeypatch.context() as patched:
        patched.setattr(Taxes, "applied", down)
        answer = tenant.patch(path, change | {"expectedTotal": seen["total"]}, idempotency_key="k")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    assert tenant.get(path).data == before
    assert tenant.patch(path, change | {"expectedTotal": seen["total"]}, idempotency_key="k").status == 200


@pytest.mark.parametrize("name", ["expectedTotal", "expectedAmountDue"])
@pytest.mark.parametrize("value", [1.5, "100", 2**53, -(2**53)])
def test_a_sum_is_a_whole_number(running: tuple[Tenant, str, str], name: str, value: Any) -> None:
    tenant, _, subscription = running
    answer = tenant.patch(f"/v1/subscriptions/{subscription}", {"quantities": {"seats": 150}, name: value})
    assert (answer.status, set(answer.bad_fields)) == (400, {name})
