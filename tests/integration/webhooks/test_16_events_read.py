"""Issue 16, item 1: which events are listed, in pages of which size, and one by its id."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.domain.kernel.times import format_time
from tests.integration.webhooks.feeding import feed, followed
from tests.integration.world import Tenant, World

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(world: World) -> Tenant:
    """A tenant with a few events of several types, an hour apart, all in the feed."""
    world.clock.reset()
    tenant = world.tenant()
    world.clock.freeze(START)
    for name in ("Ada", "Grace"):
        tenant.data.setdefault("customers", []).append(tenant.customer(name=name))
        feed(world, tenant)
        world.clock.advance(hours=1)
    tenant.patch(f"/v1/customers/{tenant.data['customers'][0]}", {"name": "Ada Lovelace", "metadata": {"a": "b"}})
    tenant.plan()
    tenant.subscribe(customerId=tenant.data["customers"][1])
    feed(world, tenant)
    world.clock.reset()
    return tenant


@pytest.fixture(autouse=True)
def _then(world: World) -> None:
    world.clock.freeze(START + timedelta(hours=3))


def types(found: list[Any]) -> list[str]:
    return [each["type"] for each in found]


def test_16_every_limit_brings_every_event_once_and_in_order(shop: Tenant) -> None:
    whole, _ = followed(shop, limit=100)
    assert [each["sequence"] for each in whole] == list(range(1, len(whole) + 1))
    for limit in (1, 2, 3, len(whole), len(whole) + 1):
        assert followed(shop, limit=limit)[0] == whole


def test_16_a_type_or_a_pattern_brings_those_events(shop: Tenant) -> None:
    whole, _ = followed(shop, limit=100)
    for asked in ("customer.created", "invoice.*", "subscription.*", "*"):
        wanted = [e for e in whole if asked == "*" or e["type"] == asked or e["type"].startswith(asked.rstrip("*"))]
        assert wanted
        assert followed(shop, type=asked)[0] == followed(shop, type=asked, limit=1)[0] == wanted
    assert followed(shop, type="dispute.opened")[0] == []


@pytest.mark.parametrize("asked", ["invoice", "invoice*", "invoic.*", "*.paid", "invoice.payed", "", ".*", "**"])
def test_16_a_type_that_is_none_is_refused_rather_than_never_met(shop: Tenant, asked: str) -> None:
    answer = shop.get("/v1/events", type=asked)
    assert (answer.status, answer.bad_fields) == (400, {"type": "unknown_event_type"})


def test_16_the_events_of_one_object(shop: Tenant) -> None:
    found, _ = followed(shop, objectId=shop.data["customers"][0])
    assert types(found) == ["customer.created", "customer.updated"]
    assert {each["data"]["object"]["id"] for each in found} == {shop.data["customers"][0]}
    assert followed(shop, objectId="cus_nobody")[0] == []


def test_16_times_are_of_the_events_commits(shop: Tenant) -> None:
    whole, _ = followed(shop, limit=100)
    bound = format_time(START + timedelta(hours=1))
    later, earlier = followed(shop, from_=bound)[0], followed(shop, to=bound)[0]
    assert [*earlier, *later] == whole
    assert earlier
    assert later
    assert {each["created"] < bound for each in earlier} == {True}
    assert followed(shop, from_=format_time(START + timedelta(hours=9)))[0] == []


def test_16_a_poller_that_begins_now_reads_a_feed_of_a_month_in_few_steps(
    world: World, shop: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``from`` is found by halving, not by reading all that is older."""
    from billing.storage.webhooks.feed import DynamoFeed

    read: list[int] = []
    real = DynamoFeed.rows

    def rows(self: DynamoFeed, tenant_id: str, after: int, limit: int) -> Any:
        read.append(after)
        return real(self, tenant_id, after, limit)

    monkeypatch.setattr(DynamoFeed, "rows", rows)
    first = shop.get("/v1/events", from_=format_time(START + timedelta(hours=2)), limit=100).data
    assert first[0]["sequence"] > 2
    assert read[-1] == 2
    assert len(read) <= 6


def test_16_what_changed_is_told_by_its_public_name(shop: Tenant) -> None:
    created, updated = followed(shop, objectId=shop.data["customers"][0])[0]
    assert sorted(updated["data"]["changed"]) == ["metadata", "name"]
    assert "changed" not in created["data"]


def test_16_one_event_by_its_id_whole_and_with_its_place(world: World, shop: Tenant) -> None:
    whole, _ = followed(shop, limit=100)
    assert shop.get(f"/v1/events/{whole[2]['id']}").data == whole[2]
    shop.customer(name="Joan")
    newest = world.rows_of("events", shop.id)[-1]["id"]["S"]
    unplaced = shop.get(f"/v1/events/{newest}").data
    assert (unplaced["sequence"], unplaced["type"]) == (None, "customer.created")
    assert unplaced["created"] == format_time(START + timedelta(hours=3))
    for nothing in ("evt_nobody", "x" * 300, "count"):
        answer = shop.get(f"/v1/events/{nothing}")
        assert (answer.status, answer.error["code"]) == (404, "resource.not_found")


def test_16_an_event_is_kept_for_thirty_days_and_not_shown_for_longer(world: World, shop: Tenant) -> None:
    """The tables forget late: what is still in them is gone all the same."""
    first = followed(shop, limit=1)[0][0]
    world.clock.freeze(START + timedelta(days=30, minutes=30))
    assert shop.get(f"/v1/events/{first['id']}").status == 404
    left = followed(shop)[0]
    assert first["id"] not in {each["id"] for each in left}
    assert left


def test_16_no_delivery_has_failed_where_nothing_is_delivered(shop: Tenant) -> None:
    answer = shop.get("/v1/events", deliverySuccess="false")
    assert (answer.data, answer.json["meta"]["pagination"]["has_more"]) == ([], False)
    for value in ("true", "0", "no"):
        assert set(shop.get("/v1/events", deliverySuccess=value).bad_fields) == {"deliverySuccess"}


def test_16_a_cursor_of_another_list_fits_none(shop: Tenant) -> None:
    of_customers = shop.get("/v1/customers", limit=1).json["meta"]["pagination"]["next_cursor"]
    of_feed = followed(shop)[1]
    for path, cursor, more in (
        ("/v1/events", of_customers, {}),
        ("/v1/customers", of_feed, {}),
        ("/v1/events", of_feed, {"deliverySuccess": "false"}),
        ("/v1/events", "7", {}),
    ):
        answer = shop.get(path, cursor=cursor, **more)
        assert (answer.status, answer.bad_fields) == (400, {"cursor": "invalid_cursor"})


def test_16_a_cursor_goes_on_under_other_filters(shop: Tenant) -> None:
    """It is a place in the feed: a poller that wants more types from now on loses nothing."""
    whole, _ = followed(shop, limit=100)
    page = shop.get("/v1/events", type="customer.*", limit=1)
    rest = followed(shop, page.json["meta"]["pagination"]["next_cursor"])[0]
    assert [*page.data, *rest] == whole
