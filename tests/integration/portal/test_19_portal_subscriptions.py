"""Issue 19, item 1: what a customer does with a subscription in the portal."""

from datetime import datetime

import pytest

from tests.integration.portal.visitor import EVERYTHING, switch_on, visit
from tests.integration.world import Json, Tenant, World

FLAT = {"key": "base", "type": "flat", "unitAmount": 99_999_000}


@pytest.fixture
def tenant(world: World) -> Tenant:
    world.clock.reset()
    tenant = world.tenant()
    tenant.plan()
    tenant.plan(id="team", name="Team", components=[{"key": "base", "type": "flat", "unitAmount": 9_999_000}])
    tenant.plan(id="secret", name="Secret")
    switch_on(tenant, plans=["business-monthly", "team"], cancel="either")
    return tenant


def now(tenant: Tenant, subscription: Json) -> Json:
    """The subscription as the API has it."""
    return dict(tenant.get(f"/v1/subscriptions/{subscription['id']}").data)


def page(subscription: Json, act: str) -> str:
    return f"/portal/subscriptions/{subscription['id']}/{act}"


def test_home_shows_what_runs_and_what_comes(tenant: Tenant, customer: str, subscription: Json) -> None:
    visitor = visit(tenant, customer)
    assert visitor.shows("Business", "$549.99 a month", "seats 100", "Next invoice", "$549.99 on")


def test_a_change_is_previewed_and_bills_that(tenant: Tenant, customer: str, subscription: Json) -> None:
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "change") + "?plan=business-monthly&q.seats=110")
    assert visitor.shows("Change to Business", "You pay", "Your next invoice: $599.99 on")
    fields = visitor.fields(page(subscription, "change"))
    visitor.submit(page(subscription, "change"))
    visitor.follow()
    assert visitor.shows("Your subscription was changed.", "$599.99 a month", "seats 110")
    back = visitor.get(page(subscription, "change") + "?plan=business-monthly&q.seats=110")
    assert back.status == 200
    assert visitor.shows("This is what you have already.")
    assert now(tenant, subscription)["itemQuantities"] == {"seats": 110}
    billed = tenant.get("/v1/invoices", customer=customer).data[0]
    assert str(billed["amountPaid"]) == fields["due"]


def test_the_new_plan_is_shown_at_once(tenant: Tenant, customer: str, subscription: Json) -> None:
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "change") + "?plan=team")
    visitor.submit(page(subscription, "change"))
    visitor.follow()
    assert visitor.shows("Team", "$99.99 a month")
    assert not visitor.shows("Business")


def test_a_form_sent_twice_is_carried_out_once(tenant: Tenant, customer: str, subscription: Json) -> None:
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "change") + "?plan=business-monthly&q.seats=110")
    form = visitor.fields(page(subscription, "change"))
    first = visitor.post(page(subscription, "change"), form)
    again = visitor.post(page(subscription, "change"), form)
    assert (again.status, again.headers["Location"]) == (first.status, first.headers["Location"])
    assert len(tenant.get("/v1/invoices", customer=customer).data) == 2


def test_a_preview_that_does_not_hold_is_shown_anew(world: World, tenant: Tenant, customer: str) -> None:
    subscription = tenant.subscribe(customerId=customer)
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "change") + "?plan=business-monthly&q.seats=110")
    form = visitor.fields(page(subscription, "change"))
    tenant.patch(f"/v1/subscriptions/{subscription['id']}", {"quantities": {"seats": 105}})
    assert visitor.post(page(subscription, "change"), form).status == 412
    assert visitor.shows("Something has changed meanwhile", "You pay", "Your next invoice: $599.99")
    assert now(tenant, subscription)["itemQuantities"] == {"seats": 105}
    visitor.submit(page(subscription, "change"))
    assert visitor.follow().status == 200
    assert now(tenant, subscription)["itemQuantities"] == {"seats": 110}


def test_nobody_gets_time_back_by_naming_an_earlier_second(world: World, tenant: Tenant, customer: str) -> None:
    subscription = tenant.subscribe(customerId=customer)
    world.clock.advance(days=20)
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "change") + "?plan=business-monthly&q.seats=1")
    form = visitor.fields(page(subscription, "change"))
    start = subscription["currentPeriod"]["start"]
    for at in (start, "2999-01-01T00:00:00Z"):
        assert visitor.post(page(subscription, "change"), form | {"at": at, "once": at}).status == 412
    assert visitor.post(page(subscription, "change"), form | {"at": "yesterday", "once": "x"}).status == 400
    assert now(tenant, subscription)["itemQuantities"] == {"seats": 100}


def test_a_change_of_interval_bills_no_more_than_was_shown(world: World, tenant: Tenant, customer: str) -> None:
    """What is given back is less each second, so the most that it bills is agreed to, for a quarter of an hour."""
    tenant.plan(id="yearly", name="Yearly", interval="year", components=[FLAT])
    switch_on(tenant, plans=["yearly"])
    subscription = tenant.subscribe(customerId=customer)
    visitor = visit(tenant, customer)
    address = page(subscription, "change")
    visitor.get(f"{address}?plan=yearly")
    form = visitor.fields(address)
    world.clock.advance(seconds=901)
    assert visitor.post(address, form).status == 412, "too old"
    for forged in ({"total": "1"}, {"due": "1"}, {"plan.version": "2"}):
        assert visitor.submit(address, **forged).status == 412, forged
    unshown = visitor.fields(address)
    for name in ("shown", "total", "plan.version"):
        sent = {each: value for each, value in unshown.items() if each != name} | {"once": name}
        assert visitor.post(address, sent).status in (400, 412), name
    assert now(tenant, subscription)["version"] == subscription["version"]
    visitor.get(f"{address}?plan=yearly")
    form = visitor.fields(address)
    world.clock.advance(seconds=890)
    assert visitor.post(address, form).status == 303, visitor.text
    billed = tenant.get("/v1/invoices", customer=customer).data[0]
    assert 0 <= int(form["total"]) - billed["total"] <= 50_000, "within fifty cents"
    assert now(tenant, subscription)["planId"] == "yearly"


def test_a_plan_that_costs_more_meanwhile_is_shown_anew(world: World, tenant: Tenant, customer: str) -> None:
    """In a trial nothing is billed at once, so no sum would tell."""
    subscription = tenant.subscribe(customerId=customer, trialDays=14)
    visitor = visit(tenant, customer)
    address = page(subscription, "change")
    visitor.get(f"{address}?plan=team")
    form = visitor.fields(address)
    assert tenant.patch("/v1/plans/team", {"components": [FLAT]}).status == 200
    assert visitor.post(address, form).status == 412
    assert visitor.shows("Something has changed meanwhile", "$999.99")
    assert now(tenant, subscription)["planId"] == "business-monthly"
    visitor.submit(address)
    assert now(tenant, subscription)["planId"] == "team"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"plan": "secret"}, 403), ({"plan": "none-such"}, 403), ({"q.seats": "-1"}, 400), ({"q.seats": "٣"}, 400),
        ({"q.seats": "9" * 40}, 400), ({"q.other": "1"}, 400), ({"version": "x"}, 400), ({"due": "1"}, 412),
    ],
)  # fmt: skip
def test_a_forged_change_changes_nothing(
    tenant: Tenant, customer: str, subscription: Json, sent: dict[str, str], status: int
) -> None:
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "change") + "?plan=business-monthly&q.seats=110")
    answer = visitor.submit(page(subscription, "change"), **sent)
    assert answer.status == status, visitor.text
    assert now(tenant, subscription)["version"] == subscription["version"]


def test_pause_and_resume(tenant: Tenant, customer: str, subscription: Json) -> None:
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "pause"))
    for day in ("1999-01-01", "0001-01-01", "2500-01-01", "9999-12-31", "never"):
        assert visitor.submit(page(subscription, "pause"), until=day).status == 400, day
    visitor.submit(page(subscription, "pause"), until="")
    visitor.follow()
    assert visitor.shows("Your subscription is paused.", "State Paused")
    assert now(tenant, subscription)["state"] == "paused"
    visitor.get(page(subscription, "resume"))
    visitor.submit(page(subscription, "resume"))
    visitor.follow()
    assert visitor.shows("Your subscription goes on.")
    assert now(tenant, subscription)["state"] == "active"


def test_resuming_bills_no_more_than_was_shown(world: World, tenant: Tenant, customer: str) -> None:
    """The paid period was over between the page and the button: a whole new one would be billed."""
    tenant.plan(id="kept", name="Kept", pauseBilling="keep")
    subscription = tenant.subscribe(customerId=customer, planId="kept")
    tenant.patch(f"/v1/subscriptions/{subscription['id']}", {"paused": True})
    end = datetime.fromisoformat(subscription["currentPeriod"]["end"])
    world.clock.advance(seconds=int((end - world.clock()).total_seconds()) - 60)
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "resume"))
    assert visitor.shows("Nothing is to be paid now")
    form = visitor.fields(page(subscription, "resume"))
    world.clock.advance(seconds=120)
    unshown = {name: value for name, value in form.items() if name not in ("total", "due")}
    assert visitor.post(page(subscription, "resume"), unshown | {"once": "x"}).status == 412
    assert visitor.post(page(subscription, "resume"), form).status == 412
    assert visitor.shows("Something has changed meanwhile", "Amount due")
    assert now(tenant, subscription)["state"] == "paused"
    assert len(tenant.get("/v1/invoices", customer=customer).data) == 1
    shown = visitor.fields(page(subscription, "resume"))["total"]
    visitor.submit(page(subscription, "resume"))
    visitor.follow()
    assert now(tenant, subscription)["state"] == "active"
    billed = tenant.get("/v1/invoices", customer=customer).data
    assert [str(each["total"]) for each in billed] == [shown, "54999000"]


def test_cancel_with_the_period_and_take_it_back(tenant: Tenant, customer: str, subscription: Json) -> None:
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "cancel"))
    visitor.submit(page(subscription, "cancel"))
    visitor.follow()
    assert visitor.shows("Your subscription ends with the paid period.", "Canceled, runs until")
    assert now(tenant, subscription)["cancelAtPeriodEnd"] is True
    visitor.submit(page(subscription, "resume"))
    visitor.follow()
    assert visitor.shows("not canceled any more")
    assert now(tenant, subscription)["cancelAtPeriodEnd"] is False


def test_cancel_at_once(tenant: Tenant, customer: str, subscription: Json) -> None:
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "cancel"))
    visitor.submit(page(subscription, "cancel"), when="now")
    visitor.follow()
    assert visitor.shows("Your subscription has ended.", "No subscription is running.", "Ended on")
    assert now(tenant, subscription)["state"] == "canceled"


def test_a_tenant_says_when_cancellations_count(tenant: Tenant, customer: str, subscription: Json) -> None:
    switch_on(tenant, cancel="period_end")
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "cancel"))
    assert not visitor.shows("At once")
    assert visitor.submit(page(subscription, "cancel"), when="now").status == 403
    visitor.get(page(subscription, "cancel"))
    assert visitor.submit(page(subscription, "cancel"), when="never").status == 400
    assert now(tenant, subscription)["state"] == "active"


ACTS = {"changePlan": "change", "quantities": "change", "pause": "pause", "cancel": "cancel"}


@pytest.mark.parametrize("off", ACTS)
def test_what_is_switched_off_is_neither_shown_nor_done(
    tenant: Tenant, customer: str, subscription: Json, off: str
) -> None:
    """In a session that runs, too, and with a form that was shown before."""
    visitor = visit(tenant, customer)
    address = page(subscription, ACTS[off])
    asked = {"changePlan": "?plan=team", "quantities": "?q.seats=110"}.get(off, "")
    visitor.get(address + asked)
    form = visitor.fields(address)
    switch_on(tenant, *(each for each in EVERYTHING if each != off), plans=["business-monthly", "team"])
    assert visitor.post(address, form).status == 403
    assert visitor.get(address + asked).status == 403
    home = visitor.get("/portal").content.decode()
    assert (f'href="{address}"' in home) == (ACTS[off] == "change"), "the other one of two changes is still there"
    assert now(tenant, subscription)["version"] == subscription["version"]


def test_a_link_switches_off_too(tenant: Tenant, customer: str, subscription: Json) -> None:
    visitor = visit(tenant, customer, features=["invoices"])
    assert not visitor.shows("Change")
    assert not visitor.shows("Payment methods")
    for act in ("change", "pause", "resume", "cancel"):
        assert visitor.get(page(subscription, act)).status == 403, act
    for tab in ("cards", "details", "usage"):
        assert visitor.get(f"/portal/{tab}").status == 403, tab
    assert visitor.get("/portal/invoices").status == 200


def test_anothers_subscription_is_none(world: World, tenant: Tenant, customer: str) -> None:
    other, stranger = tenant.subscribe(customerId=tenant.customer()), world.tenant()
    theirs = stranger.subscribe()
    visitor = visit(tenant, customer)
    mine = tenant.subscribe(customerId=customer)
    for act in ("change", "pause", "resume", "cancel"):
        visitor.get(page(mine, "cancel"))
        form = visitor.fields(page(mine, "cancel"))
        for each in (other["id"], theirs["id"], "sub_none"):
            address = page({"id": each}, act)
            assert visitor.get(address).status == 404
            sent = form | {"once": each + act, "version": "1", "plan": "team"}
            assert visitor.post(address, sent).status == 404, address
    assert now(tenant, other)["version"] == other["version"]
    assert now(stranger, theirs)["version"] == theirs["version"]


def test_a_declined_charge_leaves_an_invoice_to_pay(tenant: Tenant, customer: str) -> None:
    subscription = tenant.subscribe(customerId=customer)
    tenant.patch(f"/v1/subscriptions/{subscription['id']}", {"paymentMethodId": "pm_card_chargeCustomerFail"})
    visitor = visit(tenant, customer)
    visitor.get(page(subscription, "change") + "?plan=business-monthly&q.seats=110")
    visitor.submit(page(subscription, "change"))
    visitor.follow()
    assert visitor.shows("To be paid", "seats 110")
    assert 'href="/pay/' in visitor.text
    number = tenant.get("/v1/invoices", customer=customer).data[0]["number"]
    assert number in visitor.text
    without = visit(tenant, customer, features=["pause"])
    assert number not in without.text
    assert "/pay/" not in without.text, "what is switched off is not shown"


def test_who_has_credit_sees_it_without_a_subscription(tenant: Tenant, customer: str, subscription: Json) -> None:
    canceled = tenant.post(f"/v1/subscriptions/{subscription['id']}/cancel", {"prorationBehavior": "create_prorations"})
    assert canceled.status == 200
    visitor = visit(tenant, customer)
    assert visitor.shows("No subscription is running.", "in credit. Your next invoice uses it first.")
