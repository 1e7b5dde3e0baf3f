"""A customer's credit balance: overpayments and credits, which are used before the card is charged."""

from dataclasses import dataclass, replace
from typing import ClassVar

from billing.domain.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Balance:
    """What a tenant owes a customer, in the customer's currency; never negative.

    Args:
        id: the customer's.
    """

    entity_name: ClassVar[str] = "Balance"

    id: str
    tenant_id: str
    amount: Money
    version: int = 0

    def __post_init__(self) -> None:
        if self.amount.is_negative:
            raise ValueError(f"the balance of {self.id} is negative: {self.amount}")

    def usable_for(self, owed: Money) -> Money:
        """How much of an amount the balance pays; a negative amount goes into it whole: -50.00 for -50.00."""
        return owed if owed.is_negative else min(self.amount, owed)

    def used(self, amount: Money) -> "Balance":
        """The balance after paying ``amount``; a negative one adds to it.

        Raises:
            ValueError: it holds less than that.
        """
        return replace(self, amount=self.amount - amount)

    @classmethod
    def empty(cls, tenant_id: str, customer_id: str, currency: str) -> "Balance":
        """The balance of a customer that has none yet."""
        return cls(customer_id, tenant_id, Money.zero(currency))
