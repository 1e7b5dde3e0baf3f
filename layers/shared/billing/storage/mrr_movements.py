"""Movements of MRR: written with the subscription that they are about, and read in the order of their time.

A movement is found by its time alone. So its key is tenant, UTC month and part; then its time, the wall clock's, and
its id. There is no index, and what was committed is seen at once. What happens in a test clock's time is under that
clock.
"""

from collections.abc import Iterator
from datetime import datetime

from billing.domain.subscriptions.mrr import MrrMovement
from billing.storage import by_time
from billing.storage.codec import Sealer, decode, encode
from billing.storage.database import Database
from billing.storage.tables import MrrMovementItem

_BY_TIME = by_time.ByTime(MrrMovementItem, "moved_key", "moved")


def movements(
    database: Database,
    sealer: Sealer,
    tenant_id: str,
    begin: datetime,
    end: datetime,
    test_clock_id: str | None = None,
    after: str | None = None,
) -> Iterator[MrrMovement]:
    """The movements of [begin, end), see ``services.reports.journal.Journal``."""
    for item in _BY_TIME.read(database, tenant_id, begin, end, test_clock_id, after):
        yield decode(MrrMovement, item["body"]["S"], sealer, tenant_id, item["moved"]["S"].rpartition("/")[2])


def movement_item(moved: MrrMovement, sealer: Sealer) -> MrrMovementItem:
    """A movement as it is put into its table, once. All of a subscription's are in one part."""
    return MrrMovementItem(
        moved_key=by_time.key(moved.tenant_id, moved.at, moved.test_clock_id, moved.subscription_id),
        moved=moved.place,
        body=encode(moved, sealer, moved.tenant_id, moved.id),
    )
