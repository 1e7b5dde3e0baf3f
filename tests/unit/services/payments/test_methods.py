"""Saved methods that go: in commits that fit, however many subscriptions they paid; and who takes their place."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.domain.customers.customer import CardDisplay, Customer, PaymentMethod
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.services.kernel.recovery import RecoveryPoint, Repeat
from billing.services.kernel.work import Found, Page, Query, Ref
from billing.services.payments import methods
from tests.support.engine import CUSTOMER, TENANT, flat, plan, started

AT = datetime(2026, 11, 21, 22, tzinfo=UTC)
MOST_ITEMS = 100
"""DynamoDB: "Member must have length less than or equal to 100"."""
SUBSCRIPTION = started(plan(flat(1000)), AT)


@dataclass
class Commits:
    """A unit of work over entities in memory, which counts what each commit writes."""

    now: datetime = AT
    tenant: Any = TENANT
    stored: dict[tuple[type, str], Any] = field(default_factory=dict)
    staged: dict[tuple[type, str], Any] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    waiting: int = 0
    sizes: list[int] = field(default_factory=list)
    page_size: int = 100

    def load(self, *refs: Ref[Any]) -> Found:
        seen = self.stored | self.staged
        return Found({ref: seen[ref.kind, ref.id] for ref in refs if (ref.kind, ref.id) in seen})

    def query(self, query: Query[Any]) -> Page[Any]:
        """What the index shows: what is stored, and no detached method; a page of it."""
        found = [
            each
            for (kind, _), each in sorted(self.stored.items(), key=lambda entry: entry[0][1])
            if kind is query.kind
            and each.customer_id == query.value
            and each.id > (query.start or "")
            and not (kind is PaymentMethod and each.detached_at)
        ]
        size = min(query.limit, self.page_size)
        cursor = found[size - 1].id if len(found) > size else None
        return Page(found[:size], cursor, query.limit)

    def save(self, entity: Any) -> Any:
        self.staged[type(entity), entity.id] = entity
        return entity

    def rely_on(self, entity: Any) -> None:
        """It is alone."""

    def emit(self, event_type: str, entity: Any) -> None:
        self.events.append(event_type)
        self.waiting += 1

    def checkpoint(self, point: RecoveryPoint) -> None:
        assert point == Repeat()
        self.commit(beside=1)

    def commit(self, beside: int = 2) -> None:
        """Write what is staged, with an idempotency record and an audit row beside it."""
        self.sizes.append(len(self.staged) + self.waiting + beside)
        self.stored |= self.staged
        self.staged, self.waiting = {}, 0

    def all(self, kind: type) -> list[Any]:
        return [each for (each_kind, _), each in self.stored.items() if each_kind is kind]


def method(number: int, **changes: Any) -> PaymentMethod:
    made = PaymentMethod(f"pm_{number}", "ten_1", CUSTOMER.id, "card", AT, CardDisplay("visa", "4242", 1, 2030))
    return replace(made, **({"created_at": AT + timedelta(days=number)} | changes))


def subscriptions(count: int, method_id: str | None) -> list[Subscription]:
    return [replace(SUBSCRIPTION, id=f"sub_{n:03d}", payment_method_id=method_id) for n in range(count)]


def holding(*entities: Any) -> Any:
    return Commits(stored={(type(each), each.id): each for each in entities})


@pytest.mark.parametrize("count", [0, 1, 40, 41, 205])
def test_however_many_subscriptions_it_paid_all_are_freed_in_commits_that_fit(count: int) -> None:
    owner = replace(CUSTOMER, default_payment_method_id="pm_1")
    work = holding(owner, method(1), *subscriptions(count, "pm_1"))
    methods.remove_method(work, owner, method(1))
    work.commit()
    assert {each.payment_method_id for each in work.all(Subscription)} <= {None}
    assert work.events.count("subscription.updated") == count
    assert max(work.sizes) <= MOST_ITEMS
    (gone,) = work.all(PaymentMethod)
    assert (gone.card, gone.detached_at) == (None, AT)
    assert work.all(Customer)[0].default_payment_method_id is None


def test_other_methods_subscriptions_and_those_that_ended_stay_as_they_are() -> None:
    ended = replace(SUBSCRIPTION, id="sub_ended", state=SubscriptionState.CANCELED, payment_method_id="pm_1")
    others = replace(SUBSCRIPTION, id="sub_other", payment_method_id="pm_2")
    work = holding(CUSTOMER, method(1), method(2), ended, others)
    methods.remove_method(work, CUSTOMER, method(1))
    work.commit()
    assert {each.id: each.payment_method_id for each in work.all(Subscription)} == {
        "sub_ended": "pm_1", "sub_other": "pm_2",
    }  # fmt: skip
    assert work.events == []


@pytest.mark.parametrize(
    ("others", "successor"),
    [
        ((), None),
        ((method(2), method(3)), "pm_3"),
        ((method(3, created_at=AT), method(2)), "pm_2"),
        ((method(2), method(3, detached_at=AT)), "pm_2"),
    ],
    ids=["none is left", "the newest", "by time and not by id", "not one that is gone"],
)
def test_the_newest_other_becomes_the_default(others: tuple[PaymentMethod, ...], successor: str | None) -> None:
    owner = replace(CUSTOMER, default_payment_method_id="pm_1")
    work = holding(owner, method(1), *others)
    methods.remove_method(work, owner, method(1))
    work.commit()
    assert work.all(Customer)[0].default_payment_method_id == successor
    assert work.events == ["customer.updated"]


def test_a_method_that_is_gone_is_removed_once() -> None:
    gone = method(1, detached_at=AT - timedelta(days=1))
    work = holding(CUSTOMER, gone)
    assert methods.remove_method(work, CUSTOMER, gone) is gone
    assert (work.staged, work.events) == ({}, [])


@pytest.mark.parametrize("count", [1, 130])
def test_a_customer_that_is_gone_at_stripe_loses_all_methods_in_commits_that_fit(count: int) -> None:
    owner = replace(CUSTOMER, default_payment_method_id="pm_0", stripe_customer_id="cus_s")
    paid_by = [replace(each, payment_method_id=f"pm_{n}") for n, each in enumerate(subscriptions(count, None))]
    work = holding(owner, *(method(n) for n in range(count)), *paid_by)
    methods.forget_stripe_customer(work, owner)
    work.commit()
    assert {each.detached_at for each in work.all(PaymentMethod)} == {AT}
    assert {each.payment_method_id for each in work.all(Subscription)} == {None}
    (after,) = work.all(Customer)
    assert (after.stripe_customer_id, after.default_payment_method_id) == (None, None)
    assert max(work.sizes) <= MOST_ITEMS
    assert work.events.count("customer.updated") == 1
