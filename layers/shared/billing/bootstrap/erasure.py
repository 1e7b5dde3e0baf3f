"""Wires the erasure of customers."""

from typing import TYPE_CHECKING

from billing.bootstrap import payments, storage
from billing.storage.copies import EventCopies, ResponseCopies

if TYPE_CHECKING:
    from billing.services.erasure.steps import Eraser


def eraser() -> "Eraser":
    """What the worker calls for a customer that was deleted.

    Whatever else keeps texts about customers (excerpts of deliveries) joins ``copies`` here.
    """
    from billing.services.erasure.steps import Eraser

    database, vault = storage.database(), storage.vault()
    return Eraser(payments.stripe_gateway(), (ResponseCopies(database, vault), EventCopies(database, vault)))
