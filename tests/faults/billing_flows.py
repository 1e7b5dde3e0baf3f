"""The flows of a billing engine, ready to be cut: changes, pauses, drafts, dunning, coupons, tax.

Their plans have periods of thirty days and prorate by the day, so that an amount is the same in every case.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.faults.crashes import Flow, Scene, recovery
from tests.faults.processes import Json
from tests.faults.world import Tenant, World, iso, post, step

PERIOD = timedelta(days=30)
HOUR = timedelta(hours=1)
_SWEEP = [step("sweep"), step("drain")]
_CHANGE_ROUTE = "PATCH /v1/subscriptions/{subscription_id}"
_CHARGES = "payment_intents$"
_TAX = "tax/calculations$"


def _tenant(world: World, at: datetime, **settings: Any) -> Tenant:
    return world.new_tenant(at, **({"plans": ("thirty",)} | settings))


def _subscribed(world: World, at: datetime, tenant: Tenant, **more: Any) -> Json:
    """A subscription to the plan of thirty days, paid: $49.99 and three seats of $5.00."""
    answer = world.run(at, tenant.subscribe(**({"planId": "thirty"} | more))).last()
    assert (answer["status"], answer["body"]["data"]["state"]) == (201, "active"), answer
    found: Json = answer["body"]["data"]
    return found


def _done(world: World, at: datetime, *steps: Json) -> list[Any]:
    """Steps that all go well."""
    answers = world.run(at, *steps).all()
    bad = [answer for answer in answers if isinstance(answer, dict) and answer.get("status", 200) >= 300]
    assert not bad, bad
    return answers


def _upgrade(world: World, at: datetime) -> Scene:
    tenant = _tenant(world, at)
    made = _subscribed(world, at, tenant)
    request = tenant.change(made["id"], quantities={"seats": 12}, prorationBehavior="invoice_now")
    # 20 of 30 days: 3 seats back, 12 billed: -10.00 + 40.00.
    want = {"subscriptions": [("active", 0, 0)], "cents": 6499 + 3000, "charges at Stripe": 2}
    return Scene(at + timedelta(days=10), [request], recovery(request), tenant, want)


def _shorter_interval(world: World, at: datetime) -> Scene:
    tenant = _tenant(world, at, plans=("thirty", "ninety"))
    made = _subscribed(world, at, tenant, planId="ninety")
    request = tenant.change(made["id"], planId="thirty")
    # 135.00 and 3 x 5.00 for 90 days, 80 of them back: -120.00 - 13.33; the first month: 49.99 + 15.00.
    paid = [("000001", "paid", 1), ("000002", "paid", 0)]
    want = {"invoices": paid, "balances": [12000 + 1333 - 6499], "charges at Stripe": 1}
    return Scene(at + timedelta(days=10), [request], recovery(request), tenant, want)


def _renewal_from_balance(world: World, at: datetime) -> Scene:
    tenant = _tenant(world, at)
    made = _subscribed(world, at, tenant, quantities={"seats": 9})
    fewer = tenant.change(made["id"], quantities={"seats": 3}, prorationBehavior="invoice_now")
    _done(world, at + timedelta(days=10), fewer)
    # 6 seats for 20 of 30 days are 20.00 of credit; the renewal of 64.99 takes that, and 44.99 from the card.
    want = {"balances": [0], "cents": 4999 + 4500 + 4499, "charges at Stripe": 2}
    return Scene(at + PERIOD + HOUR, _SWEEP, recovery(), tenant, want)


def _paused(world: World, at: datetime, tenant: Tenant, **more: Any) -> Json:
    """A subscription that was paused on its tenth day; the rest is credited, and waits for the next invoice."""
    made = _subscribed(world, at, tenant)
    _done(world, at + timedelta(days=10), tenant.change(made["id"], "pause", paused=True, **more))
    return made


# On day 35 the second period has 25 days left: 49.99 and 15.00 for 25 of 30 days are 41.66 + 12.50. For 20 of 30 days,
# 33.33 + 10.00 were given back.
_RESUMED = {"subscriptions": [("active", 0, 0)], "cents": 6499 + 5416 - 4333, "charges at Stripe": 2}


def _resume(world: World, at: datetime) -> Scene:
    tenant = _tenant(world, at)
    made = _paused(world, at, tenant)
    request = post("subscriptions", f"/v1/subscriptions/{made['id']}/resume", tenant.key, "resume")
    return Scene(at + timedelta(days=35), [request], recovery(request), tenant, _RESUMED)


def _automatic_resume(world: World, at: datetime) -> Scene:
    tenant = _tenant(world, at)
    _paused(world, at, tenant, resumesAt=iso(at + timedelta(days=35)))
    return Scene(at + timedelta(days=35) + HOUR, _SWEEP, recovery(), tenant, _RESUMED)


def _grace(world: World, at: datetime) -> Scene:
    """The renewal makes a draft, and an hour later it is finalized and charged."""
    tenant = _tenant(world, at, gracePeriodSeconds=3600)
    _subscribed(world, at, tenant)
    hour_later = [step("later", seconds=3700), *_SWEEP]
    again = [*recovery(), *hour_later, *recovery()]
    want = {"subscriptions": [("active", 0, 0)], "charges at Stripe": 2, "cents": 2 * 6499}
    return Scene(at + PERIOD + HOUR, [*_SWEEP, *hour_later], again, tenant, want)


def _declines(world: World, made: Json, decline: str | None) -> None:
    world.control(f"payment_methods/{made['paymentMethodId']}/behaviour", decline=decline)


def _failed_renewal(world: World, at: datetime, tenant: Tenant, pending: bool = False) -> Json:
    """A subscription whose renewal was declined: it is past due, and the first dunning step is a day later."""
    made = _subscribed(world, at, tenant)
    _declines(world, made, "insufficient_funds")
    _done(world, at + PERIOD + HOUR, *_SWEEP)
    if pending:
        _done(world, at + PERIOD + 2 * HOUR, tenant.change(made["id"], quantities={"seats": 9}))
    return made


def _dunning_succeeds(world: World, at: datetime) -> Scene:
    tenant = _tenant(world, at)
    _declines(world, _failed_renewal(world, at, tenant), None)
    invoices = [("000001", "paid", 1), ("000002", "paid", 2)]
    want = {"subscriptions": [("active", 0, 0)], "invoices": invoices, "dunning": []}
    return Scene(at + PERIOD + timedelta(days=1) + 2 * HOUR, _SWEEP, recovery(), tenant, want)


def _dunning_fails(world: World, at: datetime) -> Scene:
    tenant = _tenant(world, at)
    _failed_renewal(world, at, tenant)
    invoices = [("000001", "paid", 1), ("000002", "open", 2)]
    want = {"subscriptions": [("past_due", 0, 1)], "invoices": invoices, "dunning": [1]}
    return Scene(at + PERIOD + timedelta(days=1) + 2 * HOUR, _SWEEP, recovery(), tenant, want)


def _dunning_ends(world: World, at: datetime) -> Scene:
    """The schedule's one day: the charge fails, the subscription ends, and what waited is billed, and fails too."""
    tenant = _tenant(world, at, dunning={"scheduleDays": [1]})
    _failed_renewal(world, at, tenant, pending=True)
    invoices = [("000001", "paid", 1), ("000002", "open", 2), ("000003", "open", 1)]
    want = {"subscriptions": [("canceled", 0, 2)], "invoices": invoices, "dunning": [0, 1]}
    return Scene(at + PERIOD + timedelta(days=1) + 2 * HOUR, _SWEEP, recovery(sweeps=2), tenant, want)


def _declined_unheard(world: World, at: datetime) -> Scene:
    """Stripe declines a renewal, and its answer is lost: the webhook tells, and the sweep looks."""
    tenant = _tenant(world, at)
    made = _subscribed(world, at, tenant)
    _declines(world, made, "insufficient_funds")
    world.control("faults", kind="drop_after", method="POST", path=_CHARGES, times=50)
    world.run(at + PERIOD + HOUR, *_SWEEP).all()
    world.clear_faults()
    failed = world.event_about(tenant, "payment_intent.payment_failed")
    steps = [world.delivery(failed), step("later", seconds=100), *_SWEEP]
    invoices = [("000001", "paid", 1), ("000002", "open", 1)]
    want = {"subscriptions": [("past_due", 0, 1)], "invoices": invoices, "dunning": [0]}
    return Scene(at + PERIOD + HOUR + timedelta(seconds=5), steps, [*recovery(), steps[0]], tenant, want)


def _time_is_over(world: World, at: datetime, declined: bool) -> Scene:
    """A subscription on terms began without a card, and has one by now: the due date is when it is charged."""
    tenant = _tenant(world, at, netTermsDays=10)
    answer = world.run(at, tenant.subscribe(planId="thirty", paymentMethodId=None)).last()
    made: Json = answer["body"]["data"]
    assert (answer["status"], made["state"]) == (201, "active"), answer
    changed = _done(world, at + HOUR, tenant.change(made["id"], paymentMethodId="pm_card_visa"))[-1]["body"]["data"]
    _declines(world, changed, "insufficient_funds" if declined else None)
    stands, invoice = (("past_due", 0, 1), "open") if declined else (("active", 0, 0), "paid")
    want = {"subscriptions": [stands], "invoices": [("000001", invoice, 1)], "dunning": [0] if declined else []}
    return Scene(at + timedelta(days=10) + HOUR, _SWEEP, recovery(), tenant, want)


_GOODS = {"lines": [{"description": "Setup", "quantity": 2, "unitAmount": 7500000}], "autoCharge": True}


def _one_off(world: World, at: datetime) -> Scene:
    tenant = _tenant(world, at)
    _subscribed(world, at, tenant)
    body = _GOODS | {"customerId": tenant.customer_ids[0], "autoFinalize": True}
    request = post("invoices", "/v1/invoices", tenant.key, "goods", body)
    want = {"invoices": [("000001", "paid", 1), ("000002", "paid", 1)], "cents": 6499 + 15000}
    return Scene(at, [request], recovery(request), tenant, want)


def _finalize(world: World, at: datetime) -> Scene:
    tenant = _tenant(world, at)
    _subscribed(world, at, tenant)
    body = _GOODS | {"customerId": tenant.customer_ids[0]}
    draft = _done(world, at, post("invoices", "/v1/invoices", tenant.key, "goods", body))[-1]["body"]["data"]
    assert draft["status"] == "draft"
    request = post("invoices", f"/v1/invoices/{draft['id']}/finalize", tenant.key, "finalize")
    want = {"invoices": [("000001", "paid", 1), ("000002", "paid", 1)], "cents": 6499 + 15000}
    return Scene(at, [request], recovery(request), tenant, want)


def _limited_coupon(world: World, at: datetime) -> Scene:
    tenant = _tenant(world, at)
    terms = {"code": "LAST", "percentOff": 25, "duration": "forever", "maxRedemptions": 1}
    _done(world, at, post("coupons", "/v1/coupons", tenant.key, "coupon", terms))
    request = tenant.subscribe(planId="thirty", couponCode="last")
    # 25 % off 49.99 is 12.50, off 15.00 it is 3.75.
    want = {"redemptions": [1], "discounts": 1, "cents": 6499 - 1250 - 375}
    return Scene(at, [request], recovery(request), tenant, want)


def _tax_down(world: World, at: datetime) -> Scene:
    """The tax provider is down when the renewal comes: the draft waits, and goes out with its tax later."""
    world.clear_faults()
    address = {"line1": "1 High Street", "city": "London", "postalCode": "N1 1AA", "country": "GB"}
    tenant = _tenant(world, at, address=address, taxProvider="stripe")
    _subscribed(world, at, tenant)
    down = step(
        "stripe", method="POST", path="faults", body={"kind": "status", "status": 500, "path": _TAX, "times": 500}
    )
    well = step("stripe", method="DELETE", path="faults")
    later = [step("later", seconds=300), *_SWEEP]
    steps = [down, *_SWEEP, well, *later]
    # 20 % of 64.99 is 9.998 + 3.00: 10.00 + 3.00, twice.
    want = {"subscriptions": [("active", 0, 0)], "tax": 2 * 1300, "cents": 2 * (6499 + 1300)}
    return Scene(at + PERIOD + HOUR, steps, [well, *recovery(), *later], tenant, want)


def _void_with_balance(world: World, at: datetime) -> Scene:
    """An open invoice that used the customer's balance is void: the balance comes back."""
    tenant = _tenant(world, at)
    made = _subscribed(world, at, tenant, quantities={"seats": 9})
    fewer = tenant.change(made["id"], quantities={"seats": 3}, prorationBehavior="invoice_now")
    _done(world, at + timedelta(days=10), fewer)
    body = _GOODS | {"customerId": tenant.customer_ids[0], "autoFinalize": True, "autoCharge": False}
    (opened,) = _done(world, at + timedelta(days=10), post("invoices", "/v1/invoices", tenant.key, "goods", body))
    assert opened["body"]["data"]["balanceApplied"] == 2_000_000, opened
    request = post("invoices", f"/v1/invoices/{opened['body']['data']['id']}/void", tenant.key, "void")
    invoices = [("000001", "paid", 1), ("000002", "paid", 0), ("000003", "void", 0)]
    want = {"invoices": invoices, "balances": [2000]}
    return Scene(at + timedelta(days=11), [request], recovery(request), tenant, want)


FLOWS = (
    Flow("upgrade, charged in the request", _upgrade, route=_CHANGE_ROUTE),
    Flow("change to a shorter interval, into the balance", _shorter_interval, route=_CHANGE_ROUTE),
    Flow("renew partly out of the balance", _renewal_from_balance, keyed=False),
    Flow("resume after a credited pause", _resume, route="POST /v1/subscriptions/{subscription_id}/resume"),
    Flow("resume by the sweep", _automatic_resume, keyed=False),
    Flow("renew with a grace period", _grace, keyed=False),
    Flow("a dunning step that succeeds", _dunning_succeeds, keyed=False),
    Flow("a dunning step that fails", _dunning_fails, keyed=False),
    Flow("collect when the time to pay is over", lambda w, at: _time_is_over(w, at, declined=False), keyed=False),
    Flow(
        "fail to collect when the time to pay is over", lambda w, at: _time_is_over(w, at, declined=True), keyed=False
    ),
    Flow("the last dunning step, which cancels and bills the rest", _dunning_ends, keyed=False),
    Flow("a declined renewal, settled by webhook and sweep", _declined_unheard, keyed=False, route="stripe-event"),
    Flow("make a one-off invoice, finalized and charged", _one_off, route="POST /v1/invoices"),
    Flow("finalize a draft and charge it", _finalize, route="POST /v1/invoices/{invoice_id}/finalize"),
    Flow("void an invoice that used the balance", _void_with_balance, route="POST /v1/invoices/{invoice_id}/void"),
    Flow("create with the last redemption of a coupon", _limited_coupon, route="POST /v1/subscriptions"),
    Flow("renew while the tax provider is down", _tax_down, keyed=False),
)
