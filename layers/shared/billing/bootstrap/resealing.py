"""Wires operators' jobs: after a rotation of data keys, and for what was stored before there was an index."""

import time
from typing import TYPE_CHECKING

from billing.bootstrap import storage

if TYPE_CHECKING:
    from billing.storage.journal_index import JournalIndex
    from billing.storage.resealing import Resealing


def resealing(pace_s: float) -> "Resealing":
    """The job.

    Args:
        pace_s: how long it rests after each page.
    """
    from billing.storage.resealing import Resealing

    def newest(tenant_id: str) -> int:
        return len(storage.tenants().data_keys(tenant_id))

    return Resealing(storage.database(), storage.vault(), storage.units(), newest, time.sleep, pace_s)


def journal_index(pace_s: float) -> "JournalIndex":
    """What puts older entries of the ledger into its index.

    Args:
        pace_s: how long it rests after each page.
    """
    from billing.storage.journal_index import JournalIndex

    return JournalIndex(storage.database(), storage.vault(), time.sleep, pace_s)
