"""Wires imports."""

import time
from typing import TYPE_CHECKING

from billing.bootstrap import payments, process, reports, storage

if TYPE_CHECKING:
    from billing.services.clocks.due_index import Alarm
    from billing.services.imports.asking import ImportRequests
    from billing.services.imports.importing import Imports


def requests(alarm: "Alarm") -> "ImportRequests":
    """What begins imports.

    Args:
        alarm: wakes the report worker.
    """
    from billing.services.imports.asking import ImportRequests

    return ImportRequests(reports.files(), reports.runs(alarm))


def imports() -> "Imports":
    """What takes over the records of a file."""
    from billing.domain.customers.customer import Customer
    from billing.domain.subscriptions.subscription import Subscription
    from billing.schemas import events
    from billing.schemas.imports.api import COLUMNS, row_of
    from billing.schemas.imports.reading import READERS
    from billing.services.imports.cards import SavedCards
    from billing.services.imports.importing import Imports

    events.prepare(Customer, Subscription)
    return Imports(
        units=storage.units(),
        files=reports.files(),
        readers=READERS,
        columns=COLUMNS,
        write=row_of,
        cards=SavedCards(storage.units(), payments.stripe_gateway(), process.JITTER.random, time.sleep),
        shards=process.due_shards(),
        jitter=process.JITTER.random,
        pause=time.sleep,
    )
