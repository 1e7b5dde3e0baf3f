"""Refunds at Stripe: once under their key, looked up where no answer came, settled by whoever learns the outcome."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import stripe

from billing.domain.customers.balance import Balance
from billing.domain.kernel.due import clock_shard
from billing.domain.kernel.errors import InvalidState, RefundExceedsAvailable, Unavailable, ValidationFailed
from billing.domain.kernel.money import Money
from billing.domain.ledger import LedgerEntry
from billing.domain.payments.payment import Payment, PaymentStatus
from billing.domain.payments.refund import Refund, RefundResult, RefundStatus
from billing.integrations.stripe.gateway import StripeGateway
from billing.services.clocks.shards import DueShards
from billing.services.kernel.work import Found, Ref
from billing.services.payments.processor import OutcomeUnknown
from billing.services.payments.refunds import Refunder, RefundRequest
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client
from tests.support.gateway import API_KEY, gateway_to, pending_payment

AT = datetime(2026, 11, 21, 22, tzinfo=UTC)
PRICE, PART, CENT, NOTHING = (Money(micros, "USD") for micros in (4_999_000, 1_999_000, 1_000, 0))
PENDING, SUCCEEDED, FAILED = RefundStatus
_ids = count(1)


@dataclass
class Memory:
    """A unit of work over a dict: what is saved is there at once."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    client_key: str | None = "order-17"
    stored: dict[tuple[type, str], Any] = field(default_factory=dict)
    events: list[tuple[str, Any]] = field(default_factory=list)
    tenant: Any = field(default_factory=lambda: SimpleNamespace(id="ten_1"))

    def fresh_id(self, prefix: str) -> str:
        return f"{prefix}_{next(_ids)}"

    def load(self, *refs: Ref[Any]) -> Found:
        return Found({ref: self.stored[ref.kind, ref.id] for ref in refs if (ref.kind, ref.id) in self.stored})

    def save(self, entity: Any) -> Any:
        self.stored[type(entity), entity.id] = entity
        return entity

    def emit(self, event_type: str, entity: Any) -> None:
        self.events.append((event_type, entity.id))

    @property
    def booked(self) -> list[str]:
        return [entity.kind for entity in self.stored.values() if isinstance(entity, LedgerEntry)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)  # the SDK waits between its tries; here nobody has to
        patch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.002)
        with SandboxServer(check_responses=True) as server:
            yield server
            assert server.sandbox is not None
            assert server.sandbox.violations == []


@pytest.fixture(scope="module")
def api(sandbox: SandboxServer) -> stripe.StripeClient:
    return client(sandbox, API_KEY)


@pytest.fixture
def control(sandbox: SandboxServer) -> Iterator[Control]:
    yield Control(sandbox.url)
    requests.delete(f"{sandbox.url}/_sandbox/faults", timeout=60).raise_for_status()


@pytest.fixture(scope="module")
def gateway(sandbox: SandboxServer) -> StripeGateway:
    return gateway_to(sandbox.url)


@pytest.fixture
def failures() -> list[tuple[str, datetime]]:
    return []


@pytest.fixture
def refunder(gateway: StripeGateway, failures: list[tuple[str, datetime]]) -> Refunder:
    return Refunder(gateway, DueShards(16), 60, lambda work, refund, kept, at: failures.append((refund.id, at)))


@pytest.fixture
def work() -> Any:
    return Memory()


def paid(gateway: StripeGateway, api: stripe.StripeClient, card: str = "pm_card_visa", price: Money = PRICE) -> Payment:
    payment = pending_payment(api.v1.customers.create().id, card, price)
    answer = gateway.charge(payment)
    return replace(payment, status=answer.status, stripe_payment_intent_id=answer.intent_id)


@pytest.fixture
def payment(gateway: StripeGateway, api: stripe.StripeClient) -> Payment:
    return paid(gateway, api)


def refunds_of(api: stripe.StripeClient, payment: Payment) -> list[stripe.Refund]:
    return api.v1.refunds.list({"payment_intent": str(payment.stripe_payment_intent_id)}).data


# What Stripe is asked for


def test_a_part_goes_back_and_carries_its_ids(
    refunder: Refunder, work: Any, payment: Payment, api: stripe.StripeClient
) -> None:
    refund = refunder.attempt(work, RefundRequest(payment, PART, "duplicate", "cn_1"), AT)
    settled = refunder.settle(work, refund, refunder.send(refund), AT)
    (made,) = refunds_of(api, payment)
    assert (settled.status, settled.stripe_refund_id, settled.due) == (SUCCEEDED, made.id, None)
    assert (made.amount, made.currency, made.reason) == (1999, "usd", "duplicate")
    assert made.metadata is not None
    assert made.metadata.to_dict() == {
        "tenant_id": "ten_1", "refund_id": refund.id, "payment_id": payment.id, "customer_id": "cus_1",
    }  # fmt: skip


def test_the_tenants_own_words_stay_here(
    refunder: Refunder, work: Any, payment: Payment, api: stripe.StripeClient
) -> None:
    refund = refunder.attempt(work, RefundRequest(payment, PART, "Zoë was unhappy"), AT)
    assert refunder.send(refund).status is SUCCEEDED
    assert (refund.reason, refunds_of(api, payment)[0].reason) == ("Zoë was unhappy", None)


def test_the_key_is_the_clients_then_tenant_and_refund(refunder: Refunder, work: Any, payment: Payment) -> None:
    refund = refunder.attempt(work, RefundRequest(payment, PART), AT)
    assert refund.idempotency_key == f"order-17:ten_1:refund:{refund.id}"


def test_the_same_refund_sent_again_happens_once(
    refunder: Refunder, work: Any, payment: Payment, api: stripe.StripeClient
) -> None:
    refund = refunder.attempt(work, RefundRequest(payment, PART), AT)
    assert refunder.send(refund) == refunder.send(refund)
    assert len(refunds_of(api, payment)) == 1


def test_more_than_is_left_fails(refunder: Refunder, work: Any, payment: Payment, api: stripe.StripeClient) -> None:
    refunder.send(refunder.attempt(work, RefundRequest(payment, PRICE), AT))
    second = refunder.attempt(work, RefundRequest(payment, PART), AT)
    assert refunder.send(second) == RefundResult(FAILED, None, "charge_already_refunded")
    assert len(refunds_of(api, payment)) == 1


def test_a_part_too_much_fails_too(refunder: Refunder, work: Any, payment: Payment) -> None:
    """For this Stripe has no code."""
    refunder.send(refunder.attempt(work, RefundRequest(payment, PART), AT))
    second = refunder.attempt(work, RefundRequest(payment, PRICE), AT)
    assert refunder.send(second) == RefundResult(FAILED, None, "refused")


@pytest.mark.parametrize("status", [s for s in PaymentStatus if s is not PaymentStatus.SUCCEEDED])
def test_what_was_not_paid_is_not_refunded(
    refunder: Refunder, work: Any, payment: Payment, status: PaymentStatus
) -> None:
    with pytest.raises(InvalidState):
        refunder.attempt(work, RefundRequest(replace(payment, status=status), PART), AT)
    assert work.stored == {}


@pytest.mark.parametrize(
    ("amount", "of", "reason"),
    [
        (Money(0, "USD"), PRICE, "not_positive"),
        (Money(-1000, "USD"), PRICE, "not_positive"),
        (Money(1_234_000, "KWD"), Money(5_120_000, "KWD"), "not_chargeable_in_currency"),
    ],
)
def test_an_amount_that_cannot_go_back_is_refused(
    refunder: Refunder, work: Any, payment: Payment, amount: Money, of: Money, reason: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        refunder.attempt(work, RefundRequest(replace(payment, amount=of), amount), AT)
    assert [(d.field, d.reason) for d in refused.value.details] == [("amount", reason)]
    assert work.stored == {}


@pytest.mark.parametrize(
    "taken",
    [
        {},
        {"refunds": {"re_0": PRICE - PART + CENT}},
        {"disputed": {"dp_0": PRICE - PART + CENT}},
        {"refunds": {"re_0": PRICE - PART}, "disputed": {"dp_0": CENT}},
    ],
    ids=["more than it was", "refunded before", "disputed", "both"],
)
def test_more_than_is_left_of_the_payment_is_refused(
    refunder: Refunder, work: Any, payment: Payment, taken: dict[str, Any]
) -> None:
    wanted = PART if taken else PRICE + CENT
    with pytest.raises(RefundExceedsAvailable) as refused:
        refunder.attempt(work, RefundRequest(replace(payment, **taken), wanted), AT)
    reason = "disputed" if "disputed" in taken else "above_what_is_left"
    assert [(d.field, d.reason) for d in refused.value.details] == [("amount", reason)]
    assert work.stored == {}


def test_what_a_refund_takes_is_held_back_until_it_fails(refunder: Refunder, work: Any, payment: Payment) -> None:
    refund = refunder.attempt(work, RefundRequest(payment, PART), AT)
    held = work.stored[Payment, payment.id]
    assert (held.amount_refunded, held.refundable) == (PART, PRICE - PART)
    refunder.settle(work, refund, RefundResult(FAILED, None, "refused"), AT)
    assert work.stored[Payment, payment.id].refundable == PRICE


# What was paid too much


@pytest.fixture
def overpaid(work: Any, payment: Payment) -> Payment:
    """19.99 of the payment were too much for its invoice, and went to the customer's balance."""
    work.save(Balance.empty("ten_1", "cus_1", "USD").used(-PART))
    return replace(payment, invoice_id="in_1", excess=PART)


def test_what_was_paid_too_much_comes_off_the_balance_and_back_when_it_fails(
    refunder: Refunder, work: Any, overpaid: Payment
) -> None:
    refund = refunder.attempt(work, RefundRequest(overpaid, PART, from_balance=True), AT)
    assert (work.stored[Balance, "cus_1"].amount, work.stored[Payment, overpaid.id].excess) == (NOTHING, NOTHING)
    refunder.settle(work, refund, RefundResult(FAILED, None, "refused"), AT)
    assert (work.stored[Balance, "cus_1"].amount, work.stored[Payment, overpaid.id].excess) == (PART, PART)
    assert work.booked == ["balance_used", "balance_used"]


def test_what_the_customer_has_used_meanwhile_is_not_paid_out(refunder: Refunder, work: Any, overpaid: Payment) -> None:
    work.save(work.stored[Balance, "cus_1"].used(CENT))
    with pytest.raises(RefundExceedsAvailable) as refused:
        refunder.attempt(work, RefundRequest(overpaid, PART, from_balance=True), AT)
    assert [d.reason for d in refused.value.details] == ["above_what_is_left_in_the_balance"]


# No answer


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "status"])
def test_without_an_answer_it_stays_pending_and_the_alarm_clock_finds_out(
    refunder: Refunder, work: Any, payment: Payment, api: stripe.StripeClient, control: Control, kind: str
) -> None:
    more = {"status": 503} if kind == "status" else {}
    control.post("faults", kind=kind, method="POST", path="^/v1/refunds$", times=2, **more)
    refund = refunder.attempt(work, RefundRequest(payment, PART), AT)
    refund = refunder.settle(work, refund, refunder.send(refund), AT)
    assert (refund.status, refund.due) == (PENDING, work.stored[Refund, refund.id].due)
    assert refund.due is not None
    assert refund.due.at == work.now + timedelta(seconds=60)
    work.now = refund.due.at
    assert refunder.settle_refund(work, refund.id, work.now) is None
    assert work.stored[Refund, refund.id].status is SUCCEEDED
    assert len(refunds_of(api, payment)) == 1


def test_our_own_credentials_make_it_wait(refunder: Refunder, work: Any, payment: Payment, sandbox: Any) -> None:
    refund = refunder.attempt(work, RefundRequest(payment, PART), AT)
    locked_out = gateway_to(sandbox.url, api_key="sk_live_wrong")
    with pytest.raises(OutcomeUnknown):
        locked_out.refund(refund)


@pytest.mark.parametrize("reached_stripe", [True, False])
def test_after_a_day_it_is_looked_for_and_never_sent_again(
    refunder: Refunder, work: Any, payment: Payment, api: stripe.StripeClient, reached_stripe: bool
) -> None:
    """Stripe has forgotten the key by then: the same request would refund twice."""
    other = refunder.attempt(work, RefundRequest(payment, Money(1_000_000, "USD")), AT)
    refunder.send(other)
    refund = refunder.attempt(work, RefundRequest(payment, PART, None, "cn_1"), AT)
    if reached_stripe:
        refunder.send(refund)
    work.now += timedelta(hours=23, minutes=1)
    before = len(refunds_of(api, payment))
    assert refunder.settle_refund(work, refund.id, work.now) is None
    found = work.stored[Refund, refund.id]
    expected = (SUCCEEDED, None) if reached_stripe else (FAILED, "not_sent")
    assert (found.status, found.failure_reason) == expected
    assert len(refunds_of(api, payment)) == before


def test_while_stripe_cannot_be_asked_it_stays_due(
    refunder: Refunder, work: Any, payment: Payment, control: Control
) -> None:
    control.post("faults", kind="status", path="^/v1/refunds", times=99, status=503)
    refund = refunder.attempt(work, RefundRequest(payment, PART), AT)
    with pytest.raises(OutcomeUnknown):
        refunder.settle_refund(work, refund.id, work.now + timedelta(minutes=1))
    work.now += timedelta(hours=24)
    with pytest.raises(Unavailable):
        refunder.settle_refund(work, refund.id, work.now)
    assert work.stored[Refund, refund.id] == refund


# Outcomes


def test_success_moves_the_books_and_tells(refunder: Refunder, work: Any, payment: Payment) -> None:
    refund = refunder.attempt(work, RefundRequest(payment, PART, None, "cn_1"), AT)
    result = refunder.send(refund)
    settled = refunder.settle(work, refund, result, AT)
    assert refunder.settle(work, settled, result, AT) is settled
    assert work.booked == ["refund_paid"]
    assert work.events == [("refund.created", refund.id), ("refund.succeeded", refund.id)]


@pytest.mark.parametrize(("credit_note_id", "told"), [("cn_1", True), (None, False)])
def test_a_failed_refund_behind_a_credit_note_is_told_once(
    refunder: Refunder,
    work: Any,
    payment: Payment,
    failures: list[tuple[str, datetime]],
    credit_note_id: str | None,
    told: bool,
) -> None:
    refund = refunder.attempt(work, RefundRequest(payment, PART, None, credit_note_id), AT)
    refused = RefundResult(FAILED, None, "charge_already_refunded")
    failed = refunder.settle(work, refund, refused, AT)
    refunder.settle(work, failed, refused, AT)
    assert failures == ([(refund.id, AT)] if told else [])
    assert (work.booked, work.events[1:]) == ([], [("refund.failed", refund.id)])


def test_what_comes_back_from_the_bank_leaves_the_books_as_before_and_is_told(
    refunder: Refunder,
    gateway: StripeGateway,
    work: Any,
    payment: Payment,
    control: Control,
    failures: list[tuple[str, datetime]],
) -> None:
    refund = refunder.attempt(work, RefundRequest(payment, PART, None, "cn_1"), AT)
    refund = refunder.settle(work, refund, refunder.send(refund), AT)
    control.post(f"refunds/{refund.stripe_refund_id}/finish", succeed=False)
    seen = gateway.retrieve_refund(str(refund.stripe_refund_id))
    found = seen.refund
    assert (found.result.failure_reason, seen.ids["refund_id"]) == ("expired_or_canceled_card", refund.id)
    assert refunder.settle(work, refund, found.result, AT).status is FAILED
    assert work.booked == ["refund_paid", "refund_returned"]
    assert failures == [(refund.id, AT)]


def test_whoever_keeps_sums_is_told_what_left_and_what_came_back(
    gateway: StripeGateway, work: Any, payment: Payment
) -> None:
    sums: list[Money] = []
    refunder = Refunder(gateway, DueShards(16), 60, on_settled=lambda work, refund, paid_out, at: sums.append(paid_out))
    refund = refunder.attempt(work, RefundRequest(payment, PART), AT)
    refund = refunder.settle(work, refund, RefundResult(PENDING, "re_stripe"), AT)
    assert sums == []
    refund = refunder.settle(work, refund, RefundResult(SUCCEEDED, "re_stripe"), AT)
    refund = refunder.settle(work, refund, RefundResult(SUCCEEDED, "re_stripe"), AT)
    refund = refunder.settle(work, refund, RefundResult(FAILED, "re_stripe", "lost_or_stolen_card"), AT)
    assert sums == [PART, -PART]
    never_left = refunder.attempt(work, RefundRequest(payment, PART), AT)
    refunder.settle(work, never_left, RefundResult(FAILED, None, "refused"), AT)
    assert sums == [PART, -PART, Money(0, "USD")]


def test_where_nobody_would_credit_the_customer_the_refund_is_not_written_off(
    gateway: StripeGateway, work: Any, payment: Payment
) -> None:
    unwired = Refunder(gateway, DueShards(16), 60)
    refund = unwired.attempt(work, RefundRequest(payment, PART, None, "cn_1"), AT)
    with pytest.raises(LookupError, match="nobody credits"):
        unwired.settle(work, refund, RefundResult(FAILED, None, "refused"), AT)


# A bank that takes its time


@pytest.fixture
def slow(gateway: StripeGateway, api: stripe.StripeClient) -> Payment:
    return paid(gateway, api, "pm_card_pendingRefund")


@pytest.mark.parametrize(("succeed", "status"), [(True, SUCCEEDED), (False, FAILED)])
def test_a_slow_refund_is_looked_at_every_six_hours(
    refunder: Refunder, work: Any, slow: Payment, control: Control, succeed: bool, status: RefundStatus
) -> None:
    refund = refunder.attempt(work, RefundRequest(slow, PART), AT)
    refund = refunder.settle(work, refund, refunder.send(refund), AT)
    assert (refund.status, refund.stripe_refund_id is None) == (PENDING, False)
    for _ in range(2):
        work.now = work.stored[Refund, refund.id].due.at
        later = refunder.settle_refund(work, refund.id, work.now)
        assert later == replace(work.stored[Refund, refund.id].due, at=work.now + timedelta(hours=6))
    assert refunder.settle_refund(work, refund.id, work.now) == work.stored[Refund, refund.id].due  # not due yet
    control.post(f"refunds/{refund.stripe_refund_id}/finish", succeed=succeed)
    assert refunder.settle_refund(work, refund.id, work.now + timedelta(hours=6)) is None
    assert work.stored[Refund, refund.id].status is status


def test_on_a_test_clock_it_comes_first_and_then_the_webhook_tells(
    refunder: Refunder, work: Any, slow: Payment
) -> None:
    refund = refunder.attempt(work, RefundRequest(replace(slow, test_clock_id="clk_1"), PART), AT)
    assert refund.due is not None
    assert (refund.due.shard, refund.due.at) == (clock_shard("ten_1", "clk_1"), AT)
    assert refunder.settle_refund(work, refund.id, AT) is None
    waiting = work.stored[Refund, refund.id]
    assert (waiting.status, waiting.due, waiting.stripe_refund_id is None) == (PENDING, None, False)


def test_a_refund_that_is_not_there_or_done_needs_nothing(refunder: Refunder, work: Any, payment: Payment) -> None:
    assert refunder.settle_refund(work, "re_nothing", work.now) is None
    refund = refunder.attempt(work, RefundRequest(payment, PART), AT)
    refunder.settle(work, refund, refunder.send(refund), AT)
    assert refunder.settle_refund(work, refund.id, work.now + timedelta(days=1)) is None
