"""Payments: one attempt to collect money is one Payment, written before Stripe is called.

pending ──> succeeded
   ├──────> failed                  (a decline is final for this attempt; in the payer's hands, see below)
   ├──────> canceled                 (never sent: Stripe refused without doing anything; pending again with a retry)
   ├──────> processing ───────────> succeeded | failed
   └──────> requires_action ──────> succeeded | failed | canceled
requires_payment_method ──────────> succeeded | failed | canceled | requires_action | processing

``requires_payment_method`` is an intent whose payer has not tried yet. A payer who is present may try again in the same
form after a decline, so a payment that failed in the payer's form may still succeed, until the intent is canceled.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.domain.customers.customer import PERSONAL
from billing.domain.kernel.card_limits import Unchargeable
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money, sum_money
from billing.domain.ledger import Receivable
from billing.domain.payments.balance_line import BalanceLine

PAYER_HAS = timedelta(hours=24)
"""How long a payer may complete an intent. Then it is canceled, so that no old form pays what nobody expects."""


AUTHENTICATION_REQUIRED = "payment.authentication_required"
"""The public code of a payment whose bank wants its payer to authenticate."""

NOT_CHARGEABLE = "payment.not_chargeable"
"""The public code of an amount, or a currency, that no card can be charged; the decline code says which."""


def not_chargeable(reason: Unchargeable) -> "PaymentError":
    """Why an amount was not charged that no card can be charged."""
    return PaymentError(NOT_CHARGEABLE, "No card can be charged this amount.", reason.value)


class PaymentStatus(StrEnum):
    PENDING = "pending"
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        return self in (PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class PaymentError:
    """Why a payment did not go through.

    Args:
        code: the public code (``payment.declined`` ...).
        decline_code: what may be shown to a payer; a stolen-card decline reads as ``generic_decline``.
        message: a sentence for the payer.
        final: another attempt with the same method is useless (a hard decline). It is not shown to the payer, to whom
            it would tell what ``decline_code`` hides.
    """

    code: str
    message: str
    decline_code: str | None = None
    final: bool = False


NOT_SENT = PaymentError(
    "service.unavailable", "The card processor could not be asked; nothing was charged.", "not_sent"
)
"""Why an attempt is canceled that Stripe refused without doing anything: our credentials, its rate limit, an outage."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What Stripe took from the payer, as its charge says.

    Args:
        amount: in the payer's currency.
        fee: Stripe's, in the currency of the account there; None, like those after it, while that is not known yet.
        balance_transaction_id: the line of the account there that brought the money.
        available_on: from when it can be paid out.
        settled: what came on the account, in its currency: something else than ``amount`` where Stripe converted.
    """

    amount: Money
    charge_id: str | None = None
    fee: Money | None = None
    balance_transaction_id: str | None = None
    available_on: datetime | None = None
    settled: Money | None = None

    @property
    def lines(self) -> tuple[BalanceLine, ...]:
        """The line of the account there, as it is entered in the books; none while that is not known."""
        if self.balance_transaction_id is None or self.fee is None:
            return ()
        return (BalanceLine(self.balance_transaction_id, self.amount, self.settled or self.amount, self.fee),)


@dataclass(frozen=True, slots=True)
class ChargedCard:
    """What may be shown of the card that was charged, as it was then: never more of its number."""

    brand: str
    last4: str


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What Stripe says about an attempt: its PaymentIntent's id and state, and why it failed if it did.

    Args:
        client_secret: identifies the intent to the payer's form; never stored, never logged.
        taken: what Stripe took, if it succeeded.
        card: the card that it took it from, if it was one.
    """

    status: PaymentStatus
    intent_id: str | None
    error: PaymentError | None = None
    client_secret: str | None = None
    taken: Taken | None = None
    card: ChargedCard | None = None

    @property
    def next_secret(self) -> str | None:
        """The client secret, where it is the payer's turn."""
        waits = self.status in (PaymentStatus.REQUIRES_ACTION, PaymentStatus.REQUIRES_PAYMENT_METHOD)
        authenticates = self.error is not None and self.error.code == AUTHENTICATION_REQUIRED
        return self.client_secret if waits or authenticates else None


class SettledBy(StrEnum):
    """Who learnt the outcome first: the request that charged, Stripe's webhook, or the sweep that looked it up."""

    REQUEST = "request"
    WEBHOOK = "webhook"
    SWEEP = "sweep"


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to collect ``amount``; ``idempotency_key`` is the key that Stripe sees, on every resend.

    Args:
        amount: what is asked for; once it succeeded, what came.
        payment_method_id: the method to charge; None where the payer chooses one in a form.
        invoice_id: the invoice that it pays; None where it is a sale of its own (a plain amount, an order).
        order_id: the order that it pays, or the tenant's own reference of one that is not known here.
        checkout_session_id: the page of Stripe's on which its payer pays; whoever takes it back expires that page.
        of_order: it pays an order that is known here, through which all its money goes.
        refunds: by refund id, the amount refunded or about to be; failed refunds are not in it.
        disputed: by dispute id, the amount that the dispute holds back or has taken.
        excess: what it brought beyond what its invoice needed, now in the customer's balance; None for nothing. Of one
            that came in another currency than its invoice's, all of it: no balance holds that, it stays on the payment.
        asked: what was asked for, if something else came; None as a rule.
        taken: what Stripe took, its fee, and when it is available.
        card: what was charged. It outlives the saved method, of which nothing is shown any more once it is detached.
        erased: whether its customer was erased: no card is shown of it any more, whatever Stripe says later.
    """

    entity_name: ClassVar[str] = "Payment"

    id: str
    tenant_id: str
    customer_id: str
    amount: Money
    status: PaymentStatus
    attempt: int
    idempotency_key: str
    stripe_customer_id: str
    payment_method_id: str | None
    off_session: bool
    created_at: datetime
    submitted_at: datetime
    invoice_id: str | None = None
    subscription_id: str | None = None
    order_id: str | None = None
    of_order: bool = False
    test_clock_id: str | None = None
    stripe_payment_intent_id: str | None = None
    checkout_session_id: str | None = None
    error: PaymentError | None = None
    settled_by: SettledBy | None = None
    settled_event_id: str | None = None
    settled_at: datetime | None = None
    refunds: dict[str, Money] = field(default_factory=dict)
    disputed: dict[str, Money] = field(default_factory=dict)
    excess: Money | None = None
    asked: Money | None = None
    taken: Taken | None = None
    card: ChargedCard | None = field(default=None, metadata=PERSONAL)
    metadata: dict[str, str] = field(default_factory=dict)
    erased: bool = False
    due: Due | None = None
    version: int = 0

    def shown_card(self, card: ChargedCard | None) -> ChargedCard | None:
        """What is kept of the card that was charged, as Stripe says it: nothing for somebody who was erased."""
        return None if self.erased else card

    @property
    def receivable(self) -> Receivable:
        """What it pays."""
        return Receivable(self.customer_id, self.invoice_id, self.test_clock_id)

    @property
    def amount_refunded(self) -> Money:
        """What refunds took, including those without an outcome."""
        return sum_money(self.refunds.values(), self.amount.currency)

    @property
    def refundable(self) -> Money:
        """What is left to refund: of 100.00, with 30.00 refunded, 70.00.

        Nothing if it is disputed, even in part: Stripe refuses refunds until the dispute is won.
        """
        zero = Money.zero(self.amount.currency)
        if self.status is not PaymentStatus.SUCCEEDED or self.disputed:
            return zero
        return max(self.amount - self.amount_refunded, zero)

    @property
    def still_here(self) -> Money:
        """What of it neither went back, nor is held by a dispute, nor is the customer's as too much paid."""
        zero = Money.zero(self.amount.currency)
        gone = self.amount_refunded + sum_money(self.disputed.values(), zero.currency) + (self.excess or zero)
        return max(self.amount - gone, zero)

    @property
    def is_undecided(self) -> bool:
        """Whether Stripe may still take its money, and nobody can say."""
        return self.status in (PaymentStatus.PENDING, PaymentStatus.PROCESSING)

    def refused_for_good(self, payment_method_id: str | None) -> bool:
        """Whether it was an attempt by this method that makes another one by it useless."""
        is_hard = self.status is PaymentStatus.FAILED and self.error is not None and self.error.final
        return is_hard and payment_method_id is not None and self.payment_method_id == payment_method_id

    @property
    def never_sent(self) -> bool:
        """Whether Stripe refused it without doing anything: who asked for it may ask again, under the same key."""
        return self.status is PaymentStatus.CANCELED and self.error == NOT_SENT

    @property
    def amount_differs(self) -> bool:
        """Whether it brought something else than was asked for: less, more, or another currency."""
        return self.status is PaymentStatus.SUCCEEDED and self.asked is not None

    @property
    def in_another_currency(self) -> bool:
        """Whether it brought another currency than was asked for, which pays nothing."""
        return self.asked is not None and self.asked.currency != self.amount.currency

    @property
    def in_the_payers_hands(self) -> bool:
        """Whether somebody who holds its client secret, or has Stripe's page open, could still pay it.

        A declined form can be tried again. And when an off-session charge wants authentication, the answer carries the
        secret with which its payer can go on.
        """
        if self.stripe_payment_intent_id is None and self.checkout_session_id is None:
            return False
        if self.status is PaymentStatus.FAILED:
            return not self.off_session or (self.error is not None and self.error.code == AUTHENTICATION_REQUIRED)
        return self.status in (PaymentStatus.REQUIRES_ACTION, PaymentStatus.REQUIRES_PAYMENT_METHOD)


def intent_payment_id(tenant_id: str, intent_id: str, created_at: datetime) -> str:
    """The id of a payment whose intent was made before anything was written here.

    Stripe answers a retry with the same intent, so the payment is the same, too; after 24 hours the key is new again,
    the intent another one, and so is the payment.

    Args:
        intent_id: the PaymentIntent's.
        created_at: when that was made, as Stripe says.
    """
    return derived("pay", created_at, tenant_id, intent_id)


def attempt_id(invoice_id: str, invoice_at: datetime, attempt: int) -> str:
    """The id of an invoice's n-th charge attempt: a crash and a retry mean the same attempt, never a second one.

    Its time is the invoice's, plus a millisecond for each attempt, so that a list has them in their order.
    """
    return derived("pay", invoice_at + timedelta(milliseconds=attempt), invoice_id, str(attempt))


def with_result(
    payment: Payment, result: ChargeResult, at: datetime, by: SettledBy, event_id: str | None = None
) -> Payment:
    """The payment, updated from what Stripe says; unchanged if that is nothing new.

    A payment that succeeded or failed stays so, whatever event comes late or twice. The one exception is money: if
    Stripe has a successful charge after all (the payer tried again in the same form), the payment succeeded, whatever
    was written before. An intent that a crash left behind changes nothing about the intent that replaced it.
    """
    if payment.status is PaymentStatus.SUCCEEDED:
        return payment
    succeeded = result.status is PaymentStatus.SUCCEEDED
    if payment.status.is_final and not succeeded:
        return payment
    if not succeeded and _is_another(payment, result):
        return payment
    if result.status is payment.status and payment.stripe_payment_intent_id == result.intent_id:
        return payment
    final = result.status.is_final
    if result.taken is not None:
        came = result.taken.amount
        # Asked for 200.00, and somebody changed the intent at Stripe to 1.00: it is a payment of 1.00.
        asked = payment.amount if came != payment.amount else None
        payment = replace(payment, amount=came, asked=asked, taken=result.taken)
    return replace(
        payment,
        status=result.status,
        stripe_payment_intent_id=result.intent_id or payment.stripe_payment_intent_id,
        error=result.error,
        card=payment.shown_card(result.card if succeeded else payment.card),
        settled_by=by if final else None,
        settled_event_id=event_id if final else None,
        settled_at=at if final else None,
        due=None if final else payment.due,
    )


def with_facts(payment: Payment, result: ChargeResult) -> Payment:
    """The payment that succeeded, with what Stripe could not say of its charge at once: the fee, and since when."""
    taken = result.taken
    known = payment.taken is not None and payment.taken.balance_transaction_id is not None
    if payment.status is not PaymentStatus.SUCCEEDED or known or taken is None or _is_another(payment, result):
        return payment
    if taken.balance_transaction_id is None or taken.amount != payment.amount:
        return payment
    return replace(payment, taken=taken, card=payment.shown_card(result.card or payment.card))


def sent_again(payment: Payment, due: Due) -> Payment:
    """The payment that was never sent, about to be sent: under its own key, so that it charges once at the most.

    Raises:
        InvalidState: it is not one of those.
    """
    if not payment.never_sent:
        raise InvalidState.of("payment", payment.status, "sent again")
    return replace(
        payment,
        status=PaymentStatus.PENDING,
        error=None,
        settled_by=None,
        settled_at=None,
        settled_event_id=None,
        due=due,
    )


def _is_another(payment: Payment, result: ChargeResult) -> bool:
    known = payment.stripe_payment_intent_id
    return known is not None and result.intent_id is not None and result.intent_id != known
