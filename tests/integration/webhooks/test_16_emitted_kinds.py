"""Issue 16: what an event is about has an id and a version, whatever it is."""

from billing.bootstrap import storage
from billing.domain.kernel.event_types import EventType
from billing.domain.reconciliation import Reconciliation
from billing.domain.tenant import PLATFORM
from billing.schemas.events import kind_of, model_of
from billing.services.sweep.kinds import DUE_KINDS
from tests.integration.world import World


def test_16_every_type_of_events_says_what_it_is_about_with_an_id_and_a_version() -> None:
    for each in EventType:
        assert {"id", "version"} <= set(model_of(each).model_fields), each


def test_16_what_is_parked_is_what_its_event_is_about() -> None:
    for kind, parked in DUE_KINDS.values():
        assert kind_of(parked) is kind


def test_16_a_reconciliation_that_is_parked_is_told_of(world: World) -> None:
    """Its shape had no id, so that the event could not be made, and with it the parking was not committed."""
    now = world.clock()
    unit = storage.units().begin(PLATFORM)
    parked = unit.save(Reconciliation(PLATFORM, now, now, now, id="cmp_parked"))
    unit.emit(EventType.RECONCILIATION_PARKED, parked)
    unit.commit()
    rows = [row for row in world.rows_of("events", PLATFORM) if row["type"]["S"] == "reconciliation.parked"]
    assert len(rows) == 1
    assert rows[0]["object_id"]["S"]
