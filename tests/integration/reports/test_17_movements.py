"""Issue 17: whoever saves a subscription writes its movement, in the same transaction; at most one for each commit."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing.bootstrap import reports, storage
from billing.domain.kernel.errors import LostRace
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.services.kernel.work import Ref
from tests.integration.reports.shop import Shop, opened
from tests.integration.world import Json, Tenant, World

Change = Callable[[Subscription], Subscription]


@pytest.fixture
def shop(world: World, tenant: Tenant) -> Shop:
    return opened(world, tenant)


def saved(shop: Shop, made: Json, *steps: Change) -> None:
    """Save a subscription in one unit of work, once for each step."""
    unit = storage.units().begin(shop.tenant.id)
    ref = Ref(Subscription, shop.tenant.id, made["id"])
    subscription = unit.load(ref).require(ref)
    for step in steps:
        subscription = unit.save(step(subscription))
    shop.world.writes.clear()
    unit.commit()


def tables(shop: Shop) -> list[str]:
    """Of the one transaction."""
    ((_, written),) = shop.world.writes
    return written


def in_state(state: SubscriptionState) -> Change:
    return lambda each: replace(each, state=state)


def noted(each: Subscription) -> Subscription:
    return replace(each, metadata={"note": "anything"})


def test_saved_twice_in_a_unit_it_has_moved_once_from_what_it_was(shop: Shop) -> None:
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    saved(shop, made, in_state(SubscriptionState.PAUSED), noted)
    assert tables(shop) == ["subscriptions", "mrr_movements"]
    shop.laws()
    assert [row["amount"] for row in shop.report("mrr-movements")] == [54_999_000, -54_999_000]


def test_what_is_as_it_was_at_the_end_of_a_unit_has_not_moved(shop: Shop) -> None:
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    saved(shop, made, in_state(SubscriptionState.PAUSED), in_state(SubscriptionState.ACTIVE))
    assert tables(shop) == ["subscriptions"]
    shop.laws()


def test_what_changes_no_figure_writes_no_item_more(shop: Shop) -> None:
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    saved(shop, made, noted)
    assert tables(shop) == ["subscriptions"]


def test_a_lost_race_writes_neither(shop: Shop) -> None:
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    unit = storage.units().begin(shop.tenant.id)
    ref = Ref(Subscription, shop.tenant.id, made["id"])
    stale = unit.load(ref).require(ref)
    saved(shop, made, noted)
    unit.save(replace(stale, state=SubscriptionState.PAUSED))
    with pytest.raises(LostRace):
        unit.commit()
    shop.laws()
    assert len(shop.report("mrr-movements")) == 1


def test_movements_are_read_in_order_from_any_place_on(shop: Shop) -> None:
    """From months, parts and places: what a fold that was kept goes on with."""
    for month, who in (("2026-01-20", "ada"), ("2026-02-20", "bob"), ("2026-02-20T00:00:01Z", "eve")):
        shop.until(month)
        shop.subscribe("business-monthly", who, quantities={"seats": 100})
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    journal = reports.journal()

    def read(begin: datetime, after: str | None = None) -> list[str]:
        return [each.id for each in journal.movements(shop.tenant.id, begin, end, shop.clock, after)]

    places = [each.place for each in journal.movements(shop.tenant.id, begin, end, shop.clock)]
    assert places == sorted(places)
    assert len(places) == 3
    whole = read(begin)
    assert [read(begin, place) for place in places] == [whole[1:], whole[2:], []]
    assert read(end) == read(end + timedelta(days=1)) == []
    assert list(journal.movements(shop.tenant.id, begin, end)) == []  # on the wall clock there is nobody


def test_a_report_as_of_a_time_before_its_days_has_nothing(shop: Shop) -> None:
    shop.subscribe("business-monthly", quantities={"seats": 100})
    for name in ("mrr", "mrr-movements", "retention", "cohorts"):
        assert shop.report(name, "2026-02-01", "2026-03-01", asOf="2026-01-15T00:00:00Z") == []


def test_one_from_before_comes_in_with_its_next_renewal(shop: Shop) -> None:
    """It has neither a price nor what it counts for, as it was stored by an earlier release."""
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    table = shop.world.aws("dynamodb")
    for row in shop.world.rows("mrr_movements"):
        if row["moved_key"]["S"].startswith(shop.tenant.id):
            key = {name: row[name] for name in ("moved_key", "moved")}
            table.delete_item(TableName=shop.world.tables["mrr_movements"], Key=key)
    saved_before(shop, made)
    assert shop.report("mrr-movements") == []
    shop.until("2026-02-02")
    row = shop.report()[-1]
    assert (row["start"], row["opening"], row["end"]) == (0, 54_999_000, 54_999_000)
    shop.patch(made, quantities={"seats": 101})
    row = shop.report()[-1]
    assert (row["opening"], row["expansion"], row["customersNew"]) == (54_999_000, 500_000, 1)


def saved_before(shop: Shop, made: Json) -> None:
    """The subscription as a release before this one stored it."""
    table = shop.world.aws("dynamodb")
    (row,) = [each for each in shop.world.rows_of("subscriptions", shop.tenant.id) if each["id"]["S"] == made["id"]]
    new = ("price", "mrr", "first_invoice_id", "awaits_first_payment", "ended_unpaid")
    body = {name: value for name, value in json.loads(row["body"]["S"]).items() if name not in new}
    table.put_item(TableName=shop.world.tables["subscriptions"], Item={**row, "body": {"S": json.dumps(body)}})
