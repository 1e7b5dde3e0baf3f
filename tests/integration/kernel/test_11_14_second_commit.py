"""Issue 11, item 14: of two runs under one key that got past the first commit, one completes it."""

import pytest

from billing.bootstrap import storage
from billing.services.kernel.recovery import Repeat
from billing.services.kernel.work import KeyedRequest, Replay, StoredResponse
from tests.integration.world import Tenant, World

REQUEST = KeyedRequest("POST /v1/subscriptions", "k", "fingerprint")


def test_who_completes_a_key_second_gets_the_first_ones_answer(world: World, tenant: Tenant) -> None:
    """A run is slow at Stripe for longer than its lease; a retry takes over and answers. The record is no longer in
    progress then, and the slow run must not write another answer over it."""
    world.clock.freeze(world.clock())
    slow = storage.units().begin(tenant.id, REQUEST)
    slow.load()
    slow.checkpoint(Repeat())
    world.clock.advance(seconds=11)
    retry = storage.units().begin(tenant.id, REQUEST)
    retry.load()
    assert retry.recovery_point == Repeat()
    retry.commit(StoredResponse(201, "first"))
    with pytest.raises(Replay) as replay:
        slow.commit(StoredResponse(201, "second"))
    assert replay.value.response == StoredResponse(201, "first")
    again = storage.units().begin(tenant.id, REQUEST)
    with pytest.raises(Replay) as replay:
        again.load()
    assert replay.value.response == StoredResponse(201, "first")
