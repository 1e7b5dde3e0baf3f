"""What the benchmark of the sweep stands on: a queue at its worst, a world that is due, an eye for what is wrong."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from benchmarks.sweep.case import Case, Expected
from benchmarks.sweep.check import Found, problems
from benchmarks.sweep.queue import FifoQueue, Message
from benchmarks.sweep.run import Outcome
from benchmarks.sweep.table import GROWTH, Measured, section_of
from benchmarks.sweep.worker import Beat
from billing.domain.subscriptions.subscription import SubscriptionState

CASE = Case(due=120, tenants=3, shards=4, at=datetime(2026, 3, 31, 12, tzinfo=UTC))


def queue(copies: int = 3) -> FifoQueue:
    return FifoQueue(copies, Random(7))


def drained(of: FifoQueue) -> list[Message]:
    taken = []
    while (message := of.take()) is not None:
        taken.append(message)
        of.done(message)
    return taken


# The queue


def test_each_message_comes_three_times() -> None:
    messages = queue()
    for shard in ("00", "01"):
        messages.wake(shard, "12:00")
    taken = drained(messages)
    assert Counter(message.shard for message in taken) == {"00": 3, "01": 3}
    assert messages.empty
    assert (messages.sent, messages.delivered) == (2, 6)


def test_a_deduplication_id_is_taken_once_for_a_shard() -> None:
    messages = queue(copies=1)
    for shard in ("00", "00", "01"):
        messages.wake(shard, "12:00")
    assert len(drained(messages)) == 2


def test_a_shard_is_never_given_out_twice_at_once() -> None:
    messages = queue()
    for shard in ("00", "01"):
        messages.wake(shard, "12:00")
    first, second = messages.take(), messages.take()
    assert first is not None
    assert second is not None
    assert {first.shard, second.shard} == {"00", "01"}
    assert messages.take() is None
    messages.done(first)
    third = messages.take()
    assert third is not None
    assert third.shard == first.shard


def test_a_message_without_an_answer_comes_again_before_the_others_of_its_shard() -> None:
    messages = queue(copies=1)
    messages.wake("00", "12:00")
    messages.wake("00", "12:01")
    lost = messages.take()
    assert lost is not None
    messages.failed(lost)
    assert not messages.empty
    assert [message.number for message in drained(messages)] == [1, 2]
    assert messages.returned == 1


def test_groups_come_in_any_order_and_messages_of_one_in_theirs() -> None:
    messages = queue(copies=1)
    for minute in range(5):
        for shard in range(8):
            messages.wake(f"{shard:02d}", f"12:{minute:02d}")
    taken = drained(messages)
    assert [message.number for message in taken] != sorted(message.number for message in taken)
    for shard in range(8):
        own = [message.number for message in taken if message.shard == f"{shard:02d}"]
        assert own == sorted(own)


def test_an_answer_for_what_nobody_works_on_is_refused() -> None:
    with pytest.raises(ValueError, match="not being worked on"):
        queue().done(Message("00", 1, 0))


# The case


def test_exactly_the_due_ones_are_due_and_stay_due_as_often_as_they_are_behind() -> None:
    assert (CASE.orders, CASE.due) == (132, 120)
    for n in range(CASE.orders):
        order = CASE.order(n)
        due, cadence = order.subscription.due, order.subscription.cadence
        assert due is not None
        assert order.subscription.state is SubscriptionState.ACTIVE
        assert (due.at <= CASE.at) == (n < CASE.due)
        behind = CASE.behind(n)
        assert cadence.period(behind).end > CASE.at
        if behind:
            assert cadence.period(behind - 1).end <= CASE.at


def test_each_tenant_has_some_that_are_two_and_three_periods_behind() -> None:
    for tenant in range(CASE.tenants):
        assert {CASE.behind(n) for n in CASE.of_tenant(tenant)} == {0, 1, 2, 3}
    assert CASE.invoices == sum(len(CASE.expected(n).invoice_ids) for n in range(CASE.orders)) == 144


def test_everything_a_case_writes_has_an_id_of_its_own() -> None:
    orders = [CASE.order(n) for n in range(CASE.orders)]
    assert len({order.subscription.id for order in orders} | {order.customer.id for order in orders}) == 2 * CASE.orders


# What is looked at


def books(of: list[Expected]) -> Found:
    """A tenant's tables as they have to be after a sweep."""
    found = Found({}, {}, {}, {}, [], Counter(), 0)
    number = 0
    for each in of:
        for k, name in enumerate(each.invoice_ids):
            number += 1
            total = {"micros": each.total_micros}
            found.invoices[name] = {
                "id": name,
                "number": f"T-{number:06d}",
                "status": "paid",
                "total": total,
                "balance_applied": total,
                "subscription_id": each.subscription_id,
                "created_at": f"{number:06d}",
                "finalized_at": (CASE.at + timedelta(seconds=number)).isoformat(),
            }
            for kind, debit, credit in (("final", "receivable", "revenue"), ("used", "customer_balance", "receivable")):
                postings = [
                    {"account": debit, "amount": total},
                    {"account": credit, "amount": {"micros": -each.total_micros}},
                ]
                found.ledger.append({"id": f"{kind}{k}", "kind": kind, "source_id": name, "postings": postings})
            found.events.update((f"invoice.{what}", name) for what in ("created", "finalized", "paid"))
            found.events["subscription.updated", each.subscription_id] += 1
        found.balances[each.customer_id] = {"amount": {"micros": each.left_micros}}
        found.subscriptions[each.subscription_id] = {
            "state": "active",
            "version": 1 + len(each.invoice_ids),
            "current_period": {"end": each.period_end.isoformat()},
            "due": {"shard": each.shard, "at": each.period_end.isoformat()},
            "latest_invoice_id": each.invoice_ids[-1] if each.invoice_ids else None,
        }
    found.sequences["T"] = {"next_number": number + 1, "free": []}
    return found


EXPECTED = [CASE.expected(n) for n in CASE.of_tenant(0)]
LATE = next(each for each in EXPECTED if len(each.invoice_ids) == 3)


def test_books_that_are_right_have_no_problems() -> None:
    assert problems(books(EXPECTED), EXPECTED) == []


def _swap(found: Found) -> None:
    first, second = (found.invoices[name] for name in LATE.invoice_ids[:2])
    first["finalized_at"], second["finalized_at"] = second["finalized_at"], first["finalized_at"]


WRONG: dict[str, Callable[[Found], Any]] = {
    "an invoice is missing": lambda found: found.invoices.pop(LATE.invoice_ids[0]),
    "an invoice too many": lambda found: found.invoices.update(more=found.invoices[LATE.invoice_ids[0]]),
    "an invoice is open": lambda found: found.invoices[LATE.invoice_ids[0]].update(status="open"),
    "an invoice is another's": lambda found: found.invoices[LATE.invoice_ids[0]].update(subscription_id="sub_2"),
    "numbers with a gap": lambda found: found.invoices[LATE.invoice_ids[2]].update(number="T-999999"),
    "a number is nobody's": lambda found: found.sequences["T"].update(free=["3"]),
    "the sequence is behind": lambda found: found.sequences["T"].update(next_number=1),
    "periods out of order": _swap,
    "an entry twice": lambda found: found.ledger.append(found.ledger[0]),
    "an entry is lost": lambda found: found.ledger.pop(),
    "an event is lost": lambda found: found.events.subtract([("invoice.paid", LATE.invoice_ids[0])]),
    "an event twice": lambda found: found.events.update([("invoice.paid", LATE.invoice_ids[0])]),
    "an event of another kind": lambda found: found.events.update([("subscription.parked", LATE.subscription_id)]),
    "a balance was used twice": lambda found: found.balances[LATE.customer_id].update(amount={"micros": 0}),
    "a subscription was not renewed": lambda found: found.subscriptions[LATE.subscription_id].update(
        current_period={"end": CASE.at.isoformat()}
    ),
    "a subscription sleeps": lambda found: found.subscriptions[LATE.subscription_id].update(due=None),
    "a subscription is past due": lambda found: found.subscriptions[LATE.subscription_id].update(state="past_due"),
    "a subscription is lost": lambda found: found.subscriptions.pop(LATE.subscription_id),
}


@pytest.mark.parametrize("harm", WRONG.values(), ids=list(WRONG))
def test_whatever_is_wrong_is_seen(harm: Callable[[Found], Any]) -> None:
    found = books(EXPECTED)
    harm(found)
    assert problems(found, EXPECTED)


def test_payments_that_nobody_asked_for_are_seen() -> None:
    assert problems(replace(books(EXPECTED), payments=1), EXPECTED)


def test_entries_that_do_not_balance_are_seen() -> None:
    found = books(EXPECTED)
    found.ledger[0]["postings"].pop()
    assert any("sums to" in problem for problem in problems(found, EXPECTED))


# The table


def measured(due: int, cpu_s: float = 12.4, rss_kb: int = 100_000) -> Measured:
    case = replace(CASE, due=due)
    share = case.invoices / 1000
    beat = Beat(commits=case.invoices, loads=2 * case.invoices, cpu_s=cpu_s * share, rss_kb=rss_kb)
    return Measured(case, Outcome(seconds=10 * share, beat=beat), 1.0)


@pytest.mark.parametrize(
    ("large", "verdict"),
    [
        (measured(9000), "ok"),
        (measured(9000, cpu_s=12.4 * GROWTH * 1.01), "over"),
        (measured(9000, rss_kb=126_000), "over"),
    ],
    ids=["as dear", "dearer", "more memory"],
)
def test_a_size_is_judged_by_what_an_invoice_costs_at_the_first(large: Measured, verdict: str) -> None:
    rows = section_of([measured(1000), large]).rows
    assert [row.verdict for row in rows] == ["", verdict]


def test_what_beats_say_adds_up_but_memory_is_the_most_of_all() -> None:
    total = Beat(commits=1, page_units=[3.0], cpu_s=0.5, rss_kb=90)
    total.add(Beat(commits=2, page_units=[2.0], cpu_s=0.25, rss_kb=80))
    assert total == Beat(commits=3, page_units=[3.0, 2.0], cpu_s=0.75, rss_kb=90)
