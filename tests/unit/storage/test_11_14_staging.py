"""Issue 11, items 8 and 14: what a unit of work refuses, because money would be lost in silence or wait for ever."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from billing.domain.customers.balance import Balance
from billing.domain.kernel.errors import LostRace
from billing.domain.kernel.money import Money
from billing.services.kernel.work import Found, Ref
from billing.storage.refusals import MOST_ITEMS, StaleCopy, TransactionTooLarge
from billing.storage.unit_of_work import UnitOfWork

NOW = datetime(2026, 11, 29, tzinfo=UTC)


class NoDatabase:
    """Takes the transaction, and tells how many items it had."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def transact(self, token: str, stage: Any) -> None:
        items: list[Any] = []
        keep = SimpleNamespace(
            save=lambda item, **_: items.append(item), condition_check=lambda *key, **_: items.append(key)
        )
        stage(keep)
        self.sizes.append(len(items))


def unit() -> tuple[UnitOfWork, NoDatabase]:
    database = NoDatabase()
    runtime: Any = SimpleNamespace(
        clock=lambda: NOW,
        store=SimpleNamespace(sealer=None, database=database),
        numbers=None,
        ahead=SimpleNamespace(written=lambda places: None, take=lambda refs, at: None),
        policy=SimpleNamespace(event_ttl_s=60),
        present=None,
        entropy=None,
    )
    return UnitOfWork(runtime, "ten_1"), database


def balance(minor: int = 2000, number: int = 1) -> Balance:
    return Balance(f"cus_{number}", "ten_1", Money.from_minor(minor, "USD"), version=3)


def test_a_copy_that_is_older_than_what_is_staged_is_refused() -> None:
    """20.00 loaded, 15.00 used and staged; who saves the 20.00 again would make 15.00 out of nothing."""
    work, _ = unit()
    loaded = balance()
    used = work.save(loaded.used(Money.from_minor(1500, "USD")))
    with pytest.raises(StaleCopy, match="Balance cus_1: version 3 was saved over 4"):
        work.save(loaded)
    assert work.save(replace(used, amount=Money.from_minor(100, "USD"))).version == 5


def test_after_a_commit_what_was_saved_is_the_copy_to_go_on_with() -> None:
    work, _ = unit()
    first = work.save(balance())
    work.commit()
    assert work.save(first).version == 5
    with pytest.raises(StaleCopy):
        work.save(first)


def test_more_than_a_transaction_holds_is_refused_before_it_is_sent() -> None:
    """With a word about what there is too much of; the database would say so for ever, and not why."""
    work, database = unit()
    for number in range(MOST_ITEMS):
        work.save(balance(number=number))
    work.commit()
    assert database.sizes == [MOST_ITEMS]
    work, database = unit()
    for number in range(MOST_ITEMS + 1):
        work.save(balance(number=number))
    with pytest.raises(TransactionTooLarge, match="101 items are more than the 100 of a transaction: 101 balances"):
        work.commit()
    assert database.sizes == []


def test_11_1_a_run_decides_on_one_state_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """20.00 read and decided on; were it 5.00 where it is read again, and saved under that version, 15.00 would be
    spent twice. So it is not read again: what is saved is under the version that was decided on."""
    work, _ = unit()
    ref, other = Ref(Balance, "ten_1", "cus_1"), Ref(Balance, "ten_1", "cus_2")
    stored: dict[Ref[Any], Any] = {}
    read: list[Any] = []

    def load(refs: Any, _: Any) -> Any:
        read.extend(refs)
        return Found({each: stored[each] for each in refs if each in stored}), {}

    monkeypatch.setattr(work._runtime.store, "load", load, raising=False)
    before: Balance | None = None
    for after in (balance(), replace(balance(minor=500), version=4)):
        assert work.load(ref).get(ref) == before
        stored[ref] = after
        assert work.load(ref, other).get(ref) == before
        assert read == [ref, other]
        work.restart()
        read.clear()
        before = after
    assert work.load(ref).get(ref) == before


def test_11_10_what_is_relied_on_is_an_item_of_the_transaction_unless_it_is_saved() -> None:
    work, database = unit()
    work.rely_on(balance(number=1))
    work.save(balance(number=2))
    work.commit()
    assert database.sizes == [2]
    work, database = unit()
    work.rely_on(balance(number=1))
    work.save(balance(number=1))
    work.commit()
    assert database.sizes == [1]
    work, database = unit()
    work.rely_on(balance(number=1))  # nothing is written, so nothing depends on it
    work.commit()
    assert database.sizes == []


def test_what_is_relied_on_and_then_saved_as_a_later_version_is_a_lost_race() -> None:
    """A list shows it anew, after it was decided on: the condition on what is saved would not tell."""
    work, database = unit()
    work.rely_on(balance())
    work.save(replace(balance(), version=4))
    with pytest.raises(LostRace):
        work.commit()
    assert database.sizes == []
    work.restart()
    work.rely_on(work.save(balance()))  # what this unit makes of it is no other's doing
    work.commit()
    assert database.sizes == [1]
