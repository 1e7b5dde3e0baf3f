"""Issue 20: what a unit of work read, or wrote at its checkpoint, it does not read again; and it may be outrun."""

from dataclasses import replace
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.customers.customer import Customer
from billing.domain.kernel.errors import LostRace
from billing.services.kernel.recovery import Repeat
from billing.services.kernel.work import KeyedRequest, Ref, StoredResponse, Unit
from tests.integration.world import Tenant

REQUEST = KeyedRequest("POST /v1/payments", "k", "fingerprint")


@pytest.fixture
def ref(tenant: Tenant) -> Ref[Customer]:
    return Ref(Customer, tenant.id, tenant.customer())


def renamed(unit: Unit, ref: Ref[Customer], name: str) -> Customer:
    return unit.save(replace(unit.load(ref).require(ref), name=name))


def at_the_checkpoint(tenant: Tenant, ref: Ref[Customer]) -> Unit:
    unit = storage.units().begin(tenant.id, REQUEST)
    renamed(unit, ref, "First")
    unit.checkpoint(Repeat())
    return unit


def test_it_is_not_read_again(tenant: Tenant, ref: Ref[Customer]) -> None:
    unit = at_the_checkpoint(tenant, ref)
    reads: list[Any] = []
    events = storage.database().client.meta.events

    def note(params: Any, **_: Any) -> None:
        reads.append(params)

    events.register("provide-client-params.dynamodb.BatchGetItem", note)
    known = unit.load(ref).require(ref)
    assert not reads
    events.unregister("provide-client-params.dynamodb.BatchGetItem", note)
    assert known == storage.units().begin(tenant.id).load(ref).require(ref)
    assert (known.name, known.version) == ("First", 2)
    unit.save(replace(known, name="Second"))
    unit.commit(StoredResponse(200, "{}"))
    assert storage.units().begin(tenant.id).load(ref).require(ref).name == "Second"


def test_who_changed_it_meanwhile_is_not_overwritten(tenant: Tenant, ref: Ref[Customer]) -> None:
    """As a webhook does that comes before Stripe's answer: the run loses its race, and the next one reads."""
    unit = at_the_checkpoint(tenant, ref)
    other = storage.units().begin(tenant.id)
    renamed(other, ref, "Another's")
    other.commit()
    renamed(unit, ref, "Second")
    with pytest.raises(LostRace):
        unit.commit(StoredResponse(200, "{}"))
    unit.restart()
    assert unit.load(ref).require(ref).name == "Another's"
    renamed(unit, ref, "Third")
    unit.commit(StoredResponse(200, "{}"))
    found = storage.units().begin(tenant.id).load(ref).require(ref)
    assert (found.name, found.version) == ("Third", 4)


def test_who_only_relies_on_it_loses_the_race_too(tenant: Tenant, ref: Ref[Customer]) -> None:
    unit = at_the_checkpoint(tenant, ref)
    other = storage.units().begin(tenant.id)
    renamed(other, ref, "Another's")
    other.commit()
    unit.rely_on(unit.load(ref).require(ref))
    with pytest.raises(LostRace):
        unit.commit(StoredResponse(200, "{}"))


@pytest.mark.parametrize("saves", [True, False])
def test_what_changes_between_two_readings_of_a_run_is_a_lost_race(
    tenant: Tenant, ref: Ref[Customer], saves: bool
) -> None:
    """Whether it is saved or only relied on: the run has decided on what it read first."""
    unit = storage.units().begin(tenant.id)
    decided_on = unit.load(ref).require(ref)
    other = storage.units().begin(tenant.id)
    renamed(other, ref, "Another's")
    other.commit()
    again = unit.load(ref).require(ref)
    assert again == decided_on
    if saves:
        renamed(unit, ref, "First")
    else:
        unit.rely_on(again)
        renamed(unit, Ref(Customer, tenant.id, tenant.customer()), "First")
    with pytest.raises(LostRace):
        unit.commit()
    unit.restart()
    assert unit.load(ref).require(ref).name == "Another's"


def test_an_erasure_finds_the_response_that_tells_of_whom_the_checkpoint_wrote(
    tenant: Tenant, ref: Ref[Customer]
) -> None:
    """Though nothing about the customer was read, or written, after it."""
    unit = at_the_checkpoint(tenant, ref)
    unit.load(ref)
    unit.commit(StoredResponse(200, "{}"))
    rows = [row for row in tenant.world.rows("idempotency") if REQUEST.record in row["record_id"]["S"]]
    assert [row["subject"]["S"] for row in rows] == [f"{tenant.id}#{ref.id}"]
