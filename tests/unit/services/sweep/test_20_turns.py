"""Issue 20: what a turn reads ahead when a million renewals are due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.sweep.case import Case
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.tenant import InvoiceSequence
from billing.services.clocks.due_index import DueItem
from billing.services.kernel.work import Found, Ref
from billing.services.subscriptions.renewals import Renewals
from billing.services.sweep.read_ahead import AT_ONCE, FRESH, ReadAhead
from billing.services.sweep.turn_queue import TurnQueue

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
CASE = Case(due=60, tenants=2, shards=1, at=NOW)


@dataclass
class Fake:
    """What is read, claimed and forgotten; and the tenants."""

    stored: dict[str, Subscription] = field(default_factory=dict)
    reads: list[list[str]] = field(default_factory=list)
    claims: list[tuple[str, int]] = field(default_factory=list)
    forgotten: int = 0
    broken: bool = False

    def read(self, refs: Iterable[Ref[Any]], at: datetime) -> Found:
        if self.broken:
            raise RuntimeError("the database does not answer")
        refs = list(refs)
        self.reads.append([ref.id for ref in refs])
        return Found({ref: self.stored[ref.id] for ref in refs if ref.id in self.stored})

    def claim(self, sequence: InvoiceSequence, claims: Sequence[str], at: datetime) -> None:
        self.claims.append((sequence.tenant_id, len(set(claims))))

    def forget(self) -> None:
        self.forgotten += 1

    def get(self, tenant_id: str) -> Any:
        tenants = {CASE.tenant_id(n): n for n in range(CASE.tenants)}
        return CASE.tenant(tenants[tenant_id], "no key")


class NoOthers:
    """A biller and a usage closer that want nothing beside."""

    @staticmethod
    def refs(tenant: Any, what: Any) -> tuple[Ref[Any], ...]:
        return ()


@pytest.fixture
def fake() -> Fake:
    made = Fake()
    for n in range(CASE.due):
        subscription = CASE.order(n).subscription
        made.stored[subscription.id] = subscription
    return made


def ahead_of(fake: Fake) -> ReadAhead:
    others: Any = NoOthers()
    return ReadAhead(fake, Renewals(others, others, others, others), fake)


def queue_of(fake: Fake) -> TurnQueue:
    queue = TurnQueue(on_test_clock=False)
    queue.add(
        DueItem(each.due.at, 4, "subscription", each.tenant_id, each.id) for each in fake.stored.values() if each.due
    )
    return queue


def test_a_few_are_read_at_once_and_their_numbers_claimed_by_tenant(fake: Fake) -> None:
    ahead, queue = ahead_of(fake), queue_of(fake)
    for _ in range(AT_ONCE):
        ahead.before(queue.take(), queue, NOW)
    assert [len(each) for each in fake.reads[:1]] == [AT_ONCE]
    assert len(fake.reads) == 2  # they, and what they need
    assert sum(count for _, count in fake.claims) == AT_ONCE
    assert {tenant for tenant, _ in fake.claims} <= {CASE.tenant_id(0), CASE.tenant_id(1)}
    ahead.before(queue.take(), queue, NOW)
    assert len(fake.reads) == 4


def test_what_was_read_is_read_again_when_it_is_old(fake: Fake) -> None:
    ahead, queue = ahead_of(fake), queue_of(fake)
    for at in (NOW, NOW + FRESH - timedelta(seconds=1), NOW + FRESH):
        ahead.before(queue.take(), queue, at)
    assert len(fake.reads) == 4


def test_one_alone_reads_for_itself(fake: Fake) -> None:
    ahead_of(fake).before(queue_of(fake).take(), TurnQueue(on_test_clock=False), NOW)
    assert fake.reads == []


def test_other_kinds_are_not_read_ahead(fake: Fake) -> None:
    ahead_of(fake).before(replace(queue_of(fake).take(), kind="invoice"), queue_of(fake), NOW)
    assert fake.reads == []


def test_what_does_not_finalize_now_claims_no_number(fake: Fake) -> None:
    for each in fake.stored.values():
        fake.stored[each.id] = replace(each, cancel_at_period_end=True)
    queue = queue_of(fake)
    ahead_of(fake).before(queue.take(), queue, NOW)
    assert fake.claims == []


def test_a_database_that_does_not_answer_costs_only_what_would_have_been_saved(fake: Fake) -> None:
    fake.broken = True
    ahead, queue = ahead_of(fake), queue_of(fake)
    ahead.before(queue.take(), queue, NOW)
    ahead.end()
    assert fake.forgotten == 1
