"""Issue 17, number 4: a fold that is kept is the fold of what was posted, however it was come by."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.errors import Unavailable
from billing.domain.ledger import LedgerEntry
from billing.domain.reports.fold import Posted
from billing.domain.reports.span import Month
from billing.domain.reports.trial_balance import TrialBalanceFold
from billing.services.kernel.work import Ref
from billing.services.reports.journal import place_of, time_of
from billing.services.reports.kept import KeptMonths, NothingKept, RunFolds, folder, read
from billing.services.reports.sources import Asked, Folded, Record, StepOver, sources
from tests.support.journals import MemoryFiles, MemoryJournal, entry

FOLD = TrialBalanceFold()
NOW = datetime(2026, 12, 15, 12, tzinfo=UTC)
BEGUN = datetime(2026, 1, 5, tzinfo=UTC)
ZONES = st.sampled_from(["UTC", "America/Los_Angeles", "Pacific/Auckland", "America/Santiago"])
TIMES = st.datetimes(datetime(2026, 1, 5), datetime(2026, 12, 14)).map(lambda at: at.replace(tzinfo=UTC))


@st.composite
def journals(draw: st.DrawFn) -> list[LedgerEntry]:
    times = draw(st.lists(TIMES, min_size=1, max_size=40))
    times += draw(st.lists(st.sampled_from(times), max_size=10))  # several at one instant
    return [
        entry(f"le_{n:03d}", at, draw(st.integers(1, 9_000)), draw(st.sampled_from(["USD", "EUR"])))
        for n, at in enumerate(times)
    ]


def work(now: datetime = NOW) -> Any:
    return SimpleNamespace(tenant=SimpleNamespace(id="ten_1", created_at=BEGUN), now=now, load=lambda *_: {})


def straight(entries: Sequence[LedgerEntry], until: datetime) -> Folded[Any]:
    folded: Folded[Any] = Folded(FOLD.empty())
    for each in sorted(entries, key=lambda each: (each.posted_at, each.id)):
        if each.posted_at < until:
            folded.add(FOLD, Record(each.posted_at, each.id, place_of(each), Posted(each)))
    return folded


@dataclass
class Run:
    """A run of a fold: step after step, until there is its state."""

    journal: MemoryJournal
    files: MemoryFiles
    zone: str
    name: str = "reports/ten_1/rrn_1/"
    now: datetime = NOW

    def state(self, at: datetime, records: int) -> Any:
        for _ in range(1000):
            folds = RunFolds(KeptMonths(self.files, "ten_1"), self.name, self.now, lambda: 100.0, records)
            found = sources(work(self.now), self.journal, folds, Asked(at, self.zone), None)
            try:
                return found.state(FOLD, at)
            except StepOver:
                continue
        raise AssertionError("it does not end")


@given(journals(), ZONES, st.integers(1, 12), TIMES)
def test_a_run_in_steps_comes_to_the_state_of_a_run_at_once(
    entries: list[LedgerEntry], zone: str, records: int, at: datetime
) -> None:
    run = Run(MemoryJournal(entries), MemoryFiles(), zone)
    assert FOLD.dump(run.state(at, records)) == FOLD.dump(straight(entries, at).state)
    assert run.journal.read <= 2 * len(entries)  # what was folded is not read again, but for the record at a step's end


@given(journals(), ZONES, st.integers(1, 12), st.integers(1, 12))
def test_what_is_kept_of_a_month_is_the_fold_of_all_before_it_to_the_byte_and_says_so(
    entries: list[LedgerEntry], zone: str, records: int, others: int
) -> None:
    one, other = (Run(MemoryJournal(entries), MemoryFiles(), zone, f"reports/{n}/") for n in "ab")
    one.state(NOW, records)
    other.state(NOW - timedelta(days=40), others)
    other.state(NOW, others)
    prefix = folder("ten_1", FOLD, zone)
    kept = {key: content for key, content in one.files.objects.items() if key.startswith("folds/")}
    for key, content in kept.items():
        year, number = key.removeprefix(f"{prefix}before-").split("-")
        begin = Month(int(year), int(number)).begin(zone)
        found = read(FOLD, zone, content)
        again = straight(entries, begin)
        assert found is not None
        assert (found.begin, found.entries, found.digest) == (begin, again.entries, again.digest)
        assert FOLD.dump(found.state) == FOLD.dump(again.state)
        if key in other.files.objects:
            assert other.files.objects[key] == content
    months = {Month.of(each.posted_at, zone) for each in entries} - {Month(2026, 12)}
    assert len(kept) == len(months)  # the end of each month with something in it; December is not over


@given(journals(), ZONES, TIMES)
def test_a_request_reads_no_more_than_what_came_after_the_last_kept_month(
    entries: list[LedgerEntry], zone: str, at: datetime
) -> None:
    files = MemoryFiles()
    Run(MemoryJournal(entries), files, zone).state(NOW, 1000)
    journal = MemoryJournal(entries)
    found = sources(work(), journal, KeptMonths(files, "ten_1"), Asked(at, zone), None)
    assert FOLD.dump(found.state(FOLD, at)) == FOLD.dump(straight(entries, at).state)
    kept = [
        key.rpartition("-")[2]
        for key in files.objects
        if key <= folder("ten_1", FOLD, zone) + f"before-{Month.of(at, zone)}~"
    ]
    if kept:
        months = {Month.of(each.posted_at, zone) for each in entries if each.posted_at < at}
        last = max(months, default=None)
        of_last = [each for each in entries if each.posted_at < at and Month.of(each.posted_at, zone) == last]
        assert journal.read <= len(of_last)


def test_a_month_is_kept_an_hour_after_its_end_and_not_before() -> None:
    entries = [
        entry("le_1", datetime(2026, 11, 3, tzinfo=UTC)),
        entry("le_2", datetime(2026, 12, 1, 0, 30, tzinfo=UTC)),
    ]
    for minutes, kept in ((59, 0), (60, 1)):
        now = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(minutes=minutes)
        run = Run(MemoryJournal(entries), MemoryFiles(), "UTC", now=now)
        run.state(now, 100)
        assert len(run.files.objects) == kept


def test_what_was_kept_by_another_version_or_in_another_zone_is_not_read() -> None:
    entries = [entry("le_1", datetime(2026, 10, 3, tzinfo=UTC)), entry("le_2", datetime(2026, 12, 3, tzinfo=UTC))]
    files = MemoryFiles()
    Run(MemoryJournal(entries), files, "UTC").state(NOW, 100)
    ((key, content),) = files.objects.items()
    assert read(FOLD, "UTC", content) is not None
    assert read(FOLD, "Asia/Tokyo", content) is None

    class Later(TrialBalanceFold):
        version = 2

    assert read(Later(), "UTC", content) is None
    files.objects = {folder("ten_1", Later(), "UTC") + "before-2026-12": content}  # as if somebody had moved it
    found = KeptMonths(files, "ten_1").before(Later(), Asked(NOW, "UTC"), BEGUN, NOW)
    assert (found.entries, found.after) == (0, None)
    assert key.endswith("/trial-balance/v1/UTC/before-2026-12")


@pytest.mark.parametrize("text", [b"[]", b"{}", b"{", None], ids=["no object", "an empty one", "cut off", "no gzip"])
def test_what_is_damaged_is_made_again_rather_than_believed(text: bytes | None) -> None:
    assert read(FOLD, "UTC", gzip.compress(text) if text is not None else b"no gzip") is None
    assert read(FOLD, "UTC", None) is None


def test_a_test_clocks_time_is_nobodys_month() -> None:
    entries = [entry("le_1", datetime(2026, 10, 3, tzinfo=UTC)), entry("le_2", datetime(2026, 12, 3, tzinfo=UTC))]
    files = MemoryFiles()
    folds = RunFolds(KeptMonths(files, "ten_1"), "reports/x/", NOW, lambda: 100.0)
    sources(work(), MemoryJournal(entries), folds, Asked(NOW, "UTC", test_clock_id="clk_1"), None).state(FOLD, NOW)
    assert files.objects == {}


def test_a_step_whose_time_is_over_keeps_what_it_has() -> None:
    entries = [entry(f"le_{n:04d}", datetime(2026, 12, 3, tzinfo=UTC) + timedelta(seconds=n)) for n in range(500)]
    files, journal = MemoryFiles(), MemoryJournal(entries)
    left = iter([5.0, 5.0, -1.0])
    folds = RunFolds(KeptMonths(files, "ten_1"), "reports/x/", NOW, lambda: next(left))
    with pytest.raises(StepOver):
        sources(work(), journal, folds, Asked(NOW, "UTC"), None).state(FOLD, NOW)
    ((_, content),) = files.objects.items()
    found = read(FOLD, "UTC", content)
    assert found is not None
    assert found.entries == 300
    assert json.loads(gzip.decompress(content))["after"] == found.after
    assert found.after is not None
    assert time_of(found.after) == entries[299].posted_at


def test_nothing_is_kept_where_nothing_is_to_be() -> None:
    entries = [entry("le_1", datetime(2026, 10, 3, tzinfo=UTC))]
    found = sources(work(), MemoryJournal(entries), NothingKept(), Asked(NOW, "UTC"), None)
    assert found.state(FOLD, NOW).entries == 1


def test_documents_are_loaded_by_as_many_units_as_there_are_batches() -> None:
    """A unit remembers what it loaded: of a million invoices a run would remember all."""
    at = datetime(2026, 10, 3, tzinfo=UTC)
    entries = [replace(entry(f"le_{n:04d}", at), kind="invoice_finalized", source_id=f"in_{n}") for n in range(250)]
    loaded: list[int] = []

    def unit() -> Any:
        def load(*refs: Ref[Any]) -> dict[Ref[Any], str]:
            loaded.append(len(refs))
            return {ref: ref.id for ref in refs}

        return SimpleNamespace(tenant=SimpleNamespace(id="ten_1"), load=load)

    found = sources(work(), MemoryJournal(entries), NothingKept(), Asked(NOW, "UTC"), None)
    posted = list(replace(found, reader=unit).posted(BEGUN, NOW))
    assert [each.document for each in posted] == [each.source_id for each in entries]  # type: ignore[comparison-overlap]
    assert loaded == [100, 100, 50]


def test_a_request_goes_the_longer_way_where_the_files_do_not_answer_and_a_run_waits() -> None:
    class Away(MemoryFiles):
        def latest(self, prefix: str, below: str) -> str | None:
            raise Unavailable("S3 does not answer")

    months = KeptMonths(Away(), "ten_1")
    entries = [entry("le_1", datetime(2026, 10, 3, tzinfo=UTC))]
    found = sources(work(), MemoryJournal(entries), months, Asked(NOW, "UTC"), None)
    assert found.state(FOLD, NOW).entries == 1
    folds = RunFolds(months, "reports/x/", NOW, lambda: 100.0)
    with pytest.raises(Unavailable):
        replace(found, kept=folds).state(FOLD, NOW)
