"""The card processor, as the use cases know it: one port, and the values that it returns."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing.domain.customers.customer import CardDisplay, Customer
from billing.domain.kernel.money import Money
from billing.domain.payments.dispute import DisputeSnapshot
from billing.domain.payments.payment import ChargeResult, Payment
from billing.domain.payments.refund import Refund, RefundResult


@dataclass(frozen=True, slots=True)
class AttachedMethod:
    """A payment method as the card processor has it, attached to a customer there."""

    id: str
    type: str
    card: CardDisplay | None


@dataclass(frozen=True, slots=True)
class IntentRequest:
    """An intent that a payer is to complete in a form.

    Args:
        metadata: by which its webhook finds the payment; ids only.
        save_method: keep the method that it is paid by, to charge it off-session later.
        key: the idempotency key that Stripe sees.
    """

    amount: Money
    processor_customer_id: str
    metadata: dict[str, str]
    save_method: bool
    key: str


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
        owner: the metadata of that customer: ours, where we made it.
    """

    method: AttachedMethod
    processor_customer_id: str | None
    owner: dict[str, str]


@dataclass(frozen=True, slots=True)
class RefundOnFile:
    """A refund as the processor has it now, whoever made it.

    Args:
        metadata: its own; ours, where we made it.
        payment_metadata: of the PaymentIntent that it gives back.
    """

    result: RefundResult
    metadata: dict[str, str]
    payment_metadata: dict[str, str]
    amount: Money
    created_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class DisputeOnFile:
    """A dispute as the processor has it now, and the metadata of the PaymentIntent that it is about."""

    snapshot: DisputeSnapshot
    payment_metadata: dict[str, str]


class CardProcessor(Protocol):
    """Stripe, as far as the use cases know it. Every method may raise ``Unavailable``.

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
        """

    def detach(self, payment_method_id: str, key: str) -> None:
        """Detach a payment method for good; no error where it is detached already."""

    def open_setup(self, processor_customer_id: str, metadata: dict[str, str], key: str) -> OpenedIntent:
        """An intent by which a payer saves a payment method in a form."""

    def open_intent(self, request: IntentRequest) -> OpenedIntent:
        """An intent by which a payer pays in a form; it moves no money before that."""

    def retrieve_customer(self, processor_customer_id: str) -> dict[str, str]:
        """The metadata of a customer at the processor; empty where it is gone."""

    def retrieve_method(self, payment_method_id: str) -> MethodOnFile | None:
        """A payment method as it is now; None where the processor has none with this id."""

    def charge(self, payment: Payment) -> ChargeResult:
        """Charge an attempt under its own key: the same attempt charges once, however often it is sent.

        Raises:
            OutcomeUnknown: it may or may not have happened; ask again later, never with another key.
        """

    def cancel_charge(self, payment: Payment) -> ChargeResult:
        """Cancel an attempt, so that no payer can complete it any more; the result is canceled, or paid."""

    def find_charge(self, payment: Payment) -> ChargeResult | None:
        """What became of an attempt, by its id or its metadata; None if the processor does not know it."""

    def retrieve_charge(self, intent_id: str) -> tuple[ChargeResult, dict[str, str]]:
        """The present state of a PaymentIntent, and its metadata.

        Raises:
            NotFound: there is none, as with every ``retrieve_``.
        """

    def refund(self, refund: Refund) -> RefundResult:
        """Send money back under the refund's own key: the same refund happens once, however often it is sent.

        Raises:
            OutcomeUnknown: it may or may not have happened; ask again later, never with another key.
        """

    def find_refund(self, refund: Refund) -> RefundResult | None:
        """What became of a refund, by its id or its metadata; None if the processor does not know it."""

    def retrieve_refund(self, stripe_refund_id: str) -> RefundOnFile:
        """The present state of a refund, and whose it is."""

    def retrieve_dispute(self, stripe_dispute_id: str) -> DisputeOnFile:
        """The present state of a dispute, and whose it is."""


class CustomerUnknown(Exception):
    """The processor does not have the customer any more: somebody deleted it there."""


class OutcomeUnknown(Exception):
    """A call that may have moved money gave no answer. The attempt stays pending and is looked up later."""
