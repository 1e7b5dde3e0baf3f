"""A customer's balance: what it has paid too much or was given back, used before its card is charged; below zero what
it owes of invoices that asked for less than a card can be charged, which its next invoice collects.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from billing.domain.kernel.card_limits import is_too_small
from billing.domain.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Balance:
    """What a tenant owes a customer, in the customer's currency; below zero what the customer owes.

    Args:
        id: the customer's.
    """

    entity_name: ClassVar[str] = "Balance"

    id: str
    tenant_id: str
    amount: Money
    version: int = 0

    def usable_for(self, owed: Money) -> Money:
        """What of an amount it pays, so that a card can be charged the rest.

        10.00 owed, with 4.00 in it: 4.00, and 6.00 are charged. With 9.80: 10.00, for 0.20 is less than a card can be
        charged; the balance is -0.20 then. With -0.20 in it: -0.20, and 10.20 are charged. An amount below zero goes
        into it: -50.00 for -50.00.
        """
        if owed.is_negative:
            return owed
        paid = min(self.amount, owed)
        return owed if is_too_small(owed - paid) else paid

    def beyond(self, paid: Money) -> Money:
        """What of an amount it paid that it did not hold: of 10.00 with 9.80 in it, 0.20."""
        zero = Money.zero(paid.currency)
        return max(paid - max(self.amount, zero), zero)

    def used(self, amount: Money) -> "Balance":
        """The balance after paying ``amount``; a negative one adds to it."""
        return replace(self, amount=self.amount - amount)

    @classmethod
    def empty(cls, tenant_id: str, customer_id: str, currency: str) -> "Balance":
        """The balance of a customer that has none yet."""
        return cls(customer_id, tenant_id, Money.zero(currency))
