"""Who may refund how much."""

from collections.abc import Callable

from billing.domain.kernel.money import Money

PermitRefund = Callable[[Money], None]
"""Called before a refund is staged, with what has been refunded of its payment then; raises where that may not be."""


def permit_any(total: Money) -> None:
    """The ``PermitRefund`` of whoever may refund anything."""
