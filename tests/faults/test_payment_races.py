"""Payers, refunds, disputes, dunning and removals of cards at the same thing at once, on DynamoDB's own semantics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.books import Books, cents
from tests.faults.payment_flows import charge, done, intent, invoice_paid, one_time, order_paid, refund
from tests.faults.processes import Answer, Json
from tests.faults.world import AT, Tenant, World, at_once, delete, post, step

EIGHT = range(8)
HOUR = timedelta(hours=1)
PERIOD = timedelta(days=30)
A_STEP = PERIOD + timedelta(days=1) + 2 * HOUR
"""The renewal failed, and the first step of dunning is due."""
TURN = step("turn", shard="00")


def _last(answers: list[Answer]) -> list[Json]:
    return [answer.last() for answer in answers]


def _statuses(books: Books, table: str) -> list[str]:
    return sorted(each["status"] for each in books.bodies(table))


def _held(path: Path, operation: str, *steps: Json) -> list[Json]:
    """A job that waits before it calls something for the first time."""
    return [step("fault", mode="hold", call=1, operations=[operation], path=str(path)), *steps]


def _meanwhile(path: Path, *steps: Json) -> list[Json]:
    """What happens while another job is held."""
    return [step("wait_for", path=f"{path}.held"), *steps, step("touch", path=str(path))]


# --- refunds ------------------------------------------------------------------------------------------------------


def _sale(world: World) -> tuple[Tenant, str, int]:
    tenant, made = order_paid(world, AT)
    return tenant, made["paymentId"], 600_000


def _invoice(world: World) -> tuple[Tenant, str, int]:
    tenant, made = invoice_paid(world, AT)
    return tenant, made["id"], 1_950_000


@pytest.mark.parametrize("arrange", [_sale, _invoice], ids=["a-sale", "an-invoice"])
def test_of_eight_refunds_of_thirty_percent_three_succeed(
    own_world: World, arrange: Callable[[World], tuple[Tenant, str, int]]
) -> None:
    tenant, payment_id, amount = arrange(own_world)
    jobs = [[refund(tenant, payment_id, f"key-{n}", amount=amount)] for n in EIGHT]
    answers = _last(at_once(own_world, AT, jobs))
    assert sorted(answer["status"] for answer in answers) == [201] * 3 + [422] * 5, answers
    refused = {answer["body"]["error"]["code"] for answer in answers if answer["status"] == 422}
    assert refused == {"billing.refund.exceeds_available"}
    books = tenant.check(AT)
    assert _statuses(books, "refunds") == ["succeeded"] * 3
    assert [each["amount"] for each in tenant.at_stripe().refunds] == [amount // 1000] * 3


def test_a_refund_here_and_one_at_stripe_take_no_more_than_there_is(own_world: World) -> None:
    tenant, made = order_paid(own_world, AT)
    at_stripe = step("bank", path=f"payment_intents/{made['paymentIntentId']}/refund", body={"amount": 1500})
    jobs = [[refund(tenant, made["paymentId"], f"key-{n}", amount=600_000)] for n in range(3)]
    answers = _last(at_once(own_world, AT, [*jobs, [at_stripe]]))
    assert {answer["status"] for answer in answers[:3]} <= {201, 422}, answers
    own_world.run(AT, tenant.deliver(), TURN).all()
    books = tenant.check(AT)
    assert sum(each["amount"] for each in tenant.at_stripe().refunds if each["status"] == "succeeded") <= 2000
    assert "succeeded" in _statuses(books, "refunds")


@pytest.mark.parametrize("arrange", [_sale, _invoice], ids=["a-sale", "an-invoice"])
def test_a_refund_that_a_dispute_overtakes_is_refused_by_stripe(
    own_world: World, tmp_path: Path, arrange: Callable[[World], tuple[Tenant, str, int]]
) -> None:
    """It is written, and not sent yet, when the payer's bank takes everything back."""
    tenant, payment_id, amount = arrange(own_world)
    (paid,) = tenant.at_stripe().intents
    disputes = step("bank", path=f"charges/{paid['id']}/dispute", body={"reason": "fraudulent"})
    jobs = [
        _held(tmp_path / "go", "POST refunds", refund(tenant, payment_id, amount=amount)),
        _meanwhile(tmp_path / "go", disputes, tenant.deliver("charge.dispute.created")),
    ]
    refunded, _ = at_once(own_world, AT, jobs)
    assert refunded.last()["body"]["data"]["status"] == "failed"
    books = tenant.check(AT)
    assert (_statuses(books, "disputes"), tenant.at_stripe().refunds) == (["needs_response"], [])
    assert books.bodies("balances") == []  # the bank has the money: nothing is left that could be credited


@pytest.mark.parametrize("arrange", [_sale, _invoice], ids=["a-sale", "an-invoice"])
def test_refunds_race_a_dispute_and_the_books_hold(
    own_world: World, arrange: Callable[[World], tuple[Tenant, str, int]]
) -> None:
    tenant, payment_id, amount = arrange(own_world)
    (paid,) = tenant.at_stripe().intents
    disputes = step("bank", path=f"charges/{paid['id']}/dispute", body={"reason": "fraudulent"})
    jobs = [[refund(tenant, payment_id, f"key-{n}", amount=amount)] for n in range(3)]
    answers = _last(at_once(own_world, AT, [*jobs, [disputes, tenant.deliver()]]))
    assert {answer["status"] for answer in answers[:3]} <= {201, 422}, answers
    own_world.run(AT + HOUR, tenant.deliver(), TURN).all()
    tenant.check(AT + HOUR)
    assert len(tenant.at_stripe().disputes) == 1


# --- forms, and who else wants the same money -------------------------------------------------------------------------


def test_two_forms_for_one_invoice_at_once_leave_one_that_can_be_paid(own_world: World) -> None:
    tenant = own_world.new_tenant(AT)
    invoice_id = done(own_world, AT, tenant.subscribe(paymentMethodId=None))["latestInvoiceId"]
    jobs = [[intent(tenant, f"key-{n}", invoiceId=invoice_id)] for n in range(4)]
    answers = _last(at_once(own_world, AT, jobs))
    assert {answer["status"] for answer in answers} <= {201, 409}, answers
    given = {answer["body"]["data"]["paymentIntentId"] for answer in answers if answer["status"] == 201}
    alive = [each["id"] for each in tenant.at_stripe().intents if each["status"] == "requires_payment_method"]
    (left,) = given.intersection(alive)
    tenant.check(AT)
    for each in given:
        own_world.run(
            AT, step("bank", path=f"payment_intents/{each}/pay", body={"payment_method": "pm_card_visa"})
        ).all()
    own_world.run(AT, tenant.deliver()).all()
    books = tenant.check(AT)
    assert [(each["status"], cents(each["amount_paid"])) for each in books.bodies("invoices")] == [("paid", 6499)]
    assert [each["payment_intent"] for each in tenant.charges()] == [left]


def _in_dunning(world: World) -> tuple[Tenant, str]:
    """A renewal failed, its payer has a form for it, and a step of dunning is due, whose card works again."""
    tenant = world.new_tenant(AT, plans=("thirty",))
    method = done(world, AT, tenant.subscribe(planId="thirty"))["paymentMethodId"]
    world.control(f"payment_methods/{method}/behaviour", decline="insufficient_funds")
    world.run(AT + PERIOD + HOUR, TURN).all()
    world.control(f"payment_methods/{method}/behaviour", decline=None)
    (unpaid,) = [each for each in tenant.check(AT + PERIOD + HOUR).bodies("invoices") if each["status"] == "open"]
    form = done(world, AT + A_STEP - HOUR, intent(tenant, "form", invoiceId=unpaid["id"]))
    return tenant, form["paymentIntentId"]


def _pays(form: str) -> Json:
    return step("bank", path=f"payment_intents/{form}/pay", body={"payment_method": "pm_card_mastercard"})


@pytest.mark.parametrize("told", [True, False], ids=["and-its-webhook-came", "and-its-webhook-comes-later"])
def test_a_payer_who_is_faster_than_dunning_pays_once(own_world: World, tmp_path: Path, told: bool) -> None:
    """The worker has seen the form, and waits before it takes it back: the payer pays."""
    tenant, form = _in_dunning(own_world)
    pays = [_pays(form), *([tenant.deliver("payment_intent.succeeded")] if told else [])]
    jobs = [
        _held(tmp_path / "go", f"POST payment_intents/{form}/cancel", TURN),
        _meanwhile(tmp_path / "go", *pays),
    ]
    assert at_once(own_world, AT + A_STEP, jobs)[0].last() == {"batchItemFailures": []}
    _paid_once(own_world, tenant)


def test_a_payer_who_is_slower_than_dunning_cannot_pay_the_old_form(own_world: World, tmp_path: Path) -> None:
    """The form is taken back at Stripe, and nobody has written it down yet: the payer pays, and is refused."""
    tenant, form = _in_dunning(own_world)
    jobs = [
        _held(tmp_path / "go", "TransactWriteItems", TURN),
        _meanwhile(tmp_path / "go", _pays(form)),
    ]
    worked, payer = at_once(own_world, AT + A_STEP, jobs)
    assert worked.last() == {"batchItemFailures": []}
    assert 400 in payer.all()
    _paid_once(own_world, tenant)


@pytest.mark.parametrize("delay_s", [0.0, 0.1])
def test_a_payer_races_dunning_and_the_invoice_is_paid_once(own_world: World, delay_s: float) -> None:
    tenant, form = _in_dunning(own_world)
    payer = [step("pause", seconds=delay_s), _pays(form), tenant.deliver("payment_intent.succeeded")]
    for answer in at_once(own_world, AT + A_STEP, [[TURN], [TURN], payer]):
        answer.all()
    _paid_once(own_world, tenant)


def _paid_once(world: World, tenant: Tenant) -> None:
    end = AT + A_STEP + HOUR
    world.run(end, tenant.deliver(), TURN).all()
    books = tenant.check(end)
    assert _statuses(books, "invoices") == ["paid", "paid"]
    assert [each["state"] for each in books.bodies("subscriptions")] == ["active"]
    assert [charged["amount"] for charged in tenant.charges()] == [6499, 6499]
    assert books.bodies("balances") == []


def test_a_payer_at_the_last_moment_pays_a_form_that_is_being_taken_back(own_world: World, tmp_path: Path) -> None:
    tenant = own_world.new_tenant(AT, plans=())
    form = done(own_world, AT, intent(tenant, **one_time(tenant, orderId="ord_1")))["paymentIntentId"]
    end = AT + timedelta(hours=24, minutes=1)
    jobs = [
        _held(tmp_path / "go", f"POST payment_intents/{form}/cancel", TURN),
        _meanwhile(tmp_path / "go", _pays(form)),
    ]
    assert at_once(own_world, end, jobs)[0].last() == {"batchItemFailures": []}
    own_world.run(end, tenant.deliver(), TURN).all()
    books = tenant.check(end)
    assert (_statuses(books, "payments"), len(tenant.charges())) == (["succeeded"], 1)


@pytest.mark.parametrize("body", [{"paymentMethodId": "pm_card_visa"}, {}], ids=["a-charge", "a-form"])
def test_eight_clients_with_one_key_get_one_answer(own_world: World, body: Json) -> None:
    tenant = own_world.new_tenant(AT, plans=())
    request = intent(tenant, **one_time(tenant, orderId="ord_1", **body))
    answers = _last(at_once(own_world, AT, [[request] for _ in EIGHT]))
    assert [answer["status"] for answer in answers] == [201] * 8, answers
    assert [answer["body"] for answer in answers] == [answers[0]["body"]] * 8
    assert len(tenant.check(AT).bodies("payments")) == len(tenant.at_stripe().intents) == 1


def test_a_webhook_the_sweep_and_a_retry_settle_a_sale_once(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, plans=())
    request = charge(tenant, **one_time(tenant, paymentMethodId="pm_card_visa"))
    own_world.control("faults", kind="drop_after", method="POST", path="payment_intents$", times=50)
    own_world.run(AT, request).all()
    own_world.clear_faults()
    later = AT + timedelta(seconds=90)
    webhook = [tenant.deliver("payment_intent.succeeded")]
    answers = [answer.last() for answer in at_once(own_world, later, [webhook, webhook, [TURN], [TURN], [request]])]
    assert answers[-1]["status"] == 201, answers[-1]
    assert [outcome for _, _, outcome in answers[0] + answers[1]].count("applied") <= 1
    books = tenant.check(later)
    assert _statuses(books, "payments") == ["succeeded"]
    assert len(own_world.charges()) == 1


# --- saved methods ------------------------------------------------------------------------------------------------


def _renewing(world: World) -> tuple[Tenant, str]:
    """A subscription that is due, paid by its customer's default method; there is another one."""
    tenant = world.new_tenant(AT, plans=("thirty",))
    default = done(world, AT, tenant.subscribe(planId="thirty"))["paymentMethodId"]
    done(world, AT, charge(tenant, "other", **one_time(tenant, paymentMethodId="pm_card_mastercard")))
    return tenant, default


def _removes(tenant: Tenant, method_id: str) -> Json:
    return delete("payments", f"/v1/payment-methods/{method_id}", tenant.key, f"remove-{method_id}")


def test_a_card_that_is_removed_while_it_is_charged_is_followed_by_the_other(own_world: World, tmp_path: Path) -> None:
    """The renewal's attempt is written with the card that is gone when Stripe is asked."""
    tenant, default = _renewing(own_world)
    jobs = [
        _held(tmp_path / "go", "POST payment_intents", TURN),
        _meanwhile(tmp_path / "go", _removes(tenant, default)),
    ]
    worked, removed = at_once(own_world, AT + PERIOD + HOUR, jobs)
    assert worked.last() == {"batchItemFailures": []}
    assert 200 in [answer["status"] for answer in removed.all() if isinstance(answer, dict)]
    soon = AT + PERIOD + HOUR + timedelta(seconds=90)
    own_world.run(soon, TURN).all()  # the subscription has changed under the worker, and the sweep settles its charge
    assert _statuses(tenant.check(soon, methods=True), "payments") == ["failed", "succeeded", "succeeded"]
    own_world.run(AT + A_STEP, TURN).all()
    books = tenant.check(AT + A_STEP, methods=True)
    assert _statuses(books, "invoices") == ["paid", "paid"]
    assert sorted(charged["amount"] for charged in tenant.charges()) == [2000, 6499, 6499]


def test_a_removal_races_the_renewal_and_it_is_charged_once(own_world: World) -> None:
    tenant, default = _renewing(own_world)
    answers = at_once(own_world, AT + PERIOD + HOUR, [[TURN], [_removes(tenant, default)], [TURN]])
    assert answers[1].last()["status"] == 200, answers[1]
    for at in (PERIOD + 2 * HOUR, A_STEP, A_STEP + HOUR):
        own_world.run(AT + at, tenant.deliver(), TURN).all()
    books = tenant.check(AT + A_STEP + HOUR, methods=True)
    assert _statuses(books, "invoices") == ["paid", "paid"]
    assert sorted(charged["amount"] for charged in tenant.charges()) == [2000, 6499, 6499]


def test_methods_chosen_and_removed_at_once_leave_a_default_that_is_there(own_world: World) -> None:
    tenant, _ = _renewing(own_world)
    done(own_world, AT, charge(tenant, "third", **one_time(tenant, paymentMethodId="pm_card_amex")))
    first, second, third = (each["id"] for each in tenant.books(AT).bodies("payment_methods"))
    chosen = post("payments", f"/v1/payment-methods/{second}/set-default", tenant.key, "choose")
    jobs = [[_removes(tenant, first)], [chosen], [_removes(tenant, second)]]
    answers = _last(at_once(own_world, AT, jobs))
    assert {answer["status"] for answer in answers} <= {200, 400, 409}, answers
    again = own_world.run(AT + timedelta(seconds=20), _removes(tenant, first), _removes(tenant, second)).all()
    assert [answer["status"] for answer in again] == [200, 200], again
    books = tenant.check(AT + timedelta(seconds=20), methods=True)
    assert books.bodies("customers")[-1]["default_payment_method_id"] == third
