"""Orders in a list."""

from billing.schemas.marketplace.orders import OrderOut
from billing.schemas.rows import Row


class OrderRowOut(OrderOut, Row):
    """An order in a list."""
