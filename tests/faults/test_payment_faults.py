"""Stripe slow, busy, broken or cut off at each call of payments, refunds and saved methods; its webhooks in any order.

What moves money may wait, and is never done twice; what moves none is refused, and leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.stripe_sandbox.testing import wait_for
from tests.faults.books import AtStripe, Books, cents
from tests.faults.illness import UNKNOWN, broken
from tests.faults.overtaking import overtaking_webhooks
from tests.faults.payment_flows import charge, done, intent, invoice_paid, one_time, order_paid, refund
from tests.faults.processes import Driver, Json
from tests.faults.stack import Stack
from tests.faults.world import AT, Tenant, World, delete, post, step

LATER = timedelta(seconds=90)
INTENTS, REFUNDS = r"/v1/payment_intents$", r"/v1/refunds$"


def _turn(world: World, at: datetime) -> None:
    world.run(at, step("turn", shard="00")).all()


# --- calls that move money ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Money:
    """A call that moves money, and what comes of it.

    Args:
        arrange: makes the tenant, and the request.
        table: where its attempt is.
        moved: what Stripe has done, an entry for each time.
        undecided: how the request is answered while nobody knows.
    """

    name: str
    arrange: Callable[[World, datetime], tuple[Tenant, Json]]
    path: str
    table: str
    moved: Callable[[AtStripe], list[Json]]
    undecided: int


def _charge(world: World, at: datetime) -> tuple[Tenant, Json]:
    tenant = world.new_tenant(at, plans=())
    return tenant, charge(tenant, **one_time(tenant, paymentMethodId="pm_card_visa"))


def _intent(world: World, at: datetime) -> tuple[Tenant, Json]:
    tenant = world.new_tenant(at, plans=())
    return tenant, intent(tenant, **one_time(tenant, orderId="ord_1", paymentMethodId="pm_card_visa"))


def _refund(world: World, at: datetime) -> tuple[Tenant, Json]:
    tenant, made = order_paid(world, at)
    return tenant, refund(tenant, made["paymentId"], amount=500_000)


def _credit(world: World, at: datetime) -> tuple[Tenant, Json]:
    tenant, made = invoice_paid(world, at)
    return tenant, refund(tenant, made["id"], amount=500_000)


def _taken(stripe: AtStripe) -> list[Json]:
    return stripe.taken


def _sent_back(stripe: AtStripe) -> list[Json]:
    return stripe.refunds


CHARGE = Money("charge an amount", _charge, INTENTS, "payments", _taken, 503)
INTENT = Money("an intent by a card", _intent, INTENTS, "payments", _taken, 503)
REFUND = Money("refund a sale", _refund, REFUNDS, "refunds", _sent_back, 201)
CREDIT = Money("refund an invoice", _credit, REFUNDS, "refunds", _sent_back, 201)


@pytest.mark.parametrize("fault", UNKNOWN)
@pytest.mark.parametrize("call", [CHARGE, INTENT, REFUND, CREDIT], ids=lambda call: call.name.replace(" ", "-"))
def test_money_without_an_answer_is_pending_until_the_sweep_settles_it(
    world: World, at: datetime, call: Money, fault: str
) -> None:
    tenant, request = call.arrange(world, at)
    broken(world, call.path, fault)
    answer = world.run(at, request).last()
    assert answer["status"] == call.undecided, answer
    assert [each["status"] for each in tenant.books(at).bodies(call.table)] == ["pending"]
    world.clear_faults()
    if fault == "slow":
        wait_for(lambda: call.moved(tenant.at_stripe()))  # it holds its key at Stripe until it is done
    _turn(world, at + LATER)
    books = tenant.check(at + LATER)
    assert [each["status"] for each in books.bodies(call.table)] == ["succeeded"]
    again, replay = world.run(at + LATER, request, request).all()
    told = "succeeded" if call.undecided == 503 else "pending"  # that a refund takes its time is an answer
    assert (again["status"], again["body"]["data"]["status"]) == (201, told)
    assert replay["body"] == again["body"]
    assert len(call.moved(tenant.at_stripe())) == 1


def _outcome(books: Books) -> tuple[list[str], list[str], list[int]]:
    names = ("payments", "refunds")
    statuses = [[each["status"] for each in books.bodies(name)] for name in names]
    return statuses[0], statuses[1], [cents(each["amount"]) for each in books.bodies("balances")]


@pytest.mark.parametrize(
    ("call", "fault", "ended"),
    [
        (CHARGE, "drop-after", (["succeeded"], [], [])),
        (CHARGE, "drop-before", (["failed"], [], [])),
        (CREDIT, "drop-after", (["succeeded"], ["succeeded"], [])),
        (CREDIT, "drop-before", (["succeeded"], ["failed"], [500])),  # what the credit note promised is in the balance
    ],
    ids=lambda each: each.name.replace(" ", "-") if isinstance(each, Money) else None,
)
def test_after_24_hours_money_is_looked_for_and_never_sent_again(
    world: World, at: datetime, call: Money, fault: str, ended: Any
) -> None:
    tenant, request = call.arrange(world, at)
    broken(world, call.path, fault)
    world.run(at, request).all()
    world.clear_faults()
    sent = _posts(world, call.path)
    late = at + timedelta(hours=24, minutes=1)
    _turn(world, late)
    assert _posts(world, call.path) == sent
    assert _outcome(tenant.check(late)) == ended


def _posts(world: World, path: str) -> int:
    """How many requests there were, whatever their key."""
    return len([each for each in world.requests() if each["method"] == "POST" and path.startswith(each["path"])])


# --- calls that move none -----------------------------------------------------------------------------------------


def _form(world: World, at: datetime) -> tuple[Tenant, Json]:
    tenant = world.new_tenant(at, plans=())
    return tenant, intent(tenant, **one_time(tenant, orderId="ord_1"))


def _invoice_form(world: World, at: datetime) -> tuple[Tenant, Json]:
    tenant = world.new_tenant(at)
    made = done(world, at, tenant.subscribe(paymentMethodId=None))
    return tenant, intent(tenant, invoiceId=made["latestInvoiceId"])


def _setup(world: World, at: datetime) -> tuple[Tenant, Json]:
    tenant = world.new_tenant(at, plans=())
    body = {"customerId": tenant.customer_ids[0]}
    return tenant, post("payments", "/v1/payment-methods/setup", tenant.key, "setup", body)


def _removal(world: World, at: datetime) -> tuple[Tenant, Json]:
    tenant, _ = order_paid(world, at)
    (method,) = tenant.books(at).bodies("payment_methods")
    return tenant, delete("payments", f"/v1/payment-methods/{method['id']}", tenant.key, "remove")


@pytest.mark.parametrize("fault", ["status-500", "drop-after"])
@pytest.mark.parametrize(
    ("arrange", "path"),
    [(_form, INTENTS), (_invoice_form, INTENTS), (_setup, r"/v1/setup_intents$")],
    ids=["an-orders-form", "an-invoices-form", "setup"],
)
def test_what_moves_no_money_is_a_503_that_leaves_nothing_and_the_retry_makes_it_once(
    world: World, at: datetime, arrange: Callable[[World, datetime], tuple[Tenant, Json]], path: str, fault: str
) -> None:
    tenant, request = arrange(world, at)
    before = tenant.books(at).rows
    broken(world, path, fault)
    answer = world.run(at, request).last()
    assert answer["status"] == 503, answer
    assert int(answer["headers"]["Retry-After"]) > 0
    assert tenant.books(at).rows == before
    world.clear_faults()
    again, replay = world.run(at + timedelta(seconds=5), request, request).all()
    assert again["status"] in (200, 201), again
    assert replay["body"] == again["body"]
    tenant.check(at + timedelta(seconds=5), methods=True)
    stripe = tenant.at_stripe()
    waiting = [each for each in stripe.intents if each["status"] == "requires_payment_method"]
    setups = [each for each in world.listed("setup_intents", tenant.since) if _names(each, tenant)]
    assert len(waiting) + len(setups) == 1


@pytest.mark.parametrize("fault", ["status-500", "drop-after"])
def test_a_method_is_removed_here_and_at_stripe_once_that_is_well_again(world: World, at: datetime, fault: str) -> None:
    tenant, request = _removal(world, at)
    broken(world, r"/detach$", fault)
    answer = world.run(at, request).last()
    assert answer["status"] == 200, answer
    (gone,) = tenant.books(at).bodies("payment_methods")
    assert (gone["detached_at"] is None, gone["detaching"], gone.get("card")) == (False, True, None)
    world.clear_faults()
    later = at + timedelta(seconds=90)
    replay, *_ = world.run(later, request, step("sweep"), step("drain")).all()
    assert replay["body"] == answer["body"]
    (gone,) = tenant.check(later, methods=True).bodies("payment_methods")
    assert (gone["detaching"], gone["due"]) == (False, None)


def _names(at_stripe: Json, tenant: Tenant) -> bool:
    return bool(at_stripe["metadata"].get("tenant_id") == tenant.id)


# --- webhooks: lost, before the answer, in any order and number -----------------------------------------------------


def test_without_its_webhook_a_form_that_was_paid_is_found_when_its_day_is_over(world: World, at: datetime) -> None:
    tenant, request = _form(world, at)
    _, paid = world.run(at, request, step("payer", act="pay", body={"payment_method": "pm_card_visa"})).all()
    assert paid == 200
    end = at + timedelta(hours=24, minutes=1)
    _turn(world, end)
    (payment,) = tenant.check(end).bodies("payments")
    assert (payment["status"], payment["settled_by"]) == ("succeeded", "sweep")


@pytest.mark.parametrize("succeed", [True, False])
def test_without_its_webhook_an_authentication_is_found_within_the_hour(
    world: World, at: datetime, succeed: bool
) -> None:
    tenant = world.new_tenant(at, plans=())
    request = intent(tenant, **one_time(tenant, paymentMethodId="pm_card_threeDSecure2Required"))
    world.run(at, request).all()
    _turn(world, at + LATER)  # still nothing: the payer takes its time
    assert [each["status"] for each in tenant.check(at + LATER).bodies("payments")] == ["requires_action"]
    (waiting,) = tenant.at_stripe().intents
    world.control(f"payment_intents/{waiting['id']}/authenticate", succeed=succeed)
    end = at + timedelta(hours=1, minutes=5)
    _turn(world, end)
    (payment,) = tenant.check(end).bodies("payments")
    assert (payment["status"], payment["settled_by"]) == ("succeeded" if succeed else "failed", "sweep")


@pytest.mark.parametrize("succeed", [True, False])
def test_without_its_webhook_a_slow_banks_refund_is_found_within_six_hours(
    world: World, at: datetime, succeed: bool
) -> None:
    tenant, made = invoice_paid(world, at, "pm_card_pendingRefund")
    assert done(world, at, refund(tenant, made["id"], amount=500_000))["status"] == "pending"
    _turn(world, at + LATER)
    (theirs,) = tenant.at_stripe().refunds
    world.control(f"refunds/{theirs['id']}/finish", succeed=succeed)
    end = at + timedelta(hours=6, minutes=5)
    _turn(world, end)
    books = tenant.check(end)
    wanted = (["succeeded"], ["succeeded"], []) if succeed else (["succeeded"], ["failed"], [500])
    assert _outcome(books) == wanted


def test_webhooks_that_overtake_their_answers_change_nothing(stack: Stack, beside: Driver) -> None:
    """Stripe delivers before it answers: whoever comes second finds it done."""
    with overtaking_webhooks(stack, beside) as (tenant, delivered):
        world = tenant.world
        charged, action, bought = world.run(
            AT,
            charge(tenant, **one_time(tenant, paymentMethodId="pm_card_visa")),
            intent(tenant, **one_time(tenant, paymentMethodId="pm_card_threeDSecure2Required")),
            tenant.subscribe(paymentMethodId="pm_card_mastercard"),
        ).all()
        (of_invoice,) = [p for p in tenant.books(AT).bodies("payments") if p["invoice_id"]]
        method_id = bought["body"]["data"]["paymentMethodId"]
        refunded, removed = world.run(
            AT,
            refund(tenant, of_invoice["id"], amount=500_000),
            delete("payments", f"/v1/payment-methods/{method_id}", tenant.key, "remove"),
        ).all()
    answers = (charged, action, bought, refunded, removed)
    assert [answer["status"] for answer in answers] == [201] * 4 + [200], answers
    statuses = [answer["body"]["data"].get("status") for answer in answers]
    assert statuses == ["succeeded", "requires_action", None, "succeeded", None]
    assert bought["body"]["data"]["state"] == "active"
    assert [each["body"]["outcome"] for each in delivered].count("applied") >= 6, delivered
    tenant.check(AT, methods=True)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_webhooks_in_any_order_and_number_end_in_the_same_books(world: World, at: datetime, seed: int) -> None:
    """A week of Stripe's events, of which none came in time, each three times; what is not appliable comes again."""
    tenant = _week(world, at)
    late = at + timedelta(days=2)
    outcomes = world.run(late, tenant.deliver(copies=3, shuffle=seed)).last()
    assert {status for _, status, _ in outcomes} <= {200, 500}, outcomes
    outcomes = world.run(late, tenant.deliver(), tenant.deliver(copies=2, shuffle=seed)).last()
    assert {outcome for _, status, outcome in outcomes if status != 200} == set(), outcomes
    books = tenant.check(late, methods=True)
    assert sorted(each["status"] for each in books.bodies("payments")) == ["succeeded"] * 4
    assert sorted(each["status"] for each in books.bodies("refunds")) == ["failed", "succeeded", "succeeded"]
    assert sorted(each["status"] for each in books.bodies("disputes")) == ["lost", "won"]
    assert len([each for each in books.bodies("payment_methods") if each["detached_at"]]) == 1
    assert books.event_types()["payment.succeeded"] == 4


def _week(world: World, at: datetime) -> Tenant:
    """Forms, 3-D Secure, refunds here and at Stripe, two disputes, methods that come and go; nothing told yet."""
    tenant = world.new_tenant(at)
    card = {"payment_method": "pm_card_visa"}
    form = intent(tenant, "form", **one_time(tenant, savePaymentMethod=True))
    setup = post("payments", "/v1/payment-methods/setup", tenant.key, "setup", {"customerId": tenant.customer_ids[0]})
    answers = world.run(
        at,
        tenant.subscribe(paymentMethodId="pm_card_pendingRefund"),
        form,
        step("payer", act="pay", body=card),
        intent(tenant, "secure", **one_time(tenant, paymentMethodId="pm_card_threeDSecure2Required")),
        step("payer", act="authenticate", body={"succeed": True}),
        setup,
        step("payer", act="complete", body={"payment_method": "pm_card_mastercard"}),
        charge(tenant, "sale", **one_time(tenant, paymentMethodId="pm_card_visa")),
    ).all()
    assert [each for each in answers if isinstance(each, int)] == [200] * 3
    sale = answers[-1]["body"]["data"]
    (billed,) = [each for each in tenant.books(at).bodies("payments") if each["invoice_id"]]
    made = world.run(
        at, refund(tenant, sale["id"], "part", amount=100_000), refund(tenant, billed["id"], amount=200_000)
    ).all()
    assert [each["body"]["data"]["status"] for each in made] == ["succeeded", "pending"]
    (slow,) = [each for each in tenant.at_stripe().refunds if each["status"] == "pending"]
    world.control(f"refunds/{slow['id']}/finish", succeed=False)
    world.control(f"payment_intents/{sale['paymentIntentId']}/refund", amount=150)
    for bought, outcome in ((answers[1], "won"), (answers[3], "lost")):
        paid = bought["body"]["data"]["paymentIntentId"]
        dispute = world.control(f"charges/{paid}/dispute", reason="fraudulent")
        world.control(f"disputes/{dispute['id']}/close", status=outcome)
    world.control(f"payment_methods/{answers[0]['body']['data']['paymentMethodId']}/detach")
    return tenant
