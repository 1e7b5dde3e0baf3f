"""Issue 11, number 25: a bank that says "do not try again" is not asked again, however soft its decline looks."""

from typing import Any

import pytest

from tests.integration.invoices import clocked
from tests.integration.payer import saved_method
from tests.integration.steps import advance, flat, subscribed
from tests.integration.world import Json, Tenant, World

START = "2027-01-01T00:00:00Z"
FINAL: Json = {"decline": "do_not_honor", "advice": "do_not_try_again"}


def day(n: int) -> str:
    """The n-th day after the renewal that fails."""
    return f"2027-02-{1 + n:02d}T00:00:00Z"


class Failing:
    """A subscription whose renewal on 1 February is declined as the test says."""

    def __init__(self, world: World, tenant: Tenant, behaviour: Json) -> None:
        self.world, self.tenant = world, tenant
        self.clock, self.id = subscribed(tenant, flat(tenant, "monthly", 1000), START)
        customer = tenant.get(f"/v1/subscriptions/{self.id}").data["customerId"]
        (method,) = tenant.get("/v1/payment-methods", customer=customer).data
        self.method: str = method["id"]
        world.sandbox.post(f"payment_methods/{self.method}/behaviour", **behaviour)
        self.advance(0)

    def advance(self, to_day: int) -> None:
        advance(self.world, self.tenant, self.clock, day(to_day))

    @property
    def invoice(self) -> Json:
        """The one of the renewal."""
        billed = self.tenant.get("/v1/invoices", subscription=self.id).data
        return next(dict(each) for each in billed if each["period"]["start"] == day(0))

    def declined_charges(self) -> list[Any]:
        """How often Stripe was asked in vain, whatever the product counts."""
        found = self.world.stripe.v1.charges.list({"limit": 100})
        return [charge for charge in found if charge.payment_method == self.method and charge.status == "failed"]


def test_the_method_is_not_charged_again_and_a_new_one_is(world: World) -> None:
    failing = Failing(world, world.tenant(), FINAL)
    for on in (1, 3, 4):
        failing.advance(on)
        assert (on, failing.invoice["attemptCount"], len(failing.declined_charges())) == (on, 1, 1)
    path = f"/v1/subscriptions/{failing.id}"
    assert failing.tenant.patch(path, {"paymentMethodId": "pm_card_mastercard"}).status == 200
    failing.advance(5)
    assert (failing.invoice["attemptCount"], failing.invoice["status"]) == (2, "paid")
    assert len(failing.declined_charges()) == 1


def test_the_dunning_days_go_on_and_end_as_the_tenant_chose(world: World) -> None:
    failing = Failing(world, world.tenant(), FINAL)
    failing.advance(8)
    assert failing.tenant.get(f"/v1/subscriptions/{failing.id}").data["state"] == "canceled"
    assert (failing.invoice["attemptCount"], len(failing.declined_charges())) == (1, 1)


@pytest.mark.parametrize("advice", ["try_again_later", "confirm_card_data", None])
def test_any_other_advice_lets_the_days_try_again(world: World, advice: str | None) -> None:
    failing = Failing(world, world.tenant(), {"decline": "do_not_honor", "advice": advice})
    failing.advance(1)
    assert (failing.invoice["attemptCount"], len(failing.declined_charges())) == (2, 2)


def test_the_payer_is_told_no_more_than_of_any_decline(world: World) -> None:
    """Advice is for whoever retries; the payer reads a decline."""
    failing = Failing(world, world.tenant(), FINAL)
    shown = failing.invoice["paymentError"]
    assert (shown["code"], shown["declineCode"]) == ("payment.declined", "do_not_honor")
    assert "final" not in shown


def test_refused_for_good_before_the_due_date_it_is_not_charged_on_it(world: World) -> None:
    """A payer with 30 days tries early, by the card that then is the default; on the due date only dunning begins."""
    tenant = world.tenant(netTermsDays=30)
    clock, customer = clocked(tenant)
    made = tenant.subscribe(None, planId=flat(tenant, "monthly", 3100), quantities={}, customerId=customer)
    (invoice,) = tenant.get("/v1/invoices", subscription=made["id"]).data
    saved = saved_method(tenant, customerId=customer)
    world.sandbox.post(f"payment_methods/{saved}/behaviour", **FINAL)
    answer = tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": saved})
    assert answer.error["code"] == "payment.declined"
    for on in ("2027-01-31T00:00:00Z", "2027-02-01T00:00:00Z"):
        advance(world, tenant, clock, on)
        late = tenant.get(f"/v1/invoices/{invoice['id']}").data
        assert (late["attemptCount"], late["paymentError"]["code"]) == (1, "payment.declined")
        assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "past_due"
    assert tenant.patch(f"/v1/subscriptions/{made['id']}", {"paymentMethodId": "pm_card_visa"}).status == 200
    advance(world, tenant, clock, "2027-02-03T00:00:00Z")
    paid = tenant.get(f"/v1/invoices/{invoice['id']}").data
    assert (paid["status"], paid["attemptCount"]) == ("paid", 2)
