"""GET /usage, /usage/events/{id} and /usage/rejections: what was counted, as of now."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.bootstrap import usage as usage_bootstrap
from billing.services.usage.ports import TotalKey
from tests.integration.world import Answer, Json, Tenant, World

NOW = datetime(2027, 3, 10, 12, 0, 0, tzinfo=UTC)
MARCH = {"start": "2027-03-01T09:00:00Z", "end": "2027-04-01T09:00:00Z"}


@pytest.fixture
def subscription(world: World, tenant: Tenant) -> str:
    """A subscription since March 1, and meters to count its usage."""
    for meter in (
        {"key": "calls", "aggregation": "sum"},
        {"key": "tokens", "aggregation": "sum", "dimensions": ["region", "model"]},
        {"key": "peak", "aggregation": "max"},
        {"key": "seats", "aggregation": "last"},
        {"key": "users", "aggregation": "unique", "property": "user"},
    ):
        assert tenant.post("/v1/meters", meter).status == 201
    world.clock.freeze(datetime(2027, 3, 1, 9, 0, 0, tzinfo=UTC))
    made = str(tenant.subscribe()["id"])
    world.clock.freeze(NOW)
    return made


class Reporter:
    """Reports events, and has them counted."""

    def __init__(self, world: World, tenant: Tenant, subscription: str) -> None:
        self.world, self.tenant, self.subscription = world, tenant, subscription
        self._number = 0

    def event(self, meter: str, quantity: Any, at: str, **fields: Any) -> Json:
        """An event of a day or a time of March: ``10T11:30``."""
        self._number += 1
        return {
            "eventId": f"e-{self._number}",
            "subscriptionId": self.subscription,
            "meter": meter,
            "quantity": quantity,
            "timestamp": f"2027-03-{at}:00Z",
            **fields,
        }

    def report(self, *events: Json) -> None:
        """Accepted and counted, in one request."""
        assert self.tenant.post("/v1/usage/events", {"events": list(events)}).status == 202
        assert self.world.count_usage() == {"batchItemFailures": []}

    def rows(self, **query: Any) -> Answer:
        return self.tenant.get("/v1/usage", subscription=self.subscription, **query)

    def totals(self, **query: Any) -> list[tuple[str, str]]:
        """(start of the hour or day, total) of each row, as they are listed."""
        rows = self.rows(**query).data
        return [(row["period"]["start"][5:13], row["total"]) for row in rows]


@pytest.fixture
def usage(world: World, tenant: Tenant, subscription: str) -> Reporter:
    return Reporter(world, tenant, subscription)


def test_totals_by_period_meter_and_dimensions(usage: Reporter) -> None:
    eu = {"properties": {"region": "eu", "model": "large"}}
    us = {"properties": {"region": "us", "other": "x"}}
    usage.report(
        usage.event("calls", "1.5", "10T11:30"),
        usage.event("calls", 2, "09T11:30"),
        usage.event("tokens", 10, "10T10:00", **eu),
        usage.event("tokens", 5, "10T10:00", **us),
        usage.event("tokens", 7, "10T10:01", **eu),
        usage.event("peak", 3, "10T10:01"),
        usage.event("peak", 2, "10T10:02"),
    )
    row = {"subscriptionId": usage.subscription, "period": MARCH, "trial": False}
    assert usage.rows().data == [
        {**row, "meter": "calls", "dimensions": {}, "total": "3.5"},
        {**row, "meter": "peak", "dimensions": {}, "total": "3"},
        {**row, "meter": "tokens", "dimensions": {"region": "eu", "model": "large"}, "total": "17"},
        {**row, "meter": "tokens", "dimensions": {"region": "us", "model": ""}, "total": "5"},
    ]
    assert [each["total"] for each in usage.rows(meter="tokens").data] == ["17", "5"]
    assert usage.rows(meter="users").data == []
    assert usage.rows(to="2027-03-01T09:00:00Z").data == []
    assert usage.rows(from_="2027-04-01T09:00:00Z").data == []
    assert len(usage.rows(from_="2027-03-31T00:00:00Z", to="2027-05-01T00:00:00Z").data) == 4


def test_shards_are_one_total(world: World, tenant: Tenant, usage: Reporter) -> None:
    assert tenant.patch("/v1/meters/calls", {"shards": 8}).status == 200
    world.clock.advance(minutes=16)
    for n in range(12):
        usage.report(usage.event("calls", 1, f"09T{n:02d}:00"))
    items = [row["item"]["S"] for row in world.rows("usage_totals") if row["item"]["S"].startswith("total#")]
    assert len(items) > 1
    assert [row["total"] for row in usage.rows().data] == ["12"]
    days = {"meter": "calls", "granularity": "day", "from_": "2027-03-01T00:00:00Z", "to": "2027-03-20T00:00:00Z"}
    assert usage.totals(**days) == [("03-09T00", "12")]


def test_what_was_counted_before_and_after_a_closing_is_one_total(tenant: Tenant, usage: Reporter) -> None:
    store = usage_bootstrap.usage_store()
    for slot in range(3):
        usage.report(usage.event("calls", 2, "09T10:00"), usage.event("peak", 5 - slot, "09T10:00"))
        for meter in ("calls", "peak"):
            key = TotalKey(tenant.id, usage.subscription, slot, meter)
            store.close(key, final=False)
    assert [(row["meter"], row["total"]) for row in usage.rows().data] == [("calls", "6"), ("peak", "5")]


@pytest.mark.parametrize(
    ("meter", "hours", "days"),
    [
        ("calls", [("03-10T11", "4"), ("03-10T10", "5"), ("03-09T23", "1")], [("03-10T00", "9"), ("03-09T00", "1")]),
        ("peak", [("03-10T11", "4"), ("03-10T10", "3"), ("03-09T23", "1")], [("03-10T00", "4"), ("03-09T00", "1")]),
        ("seats", [("03-10T11", "4"), ("03-10T10", "2"), ("03-09T23", "1")], [("03-10T00", "4"), ("03-09T00", "1")]),
    ],
)
def test_a_series_by_hour_and_by_day(usage: Reporter, meter: str, hours: Any, days: Any) -> None:
    usage.report(
        usage.event(meter, 1, "09T23:59"),
        usage.event(meter, 3, "10T10:00"),
        usage.event(meter, 2, "10T10:59"),
        usage.event(meter, 4, "10T11:00"),
    )
    span = {"meter": meter, "from_": "2027-03-08T00:00:00Z", "to": "2027-03-11T00:00:00Z"}
    assert usage.totals(**span, granularity="hour") == hours
    assert usage.totals(**span, granularity="day") == days
    # An hour that has a part in the time is there with all that it has.
    part = {"meter": meter, "from_": "2027-03-10T10:30:00Z", "to": "2027-03-10T11:00:00Z"}
    assert usage.totals(**part, granularity="hour") == hours[1:2]
    assert usage.totals(**part, granularity="day") == days[:1]


def test_a_value_is_in_the_hour_in_which_it_was_first_seen(usage: Reporter) -> None:
    for n, user in enumerate(("ann", "bob", "ann", "cid")):
        usage.report(usage.event("users", 1, f"10T{8 + n:02d}:00", properties={"user": user}))
    span = {"meter": "users", "from_": "2027-03-10T00:00:00Z", "to": "2027-03-11T00:00:00Z"}
    assert usage.totals(**span, granularity="hour") == [("03-10T11", "1"), ("03-10T09", "1"), ("03-10T08", "1")]
    assert usage.totals(**span, granularity="day") == [("03-10T00", "3")]
    assert [row["total"] for row in usage.rows(meter="users").data] == ["3"]


def test_what_a_series_needs(usage: Reporter) -> None:
    missing = dict.fromkeys(("meter", "from", "to"), "missing_required_field")
    assert usage.rows(granularity="hour").bad_fields == missing
    assert usage.rows(granularity="day").bad_fields == missing
    start = {"meter": "calls", "from_": "2027-01-01T00:00:00Z"}
    assert usage.rows(**start, granularity="hour", to="2027-02-01T00:00:00Z").status == 200
    too_long = {"to": "too_far_from_from"}
    assert usage.rows(**start, granularity="hour", to="2027-02-01T00:00:01Z").bad_fields == too_long
    assert usage.rows(**start, granularity="day", to="2028-01-02T00:00:00Z").status == 200
    assert usage.rows(**start, granularity="day", to="2028-01-02T00:00:01Z").bad_fields == too_long
    assert usage.rows(**start, to="2027-01-01T00:00:00Z").bad_fields == {"to": "not_after_from"}
    assert usage.rows(granularity="week").bad_fields == {"granularity": "not_one_of_the_allowed_values"}
    assert usage.tenant.get("/v1/usage").bad_fields == {"subscription": "missing_required_field"}


def test_what_is_not_there_is_a_404(world: World, usage: Reporter) -> None:
    assert usage.rows(meter="none").status == 404
    other = world.tenant()
    assert other.get("/v1/usage", subscription=usage.subscription).status == 404
    assert usage.tenant.get("/v1/usage", subscription="sub_none").status == 404


def test_pages_have_every_row_once(world: World, usage: Reporter) -> None:
    usage.report(
        *(usage.event("calls", 1, f"10T{hour:02d}:00") for hour in range(12)), usage.event("calls", 1, "09T00:00")
    )
    span = {"meter": "calls", "from_": "2027-03-09T00:00:00Z", "to": "2027-03-11T00:00:00Z", "granularity": "hour"}
    everything = usage.rows(**span, limit=100)
    assert everything.json["meta"]["pagination"] == {"next_cursor": None, "has_more": False, "limit": 100}
    found: list[Json] = []
    cursor: dict[str, str] = {}
    for _ in range(4):
        page = usage.rows(**span, limit=4, **cursor)
        found += page.data
        cursor = {"cursor": page.json["meta"]["pagination"]["next_cursor"]}
    assert cursor == {"cursor": None}
    assert found == everything.data
    assert len(found) == 13
    first = usage.rows(**span, limit=4).json["meta"]["pagination"]["next_cursor"]
    bad = {"cursor": "invalid_cursor"}
    assert usage.rows(**(span | {"granularity": "day"}), cursor=first).bad_fields == bad
    assert usage.rows(**span, cursor="next").bad_fields == bad


def test_pages_of_one_period_by_meter_and_dimensions(usage: Reporter) -> None:
    regions = [{"properties": {"region": region}} for region in ("c", "a", "b")]
    usage.report(
        *(usage.event("tokens", 1, "10T10:00", **each) for each in regions), usage.event("calls", 1, "10T10:00")
    )
    found: list[Json] = []
    cursor: dict[str, str] = {}
    for _ in range(4):
        page = usage.rows(limit=1, **cursor)
        found += page.data
        cursor = {"cursor": page.json["meta"]["pagination"]["next_cursor"]}
    assert [(row["meter"], row["dimensions"].get("region")) for row in found] == [
        ("calls", None),
        ("tokens", "a"),
        ("tokens", "b"),
        ("tokens", "c"),
    ]
    assert cursor == {"cursor": None}


def test_a_counted_event_can_be_read(world: World, tenant: Tenant, usage: Reporter) -> None:
    event = usage.event("tokens", "2.50", "10T10:00", properties={"region": "eu", "job": 7})
    assert tenant.post("/v1/usage/events", {"events": [event]}).status == 202
    path = f"/v1/usage/events/{event['eventId']}"
    assert tenant.get(path).status == 404  # not yet
    world.count_usage()
    assert tenant.get(path).data == {
        **event,
        "id": event["eventId"],
        "status": "counted",
        "quantity": "2.5",
        "properties": {"region": "eu", "job": "7"},
        "corrects": None,
        "value": "2.5",
        "remaining": "2.5",
        "period": MARCH,
        "trial": False,
        "dimensions": {"region": "eu", "model": ""},
        "countedAt": "2027-03-10T12:00:00Z",
    }
    assert world.tenant().get(path).status == 404
    assert tenant.get(f"/v1/usage/events/{'x' * 3000}").status == 404


def test_an_event_whose_id_has_a_percent_sign_can_be_read(tenant: Tenant, usage: Reporter) -> None:
    """As API Gateway hands the path ``/events/50%25:a+b@c``: everything else in it is decoded."""
    usage.report(usage.event("calls", 1, "10T10:00") | {"eventId": "50%:a+b@c"})
    assert tenant.get("/v1/usage/events/50%25:a+b@c").data["eventId"] == "50%:a+b@c"


def test_a_maximum_has_nothing_to_be_corrected(tenant: Tenant, usage: Reporter) -> None:
    event = usage.event("peak", 2, "10T10:00")
    usage.report(event)
    assert tenant.get(f"/v1/usage/events/{event['eventId']}").data["remaining"] is None


def test_what_could_not_be_counted_is_listed(world: World, tenant: Tenant, usage: Reporter) -> None:
    lost = usage.event("none", 1, "10T10:00", properties={"region": "eu"})
    usage.report(usage.event("calls", 1, "10T10:00"), lost)
    (rejection,) = tenant.get("/v1/usage/rejections").data
    assert rejection == {
        "id": rejection["id"],
        "createdAt": "2027-03-10T12:00:00Z",
        "version": 1,
        "events": [{**lost, "quantity": "1", "corrects": None, "reason": "unknown_meter"}],
    }
    (event,) = [row for row in world.rows_of("events", tenant.id) if row["type"]["S"] == "usage.events_rejected"]
    assert event["object_id"] == {"S": rejection["id"]}
    assert world.tenant().get("/v1/usage/rejections").data == []
