"""Issue 16, scenario 39: some thousand retries of webhooks are due in the minute of renewals, which are on time.

On time is counted in turns and calls, not in seconds: on one machine everything that runs takes time from the rest.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.faults.child import ONLY_WEBHOOK_SHARD
from tests.faults.processes import Json
from tests.faults.stack import Stack
from tests.faults.world import PERIOD_CENTS, at_once, step

RENEWALS, RETRIES = 4, 2_000
HANDED_OVER = 50
"""Of one endpoint's, in a turn of a shard (``enqueuer.PACE``); all others are put off to where the pace will be."""
_SWEEP = [step("sweep"), step("drain"), step("calls")]


def _renewed(stack: Stack, at: datetime, retries: int) -> tuple[int, list[str], Json | None]:
    """The sweep's minute with so many retries due: the billing worker's turns, its calls, what the other one did.

    Both work at once, each in a process of its own, on the same tables and queues' server.
    """
    world = stack.world()
    tenant = world.new_tenant(at, customers=RENEWALS)
    made = [world.run(at, tenant.subscribe(f"sub-{n}", n)).last() for n in range(RENEWALS)]
    assert {each["body"]["data"]["state"] for each in made} == {"active"}
    due = at + timedelta(days=32)
    if retries:
        assert world.run(due, step("due_deliveries", tenant_id=tenant.id, count=retries)).last() == retries
    turn = [step("webhook_turn", shard=ONLY_WEBHOOK_SHARD), step("calls")]
    billing, webhooks = (each.all() for each in at_once(world, due, [_SWEEP, turn]))
    books = tenant.check(due + timedelta(minutes=1))
    charges = tenant.charges()
    assert [each["amount"] for each in charges] == [PERIOD_CENTS] * 2 * RENEWALS
    assert {each["status"] for each in books.bodies("invoices")} == {"paid"}
    notices = world.run(due, step("take_usage", queue="webhook_queue_url")).last()
    assert len(notices) == min(retries, HANDED_OVER)
    puts = [call for call in webhooks[-1] if call == "UpdateItem"]
    assert len(puts) == retries  # each was written once: handed over, or put off
    turns, calls = billing[-2:]
    return turns, calls, webhooks[-2]


@pytest.mark.parametrize("retries", [RETRIES])
def test_16_renewals_take_as_many_turns_and_calls_beside_thousands_of_due_retries(
    stack: Stack, at: datetime, retries: int
) -> None:
    """The billing worker reads nothing of deliveries: no page, no shard, no message of it is theirs."""
    turns, calls, _ = _renewed(stack, at, 0)
    turns_beside, calls_beside, worked = _renewed(stack, at, retries)
    assert (turns, turns_beside) == (1, 1)
    assert sorted(calls_beside) == sorted(calls)
    assert worked == {"batchItemFailures": []}
