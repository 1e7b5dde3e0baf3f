"""Issue 18: what time it is on a test clock for what a unit of work commits."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from billing.domain.catalog.coupon import Redemption
from billing.domain.clocks import Clock, ClockStatus
from billing.domain.customers.customer import Customer
from billing.domain.kernel.due import Due
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import Payment, PaymentStatus
from billing.schemas.events import present
from billing.services.kernel.work import Found, Ref
from billing.storage.clock_times import ClockTimes
from billing.storage.outbox import Outbox
from billing.storage.store import Store

LEFT, BEGUN, GOES_TO = (datetime(2027, month, 1, tzinfo=UTC) for month in (1, 2, 3))
WALL = datetime(2026, 11, 30, tzinfo=UTC)
READY = Clock("clk_1", "ten_1", LEFT, ClockStatus.READY, WALL)
MOVING = READY.advance(GOES_TO, Due("00", WALL))


class Clocks:
    """A ``Store`` that has clocks, and counts how often it is asked."""

    def __init__(self, *clocks: Clock) -> None:
        self._clocks = {each.id: each for each in clocks}
        self.asked: list[str] = []

    def load(self, refs: tuple[Ref[Any], ...], others: object) -> tuple[Found, object]:
        self.asked += [ref.id for ref in refs]
        return Found({ref: each for ref in refs if (each := self._clocks.get(ref.id))}), {}


def times(*clocks: Clock) -> tuple[ClockTimes, Clocks]:
    store = Clocks(*clocks)
    return ClockTimes(cast("Store", store)), store


def payment(created_at: datetime, clock_id: str | None = "clk_1") -> Payment:
    return Payment(
        id="pay_1",
        tenant_id="ten_1",
        customer_id="cus_1",
        amount=Money(5_000_000, "USD"),
        status=PaymentStatus.PENDING,
        attempt=1,
        idempotency_key="k",
        stripe_customer_id="cus_stripe",
        payment_method_id=None,
        off_session=True,
        created_at=created_at,
        submitted_at=WALL,
        test_clock_id=clock_id,
    )


def test_18_a_clock_that_was_seen_is_not_read_and_another_is_once() -> None:
    made, store = times(READY)
    made.saw([READY])
    assert (made.at("ten_1", "clk_1"), store.asked) == (LEFT, [])
    made, store = times(READY)
    assert [made.at("ten_1", "clk_1"), made.at("ten_1", "clk_1"), made.at("ten_1", "clk_2")] == [LEFT, LEFT, None]
    assert store.asked == ["clk_1", "clk_2"]


@pytest.mark.parametrize(
    ("begun", "expected"),
    [(BEGUN, BEGUN), (WALL, LEFT), (datetime(2028, 1, 1, tzinfo=UTC), GOES_TO)],
)
def test_18_on_a_clock_on_its_way_it_is_no_earlier_than_what_was_begun_there(
    begun: datetime, expected: datetime
) -> None:
    made, _ = times(MOVING)
    made.saw([payment(begun), payment(GOES_TO, None)])
    assert made.at("ten_1", "clk_1") == expected


def test_18_a_clock_that_stands_still_shows_one_time_and_a_worked_one_the_workers() -> None:
    made, _ = times(READY)
    made.saw([payment(BEGUN)])
    assert made.at("ten_1", "clk_1") == LEFT
    made.worked = BEGUN
    assert made.at("ten_1", "clk_1") == BEGUN


def test_18_an_event_tells_the_clock_of_its_object_or_of_the_customer_that_was_read() -> None:
    made = Outbox(present, lambda: bytes(10), 60, lambda tenant_id, clock_id: LEFT if clock_id == "clk_1" else None)
    ada = Customer("cus_1", "ten_1", "Ada", "USD", "UTC", WALL, test_clock_id="clk_1", version=1)
    grace = Customer("cus_2", "ten_1", "Grace", "USD", "UTC", WALL, version=1)
    made.saw([ada, grace])
    for customer in (ada, grace):
        made.emit(EventType.CUSTOMER_UPDATED, customer, None, WALL)
        redemption = Redemption(f"rd_{customer.id}", "ten_1", "cpn_1", customer.id, 1, LEFT, 1)
        made.emit(EventType.COUPON_REDEEMED, redemption, None, WALL)
    heads = [each.head for each in made.events(WALL, lambda place: None)]
    assert [(each.test_clock_id, each.occurred_at, each.created_at) for each in heads] == [
        ("clk_1", LEFT, WALL),
        ("clk_1", LEFT, WALL),
        (None, None, WALL),
        (None, None, WALL),
    ]
