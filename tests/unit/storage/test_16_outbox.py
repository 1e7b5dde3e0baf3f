"""Issue 16, item 1: what an update changed is what differs from what was stored before its commit, by public name."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from billing.domain.customers.customer import Customer, TaxExempt
from billing.domain.kernel.event_types import EventType
from billing.schemas.events import present
from billing.storage.outbox import Outbox, Place

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ADA = Customer("cus_1", "ten_1", "Ada", "USD", "UTC", NOW, email="ada@example.com", version=3)
PLACE: Place = (Customer, "ten_1", "cus_1")


def outbox() -> Outbox:
    return Outbox(present, lambda: bytes(10), 60, lambda tenant_id, clock_id: None)


def told(
    made: Outbox, after: Customer, base: int | None, event_type: EventType = EventType.CUSTOMER_UPDATED
) -> tuple[str, ...] | None:
    """What the event of a commit says that changed."""
    made.emit(event_type, after, None, NOW)
    (event,) = made.events(NOW, lambda place: base if place == PLACE else None)
    made.forget()
    assert event.object == present(after)
    return event.changed


def test_16_fields_are_named_as_the_api_names_them() -> None:
    made = outbox()
    made.saw([ADA])
    after = replace(ADA, name="Ada Lovelace", net_terms_days=14, tax_exempt=TaxExempt.EXEMPT, version=4)
    assert sorted(told(made, after, 3) or ()) == ["name", "netTermsDays", "taxExempt"]


def test_16_what_is_saved_twice_in_a_commit_is_compared_with_what_was_there_before_it() -> None:
    made = outbox()
    made.saw([ADA])
    assert told(made, replace(ADA, email=None, version=5), 3) == ("email",)
    assert told(made, replace(ADA, version=5), 3) == ()


def test_16_after_a_checkpoint_it_is_compared_with_that() -> None:
    made = outbox()
    made.saw([ADA])
    between = replace(ADA, name="Grace", version=4)
    made.saw([between])
    assert told(made, replace(between, email=None, version=5), 4) == ("email",)


def test_16_where_nobody_knows_what_was_before_nothing_is_said_rather_than_something_wrong() -> None:
    """Never read, read in another version than the one that is replaced, or not saved in this commit."""
    after = replace(ADA, name="Grace", version=5)
    assert told(outbox(), after, 4) is None
    made = outbox()
    made.saw([ADA])
    assert told(made, after, 4) is None
    assert told(made, after, None) is None


def test_16_only_an_update_tells_of_a_change() -> None:
    made = outbox()
    made.saw([ADA])
    types: list[Any] = [EventType.CUSTOMER_CREATED, EventType.CUSTOMER_UPDATED]
    assert [told(made, replace(ADA, name="Grace", version=4), 3, each) for each in types] == [None, ("name",)]


def test_16_ids_of_a_commit_sort_as_the_events_were_emitted() -> None:
    made = outbox()
    for _ in range(3):
        made.emit(EventType.CUSTOMER_UPDATED, ADA, None, NOW)
    ids = [each.id for each in made.events(NOW, lambda place: None)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 3
