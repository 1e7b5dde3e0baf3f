"""Thirty-two threads at one caller's item; run as a process of its own: ``python -m tests.faults.limits URL PREFIX``.

Prints how many were let in: in a slot, in the rest of the minute, of one user by both of its credentials, and of copies
of one signed request.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.session import Session

from billing.domain.access.caller import Caller, Limits, client_caller, user_caller
from billing.domain.access.key_text import compose
from billing.domain.access.scopes import granted
from billing.domain.kernel.errors import RateLimited, Unauthenticated
from billing.services.access.callers import Bearer, RouteLimit
from billing.services.kernel.work import AuditRow
from billing.storage.ahead import Ahead
from billing.storage.caller_items import caller_item
from billing.storage.callers import Callers, caller_id
from billing.storage.database import Database
from billing.storage.numbers import NumberBook
from billing.storage.runtime import Policy, Runtime
from billing.storage.store import Store
from billing.storage.table_names import use_tables
from billing.storage.units import DynamoUnits

THREADS, EACH = 32, 3
LIMITS, INTENTS = Limits(60, 40), RouteLimit("i", 30)
KEY = compose("test", bytes(32))


class Clock:
    """Stands at the beginning of a minute, and of a slot."""

    now = datetime(2026, 12, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def let_in(call: Any) -> int:
    """How many of the threads' calls were let in."""

    def one(number: int) -> bool:
        try:
            call(number)
        except (RateLimited, Unauthenticated):
            return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(one, range(THREADS * EACH)))


def main() -> None:
    """See above."""
    os.environ["AWS_ENDPOINT_URL"], prefix = sys.argv[1:]
    table = f"{prefix}callers"
    use_tables({"callers": table, "audit": f"{prefix}audit"})
    database, clock = Database(region="us-east-1", session=Session()), Clock()
    callers = Callers(database, clock)
    key = Caller(caller_id(KEY), "ten_1", "key_1", clock.now, scope="admin", limits=LIMITS)
    client = Caller(client_caller("cli_1"), "ten_1", "cli_1", clock.now)
    for each in (key, client):
        database.client.put_item(TableName=table, Item=caller_item(each).serialize())
    slot = let_in(lambda _: callers.identify(KEY))
    clock.now += timedelta(seconds=10)
    rest = let_in(lambda _: callers.identify(KEY))
    clock.now += timedelta(seconds=50)
    own = Bearer("ten_1", "ann", user_caller("ten_1", "ann"), granted("admin"), "fam_1", "ann")
    machine = Bearer("ten_1", "cli_1", client.id, granted("admin"), "fam_2")
    wide = Limits(10_000, 10_000)
    ways = (
        lambda: callers.identify_bearer(own, wide, INTENTS),
        lambda: callers.identify_bearer(machine, wide, INTENTS, "ann"),
    )
    user = let_in(lambda number: ways[number % 2]())
    copies = let_in(lambda _: accept(database, clock))
    print(json.dumps({"slot": slot, "rest": rest, "user": user, "copies": copies}))


def accept(database: Database, clock: Clock) -> None:
    """A signed read, at its end: its audit row and its signature in one transaction."""
    nothing: Any = None
    policy = Policy(1, 1, 1.0, 1, 1)
    store, book = Store(database, nothing), NumberBook(database)
    ahead = Ahead(store, book)
    units = DynamoUnits(Runtime(store, book, ahead, nothing, policy, clock, lambda: os.urandom(10), nothing))
    unit = units.begin("ten_1")
    unit.accept_once(("a" * 64,), int(clock.now.timestamp()) + 600)
    unit.write_audit(AuditRow("req_1", "key_1", "GET", "GET /v1/customers", 200, None, 1))


if __name__ == "__main__":
    main()
