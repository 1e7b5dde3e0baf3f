"""What the card processor tells of by webhook, in our words: the object as it has it now, and whose it is of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from billing.domain.payments.dispute import DisputeSnapshot
from billing.domain.payments.payment import ChargeResult
from billing.services.payments.processor import MethodOnFile, RefundOnFile


@dataclass(frozen=True, slots=True)
class PaymentUpdate:
    """A charge as the processor has it now, and our ids of it."""

    tenant_id: str
    result: ChargeResult
    payment_id: str
    invoice_id: str | None
    subscription_id: str | None
    test_clock_id: str | None


@dataclass(frozen=True, slots=True)
class RefundUpdate:
    """A refund as the processor has it now, with our ids; its payment's ids if it was made at the processor.

    Args:
        refund_id: ours; None where somebody made it at the processor.
    """

    tenant_id: str
    refund: RefundOnFile
    refund_id: str | None
    payment_id: str
    test_clock_id: str | None


@dataclass(frozen=True, slots=True)
class DisputeUpdate:
    """A dispute as the processor has it now, and the ids of its payment."""

    tenant_id: str
    snapshot: DisputeSnapshot
    payment_id: str
    invoice_id: str | None
    test_clock_id: str | None


@dataclass(frozen=True, slots=True)
class MethodUpdate:
    """A payment method as the processor has it now; ``on_file`` is None if it belongs to no customer any more."""

    tenant_id: str
    customer_id: str
    method_id: str
    on_file: MethodOnFile | None


@dataclass(frozen=True, slots=True)
class CustomerDeleted:
    """A customer whom somebody deleted at the processor, with all its payment methods."""

    tenant_id: str
    customer_id: str
    processor_customer_id: str


Update = PaymentUpdate | RefundUpdate | DisputeUpdate | MethodUpdate | CustomerDeleted


class UpdateReader(Protocol):
    """Reads a verified event of the processor's."""

    def handles(self, event: Mapping[str, Any]) -> bool:
        """Whether events of its type can change something of ours; others are answered and counted, nothing else."""

    def look_up(self, event: Mapping[str, Any]) -> Update | None:
        """What it is about, as that is now; None where it is nothing of ours.

        The event itself is not trusted to be the newest, so its object is fetched again.

        Raises:
            Unavailable: the processor does not answer.
        """
