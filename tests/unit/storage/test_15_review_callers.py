"""Issue 15: that a client's tokens have ended may be said twice; who remembers the first time undoes no second."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from billing.storage.callers import Callers
from tests.unit.storage.test_15_callers import STANDARD, USER
from tests.unit.storage.test_callers import START, Clock, FakeDynamo


def test_15_a_client_that_is_disabled_a_second_time_stays_so_for_its_users() -> None:
    """Disabled, enabled, an hour passes: a worker remembers the mark as stale. Disabled again, it has to stay.

    Else the next call of the same user, with another client's token, would let the disabled client's tokens in again.
    """
    dynamo, clock = FakeDynamo(), Clock()
    database: Any = SimpleNamespace(client=dynamo, call=lambda operation: operation())
    callers = Callers(database, clock)
    dynamo.items[USER.caller_id] = {"rcli_1": {"N": str(int(START.timestamp()) - 1)}}
    callers.identify_bearer(USER, STANDARD)
    clock.now = START + timedelta(seconds=30)
    again = {"N": str(int(clock.now.timestamp()) + 3_660)}
    dynamo.items[USER.caller_id]["rcli_1"] = again
    callers.identify_bearer(USER, STANDARD)
    assert dynamo.items[USER.caller_id]["rcli_1"] == again
