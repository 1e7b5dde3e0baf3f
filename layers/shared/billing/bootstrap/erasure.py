"""Wires the erasure of customers."""

from typing import TYPE_CHECKING

from billing.bootstrap import payments, storage
from billing.storage.copies import EventCopies, ResponseCopies
from billing.storage.webhooks.excerpts import ExcerptCopies

if TYPE_CHECKING:
    from billing.services.erasure.steps import Eraser


def eraser() -> "Eraser":
    """What the worker calls for a customer that was deleted.

    Whatever else keeps texts about customers joins ``copies`` here. What receivers said comes after the events that
    were sent to them: what is sent from then on says nothing of the person.
    """
    from billing.services.erasure.steps import Eraser

    database, vault = storage.database(), storage.vault()
    copies = (ResponseCopies(database, vault), EventCopies(database, vault), ExcerptCopies(database))
    return Eraser(payments.stripe_gateway(), copies)
