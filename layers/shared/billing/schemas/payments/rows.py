"""Payments and disputes with their customers."""

from billing.schemas.payments.dispute import DisputeOut
from billing.schemas.payments.payment import PaymentOut
from billing.schemas.rows import Row


class PaymentRowOut(PaymentOut, Row):
    """A payment, in a list or alone."""


class DisputeRowOut(DisputeOut, Row):
    """A dispute, in a list or alone."""
