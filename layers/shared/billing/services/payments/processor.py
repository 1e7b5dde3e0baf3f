"""The card processor, as the use cases know it: one port, and the values that it returns."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing.domain.customers.customer import CardDisplay, Customer
from billing.domain.kernel.money import Money
from billing.domain.payments.dispute import DisputeSnapshot
from billing.domain.payments.payment import ChargeResult, Payment, PaymentError
from billing.domain.payments.refund import Refund, RefundResult


@dataclass(frozen=True, slots=True)
class AttachedMethod:
    """A payment method as the card processor has it, attached to a customer there."""

    id: str
    type: str
    card: CardDisplay | None


@dataclass(frozen=True, slots=True)
class CustomerOnFile:
    """A customer as the processor has it now, whoever made it there.

    Args:
        metadata: which nobody can write but who has the processor's account.
        default_method_id: what the processor itself would charge.
        cards: those that can be charged without their holder, newest first.
    """

    metadata: dict[str, str]
    default_method_id: str | None
    cards: tuple[AttachedMethod, ...]


@dataclass(frozen=True, slots=True)
class References:
    """Our ids of what something at the processor is about: by them its webhook finds its way back.

    Args:
        payment_id: None where the payment is yet to be written; then its id follows from the intent's.
    """

    tenant_id: str
    customer_id: str
    payment_id: str | None = None
    invoice_id: str | None = None
    subscription_id: str | None = None
    test_clock_id: str | None = None

    @classmethod
    def of(cls, payment: Payment) -> "References":
        """Those of a payment."""
        return cls(
            payment.tenant_id,
            payment.customer_id,
            payment.id,
            payment.invoice_id,
            payment.subscription_id,
            payment.test_clock_id,
        )


@dataclass(frozen=True, slots=True)
class IntentRequest:
    """An intent that a payer is to complete in a form.

    Args:
        save_method: keep the method that it is paid by, to charge it off-session later.
        key: the idempotency key that Stripe sees.
    """

    amount: Money
    processor_customer_id: str
    references: References
    save_method: bool
    key: str


@dataclass(frozen=True, slots=True)
class Page:
    """How a page of the processor's looks, and where it leads.

    Args:
        done_url, back_url: where the browser goes when the payer has finished, or turns back.
        locale: the language tag that it is in.
    """

    done_url: str
    back_url: str
    locale: str


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A page of the processor's on which a payer pays an amount.

    Args:
        description: what for, to the payer.
        key: the idempotency key that Stripe sees.
    """

    amount: Money
    processor_customer_id: str
    references: References
    description: str
    page: Page
    key: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A page of the processor's as it is now.

    Args:
        url: its address; None where nobody can pay there any more.
        result: what became of the payment; where nobody has tried yet, it waits for its payer.
    """

    id: str
    url: str | None
    result: ChargeResult


@dataclass(frozen=True, slots=True)
class OpenedIntent:
    """An intent, a payment's or a setup's, that waits for its payer: its id and its client secret."""

    id: str
    client_secret: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MethodOnFile:
    """A payment method as the processor has it now.

    Args:
        processor_customer_id: who it is attached to there; None where it is detached.
    """

    method: AttachedMethod
    processor_customer_id: str | None


@dataclass(frozen=True, slots=True)
class RefundOnFile:
    """A refund as the processor has it now, whoever made it."""

    result: RefundResult
    amount: Money
    created_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class GoneBack:
    """Everything that has left a payment at the processor, or is on its way back.

    Args:
        ours: what became of the refunds that were made here, by our ids.
        others: the refunds that somebody made at the processor.
    """

    ours: dict[str, RefundResult]
    others: tuple[RefundOnFile, ...]
    disputes: tuple[DisputeSnapshot, ...]


class CardProcessor(Protocol):
    """Stripe, as far as the use cases know it. Every method may raise ``Unavailable``, and has done nothing then.

    If Stripe does not know an object that must exist (one that we made, or that its own signed event names), that is an
    outage, too: we ask with the key of another account.

    ``attach``, ``open_setup`` and ``open_intent`` raise ``CustomerUnknown`` if the customer was deleted there.
    """

    def ready(self) -> None:
        """Check that the processor answers; asked before a first commit, so that nothing is begun in vain.

        Raises:
            Unavailable: it has not answered lately.
        """

    def ensure_customer(self, customer: Customer, key: str) -> str:
        """The processor's customer id, made under ``key`` where there is none yet."""

    def attach(self, payment_method_id: str, processor_customer_id: str, key: str) -> AttachedMethod:
        """Attach a payment method.

        Raises:
            PaymentMethodInvalid: there is none, it cannot be attached, or it is another customer's.
            CardDeclined: the bank, which is asked about a card that is attached, declined it.
        """

    def detach(self, payment_method_id: str, key: str) -> None:
        """Detach a payment method for good; no error where it is detached already."""

    def forget_customer(self, processor_customer_id: str, key: str) -> None:
        """Delete a customer with all its payment methods, known here or not; no error where it is gone already."""

    def open_setup(self, processor_customer_id: str, references: References, key: str) -> OpenedIntent:
        """An intent by which a payer saves a payment method in a form."""

    def open_intent(self, request: IntentRequest) -> OpenedIntent:
        """An intent by which a payer pays in a form; it moves no money before that."""

    def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """A page on which a payer pays; like a form, it moves no money before that.

        Raises:
            CustomerUnknown: the customer was deleted there.
            ValidationFailed: an amount, or a currency, that no card can be charged.
        """

    def open_card_page(self, processor_customer_id: str, references: References, page: Page, key: str) -> str:
        """The address of a page on which a payer saves a card; the processor's webhook tells of it.

        Raises:
            CustomerUnknown: the customer was deleted there.
        """

    def checkout_state(self, session_id: str) -> Checkout:
        """The present state of such a page."""

    def charge(self, payment: Payment) -> ChargeResult:
        """Charge an attempt under its own key: the same attempt charges once, however often it is sent.

        Raises:
            OutcomeUnknown: it may or may not have happened; ask again later, never with another key.
            Unavailable: this sending was refused, and nothing was done; what an earlier one did, it does not say.
        """

    def cancel_charge(self, payment: Payment) -> ChargeResult:
        """Cancel an attempt, so that no payer can complete it any more, in a form or on a page; the result is canceled,
        or paid."""

    def find_charge(self, payment: Payment) -> ChargeResult | None:
        """What became of an attempt, by its id or its metadata; None if the processor does not know it."""

    def charge_state(self, intent_id: str) -> ChargeResult:
        """The present state of an intent."""

    def refund(self, refund: Refund) -> RefundResult:
        """Send money back under the refund's own key: the same refund happens once, however often it is sent.

        Raises:
            OutcomeUnknown: it may or may not have happened; ask again later, never with another key.
        """

    def find_refund(self, refund: Refund) -> RefundResult | None:
        """What became of a refund, by its id or its metadata; None if the processor does not know it."""

    def gone_back(self, intent_id: str) -> GoneBack:
        """What has left the payment of an intent."""


class CustomersOnFile(Protocol):
    """Customers whom somebody else made at the processor. Every method may raise ``Unavailable``."""

    def customer_on_file(self, processor_customer_id: str) -> CustomerOnFile | None:
        """A customer with its cards; None if it was deleted there, or never was in our account."""

    def claim_customer(self, processor_customer_id: str, references: References) -> dict[str, str] | None:
        """Note at the processor whose it is here, as often as one likes.

        Returns:
            Its metadata after that, read in the same moment; None if the processor does not take the note.
        """


class CustomerUnknown(Exception):
    """The processor does not have the customer any more: somebody deleted it there."""


class CardDeclined(Exception):
    """The bank declined a card when it was attached; nothing was charged."""

    def __init__(self, error: PaymentError) -> None:
        super().__init__(error.code)
        self.error = error


class OutcomeUnknown(Exception):
    """A call that may have moved money gave no answer. The attempt stays pending and is looked up later."""
