"""What the gateway knows of a call that failed (issue 11: 3, 13).

Nothing was done, nobody can say, or it never will be.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import stripe

from billing.domain.kernel.errors import PaymentMethodInvalid, Unavailable
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import PaymentStatus
from billing.domain.payments.refund import Refund, RefundStatus
from billing.integrations.stripe import http_client
from billing.integrations.stripe.gateway import StripeGateway
from billing.services.payments.processor import (
    CardDeclined,
    CustomerUnknown,
    GoneBack,
    IntentRequest,
    OutcomeUnknown,
    References,
)
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client
from tests.support.gateway import API_KEY, gateway_to, pending_payment

PRICE = Money(4_999_000, "USD")
OTHERS = "sk_test_anotheraccount01"
OURS = References("ten_1", "cus_1")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
        patch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.002)
        with SandboxServer(check_responses=True) as server:
            yield server
            assert server.sandbox is not None
            assert server.sandbox.violations == []


@pytest.fixture
def control(sandbox: SandboxServer) -> Iterator[Control]:
    yield Control(sandbox.url)
    requests.delete(f"{sandbox.url}/_sandbox/faults", timeout=60).raise_for_status()


@pytest.fixture
def customer(sandbox: SandboxServer) -> str:
    return client(sandbox, API_KEY).v1.customers.create().id


@pytest.fixture
def gateway(sandbox: SandboxServer) -> StripeGateway:
    return gateway_to(sandbox.url)


def fails(control: Control, *faults: dict[str, Any]) -> None:
    """What becomes of the next tries of a charge, one after the other."""
    for fault in faults:
        control.post("faults", method="POST", path="/v1/payment_intents$", times=1, **fault)


def make_refund(intent: str) -> Refund:
    """A refund of $0.50 that nobody has sent yet."""
    now = datetime.now(UTC)
    return Refund(
        id="re_here", tenant_id="ten_1", customer_id="cus_1", payment_id="pay_1", invoice_id=None, credit_note_id=None,
        amount=Money(50_000, "USD"), status=RefundStatus.PENDING, reason=None, idempotency_key="refund-here",
        stripe_payment_intent_id=intent, created_at=now, submitted_at=now,
    )  # fmt: skip


BUSY = {"kind": "status", "status": 429}


@pytest.mark.parametrize("api_key", ["nonsense", OTHERS])
def test_with_a_wrong_key_nothing_is_done_and_somebody_is_woken(
    sandbox: SandboxServer, customer: str, api_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Unavailable):
        gateway_to(sandbox.url, api_key).charge(pending_payment(customer, "pm_card_visa", PRICE))
    assert [record.levelname for record in caplog.records if record.levelname == "CRITICAL"]


def test_a_stripe_that_turns_the_charge_away_has_done_nothing(
    gateway: StripeGateway, control: Control, customer: str
) -> None:
    fails(control, BUSY, BUSY)
    with pytest.raises(Unavailable):
        gateway.charge(pending_payment(customer, "pm_card_visa", PRICE))


@pytest.mark.parametrize(
    "first", [{"kind": "drop_after"}, {"kind": "drop_before"}, {"kind": "status_after", "status": 500}]
)
def test_after_a_try_that_may_have_been_heard_nobody_can_say(
    gateway: StripeGateway, control: Control, customer: str, first: dict[str, Any]
) -> None:
    payment = pending_payment(customer, "pm_card_visa", PRICE)
    fails(control, first, BUSY)
    with pytest.raises(OutcomeUnknown):
        gateway.charge(payment)
    assert gateway.charge(payment).status is PaymentStatus.SUCCEEDED


def test_who_waited_for_a_lock_in_vain_had_begun() -> None:
    """Stripe answers 429 to that, too, and from behind its door."""
    turned_away = http_client._turned_away
    assert turned_away((b'{"error": {"code": "rate_limit"}}', 429, {}))  # type: ignore[arg-type]
    assert not turned_away((b'{"error": {"code": "lock_timeout"}}', 429, {}))  # type: ignore[arg-type]
    assert turned_away(("{}", 401, {}))
    assert not any(turned_away(("{}", status, {})) for status in (200, 400, 402, 404, 409, 500, 503))


def test_only_the_method_is_the_methods_fault(gateway: StripeGateway, sandbox: SandboxServer, customer: str) -> None:
    """No such method: final. No such customer: an outage, unless somebody deleted it, with its methods."""
    gone = gateway.charge(pending_payment(customer, "pm_1doesnotexist", PRICE))
    assert gone.error is not None
    assert (gone.status, gone.error.code, gone.error.final) == (
        PaymentStatus.FAILED, "validation.payment_method.invalid", True,
    )  # fmt: skip
    with pytest.raises(Unavailable):
        gateway.charge(pending_payment("cus_of_another_account", "pm_card_visa", PRICE))
    client(sandbox, API_KEY).v1.customers.delete(customer)
    dead = gateway.charge(pending_payment(customer, "pm_card_visa", PRICE))
    assert dead.error is not None
    assert dead.error.final
    for call in (
        lambda: gateway.attach("pm_card_visa", customer, "a"),
        lambda: gateway.open_setup(customer, OURS, "s"),
        lambda: gateway.open_intent(IntentRequest(PRICE, customer, OURS, False, "i")),
    ):
        with pytest.raises(CustomerUnknown):
            call()


def test_what_must_be_there_and_is_not_found_is_an_outage(sandbox: SandboxServer, customer: str) -> None:
    """What another account does not know is neither gone, nor never sent, nor refunded."""
    right, wrong = gateway_to(sandbox.url), gateway_to(sandbox.url, OTHERS)
    payment = pending_payment(customer, "pm_card_visa", PRICE)
    intent = str(right.charge(payment).intent_id)
    method = right.attach("pm_card_visa", customer, "attach-1").id
    for call in (
        lambda: wrong.find_charge(payment),
        lambda: wrong.retrieve_charge(intent),
        lambda: wrong.retrieve_customer(customer),
        lambda: wrong.gone_back(intent),
        lambda: wrong.detach(method, "detach-1"),
        lambda: wrong.attach("pm_card_visa", customer, "attach-2"),
        lambda: wrong.retrieve_dispute("du_1"),
        lambda: wrong.retrieve_refund("re_1"),
    ):
        with pytest.raises(Unavailable):
            call()
    found = right.find_charge(payment)
    assert found is not None
    assert found.intent_id == intent
    assert right.find_charge(pending_payment(customer, "pm_card_visa", PRICE)) is None


def test_a_card_that_is_declined_when_it_is_attached_is_declined(gateway: StripeGateway, customer: str) -> None:
    with pytest.raises(CardDeclined) as declined:
        gateway.attach("pm_card_visa_chargeDeclinedInsufficientFunds", customer, "poor")
    assert (declined.value.error.code, declined.value.error.decline_code) == (
        "payment.insufficient_funds", "insufficient_funds",
    )  # fmt: skip
    with pytest.raises(PaymentMethodInvalid):
        gateway.attach("pm_1doesnotexist", customer, "none")


def test_what_has_left_a_payment_is_read_whole(
    gateway: StripeGateway, sandbox: SandboxServer, control: Control, customer: str
) -> None:
    payment = pending_payment(customer, "pm_card_visa", PRICE)
    intent = str(gateway.charge(payment).intent_id)
    assert gateway.gone_back(intent) == GoneBack({}, (), ())
    refund = make_refund(intent)
    gateway.refund(refund)
    control.post(f"payment_intents/{intent}/refund", amount=100)
    control.post(f"payment_intents/{intent}/refund", amount=200)
    control.post(f"charges/{intent}/dispute", reason="fraudulent", amount=300)
    gone = gateway.gone_back(intent)
    assert {each: result.status.value for each, result in gone.ours.items()} == {refund.id: "succeeded"}
    assert sorted(each.amount.minor for each in gone.others) == [100, 200]
    assert [(each.amount.minor, each.withdrawn) for each in gone.disputes] == [(300, True)]


def test_a_charge_says_what_it_took_and_what_stripe_keeps_of_it(gateway: StripeGateway, customer: str) -> None:
    """Of 49.99, 2.9 % and 0.30 are the fee: by request, by id, and when it is found again."""
    payment = pending_payment(customer, "pm_card_visa", PRICE)
    made = gateway.charge(payment)
    assert made.taken is not None
    assert (made.taken.amount, made.taken.fee) == (PRICE, Money(175_000, "USD"))
    assert made.taken.available_on is not None
    assert gateway.retrieve_charge(str(made.intent_id))[0].taken == made.taken
    found = gateway.find_charge(payment)
    assert found is not None
    assert found.taken == made.taken
