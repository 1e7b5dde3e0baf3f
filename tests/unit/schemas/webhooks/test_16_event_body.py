"""Issue 16: one place makes what is told of an event; its bytes follow from what was stored, and from nothing else."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from billing.domain.kernel.event_types import EventType
from billing.domain.webhooks.endpoint import Payload
from billing.domain.webhooks.event import Event, EventHead
from billing.edge.http.call import API_VERSIONS
from billing.integrations.aws.event_bus import source_of
from billing.schemas.webhooks.event import LONGEST_BYTES, LONGEST_BYTES_ON_A_BUS, body, told
from billing.schemas.webhooks.reading import EventOut
from billing.services.webhooks.events import Placed

HEAD = EventHead(
    id="evt_1",
    tenant_id="ten_1",
    type="customer.updated",
    object_id="cus_1",
    created_at=datetime(2026, 11, 30, 1, 2, 3, 4000, tzinfo=UTC),
    expires_at=1_800_000_000,
)
EVENT = Event(HEAD, {"id": "cus_1", "name": "Zoë", "version": 4}, ("name",))


def test_16_a_snapshot_is_the_object_as_it_was_committed() -> None:
    assert body(EVENT).decode() == (
        '{"id":"evt_1","type":"customer.updated","created":"2026-11-30T01:02:03.004000Z","apiVersion":"1.0",'
        '"tenantId":"ten_1","data":{"object":{"id":"cus_1","name":"Zoë","version":4},"changed":["name"]}}'
    )
    assert "changed" not in told(replace(EVENT, changed=None))["data"]
    assert told(replace(EVENT, changed=()))["data"]["changed"] == []


def test_16_a_thin_payload_names_the_object_and_says_nothing_personal() -> None:
    thin = json.loads(body(EVENT, Payload.THIN))
    assert thin["data"] == {"object": {"id": "cus_1", "version": 4}, "changed": ["name"]}
    assert "Zoë" not in json.dumps(thin, ensure_ascii=False)
    assert told(replace(EVENT, object={"id": "SUMMER#cus_1"}), Payload.THIN)["data"]["object"] == {"id": "SUMMER#cus_1"}


@pytest.mark.parametrize(("extra", "truncated"), [(0, False), (1, True)])
def test_16_what_is_longer_than_256_kb_is_thin_and_says_so(extra: int, truncated: bool) -> None:
    """In bytes as they are sent, not in characters: an é is two."""
    around = len(body(replace(EVENT, object={"id": "cus_1", "version": 4, "name": ""})))
    room = LONGEST_BYTES - around
    long = replace(EVENT, object={"id": "cus_1", "version": 4, "name": "é" * (room // 2) + "x" * (room % 2 + extra)})
    made = json.loads(body(long))
    assert len(body(long)) <= LONGEST_BYTES
    assert made["data"].get("truncated", False) is truncated
    assert ("name" in made["data"]["object"]) is not truncated
    assert "truncated" not in json.loads(body(long, Payload.THIN))["data"]


@pytest.mark.parametrize(("extra", "truncated"), [(0, False), (1, True)])
def test_16_what_fills_a_bus_with_its_source_and_type_is_thin_there(extra: int, truncated: bool) -> None:
    """PutEvents takes 262,144 bytes of source, type, time (14) and detail together."""
    around = len(body(replace(EVENT, object={"id": "cus_1", "version": 4, "name": ""})))
    name = "x" * (LONGEST_BYTES_ON_A_BUS - around + extra)
    long = replace(EVENT, object={"id": "cus_1", "version": 4, "name": name})
    made = body(long, on_a_bus=True)
    assert json.loads(made)["data"].get("truncated", False) is truncated
    longest_type = max(len(each.value) for each in EventType)
    source = len(source_of(f"ten_{'0' * 26}"))
    assert 14 + source + longest_type + LONGEST_BYTES_ON_A_BUS <= 262_144
    assert "truncated" not in json.loads(body(long))["data"]


def test_16_the_api_shows_what_webhooks_carry_and_its_place_beside_it() -> None:
    shown = json.loads(EventOut.of(Placed(EVENT, 7)).model_dump_json(by_alias=True))
    assert (shown.pop("sequence"), shown.pop("occurredAt"), shown.pop("testClockId")) == (7, None, None)
    assert shown == json.loads(body(EVENT))
    assert list(shown) == list(json.loads(body(EVENT)))


def test_16_events_are_in_the_newest_version_of_the_api() -> None:
    assert EVENT.api_version == API_VERSIONS[-1]
