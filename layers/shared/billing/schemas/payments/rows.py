"""Payments in a list."""

from billing.schemas.payments.payment import PaymentOut
from billing.schemas.rows import Row


class PaymentRowOut(PaymentOut, Row):
    """A payment in a list."""
