"""Issue 17, number 4: a report that is made in parts says what it says at once, to the byte, however it is cut."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.bootstrap.reports import all_reports
from billing.domain.kernel.due import Due
from billing.domain.kernel.money import Money
from billing.domain.ledger import payment_received
from billing.domain.reports.run import Form, Purpose, ReportRun, RunRequest, RunState
from billing.domain.subscriptions.recurring import MrrStanding
from billing.schemas.reports.writers import WRITERS
from billing.services.kernel.work import Found, Page, Ref
from billing.services.reports.divisible import Divisible
from billing.services.reports.running import Limits, RunSteps
from billing.storage.journal import StoredTexts
from tests.support.billed import FIRST, Books, histories, line
from tests.support.journals import MemoryFiles, MemoryJournal
from tests.support.moved import Story, stories
from tests.support.sealing import Plain

AT = datetime(2029, 6, 15, tzinfo=UTC)
BORN = datetime(2027, 1, 1, tzinfo=UTC)
ZONE = "America/Los_Angeles"
OF_LEDGER: Sequence[tuple[str, dict[str, str]]] = [
    *(("aging", {"day": "2029-06-14", "rows": rows}) for rows in ("customers", "invoices", "currencies")),
    ("tax", {}),
    ("tax", {"rows": "lines"}),
    ("usage", {}),
    *(("revenue", {"per": "month", **by}) for by in ({}, {"by": "customer"}, {"by": "plan"}, {"by": "country"})),
    ("revenue", {"per": "day", "by": "component"}),
    *(
        ("recognition", {"rows": "months", **by})
        for by in ({}, {"by": "customer"}, {"by": "plan"}, {"by": "component"})
    ),
    ("recognition", {"rows": "lines"}),
    *(("recognition", {"rows": "waterfall", **by}) for by in ({}, {"by": "customer"}, {"by": "plan"})),
]
OF_MRR: Sequence[tuple[str, dict[str, str]]] = [
    *(("mrr", {"interval": interval, **by}) for interval in ("month", "day") for by in ({}, {"by": "plan"})),
    ("mrr-movements", {}),
    ("mrr-movements", {"customer": "cus_1"}),
    ("retention", {"over": "month"}),
    ("retention", {"over": "year"}),
    ("cohorts", {}),
]
DIVIDED = Limits(at_once=0, parts=3)


class Tenant:
    """A tenant's books, and a run over them."""

    def __init__(self, books: Books, story: Story | None = None) -> None:
        entries = [replace(each.entry, tenant_id="ten_1") for each in books.posted]
        self.journal = MemoryJournal(entries, story.moves if story is not None else [])
        self.documents: dict[str, Any] = {**books.invoices}
        self.documents |= {each.document.id: each.document for each in books.posted if each.document is not None}
        self.files = MemoryFiles()

    def begin(self, _: str = "ten_1") -> Any:
        """A unit of work."""

        def load(*refs: Ref[Any]) -> Found:
            return Found({ref: self.documents[ref.id] for ref in refs if ref.id in self.documents})

        def query(_: Any) -> Page[Any]:
            return Page([], None, 100)

        tenant = SimpleNamespace(id="ten_1", created_at=BORN, timezone=ZONE)
        return SimpleNamespace(tenant=tenant, now=AT, load=load, query=query)

    def steps(self, limits: Limits) -> RunSteps:
        """What makes files."""
        none: Any = SimpleNamespace()
        units: Any = SimpleNamespace(begin=self.begin)
        return RunSteps(
            units, self.journal, self.files, all_reports(), none, WRITERS, none, none,
            StoredTexts(Plain()), lambda: 800.0, limits,
        )  # fmt: skip

    def run(self, name: str, options: dict[str, str], form: Form = Form.CSV) -> ReportRun:
        """A run that is yet to begin."""
        span = (None, None) if name == "aging" else (date(2028, 1, 1), date(2029, 7, 1))
        request = RunRequest(Purpose.REPORT, name, form, AT, ZONE, *span, None, options)
        return ReportRun(f"rrn_{len(self.files.objects)}", "ten_1", request, AT, due=Due("r00", AT))

    def file(self, run: ReportRun, limits: Limits, twice: Sequence[bool] = ()) -> bytes:
        """All its steps; some are done twice, for they were cut off before they were noted."""
        steps, again = self.steps(limits), iter(twice)
        for _ in range(2_000):
            before, run = run, steps._step(run.begun(), self.begin())
            if next(again, False):
                run = steps._step(before.begun().begun(), self.begin())
            if not run.is_going:
                assert run.state is RunState.DONE, run.reason
                return self.files.objects[run.key]
        raise AssertionError("it does not end")


@given(
    histories(),
    st.sampled_from(OF_LEDGER),
    st.sampled_from([Form.CSV, Form.JSON]),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(1, 9),
    st.integers(20, 400),
)
def test_in_parts_it_is_what_it_is_at_once(
    books: Books, asked: tuple[str, dict[str, str]], form: Form, parts: int, chunk: int, records: int, bytes_: int
) -> None:
    tenant = Tenant(books)
    at_once = tenant.file(tenant.run(*asked, form), Limits())
    divided = Limits(
        at_once=0, parts=parts, chunk_rows=chunk, fold_records=records, step_bytes=bytes_, part_bytes=bytes_
    )
    assert tenant.file(tenant.run(*asked, form), divided) == at_once


@settings(max_examples=30)
@given(stories(), st.sampled_from(OF_MRR), st.integers(1, 9), st.integers(1, 5), st.integers(1, 9))
def test_of_movements_it_is_the_same(
    story: Story, asked: tuple[str, dict[str, str]], parts: int, chunk: int, records: int
) -> None:
    # What has not begun, and was nothing before, moves nothing: no commit records that.
    story.moves = [each for each in story.moves if each.before or each.after.standing is not MrrStanding.NOT_BEGUN]
    tenant = Tenant(Books(), story)
    at_once = tenant.file(tenant.run(*asked), Limits())
    divided = Limits(at_once=0, parts=parts, chunk_rows=chunk, fold_records=records)
    assert tenant.file(tenant.run(*asked), divided) == at_once


@given(histories(), st.sampled_from(OF_LEDGER), st.integers(1, 5), st.lists(st.booleans(), max_size=60))
def test_a_step_that_is_done_twice_is_done_once(
    books: Books, asked: tuple[str, dict[str, str]], records: int, twice: list[bool]
) -> None:
    tenant = Tenant(books)
    at_once = tenant.file(tenant.run(*asked), Limits())
    divided = replace(DIVIDED, fold_records=records, chunk_rows=2, step_bytes=60, part_bytes=60)
    assert tenant.file(tenant.run(*asked), divided, twice) == at_once


def some() -> Tenant:
    """Ten customers with an invoice each month, of which some is paid; running lines of a year."""
    books = Books()
    for n in range(40):
        at = FIRST + timedelta(days=10 * n)
        year = line(Money.from_minor(1_000 + n, "USD"), at, at + timedelta(days=365), plan_id="team")
        invoice = books.bill(at, [year], f"cus_{n % 10}")
        if n % 3:
            owed = invoice.receivable
            books.enter(payment_received(f"le_p{n}", f"pay_{n}", owed, Money.from_minor(500, "USD"), at))
    return Tenant(books)


def test_a_late_worker_changes_nothing_of_what_the_run_goes_on_with() -> None:
    """It read as far as there was time, from the same note; the other one has read further, and is noted."""
    tenant = some()
    steps = tenant.steps(replace(DIVIDED, fold_records=30))
    run = tenant.run("revenue", {"by": "customer"})
    at_once = tenant.file(run, Limits())
    while run.written.division is None or not run.written.division.source:
        run = steps._step(run.begun(), tenant.begin())
    late, noted = run.begun(), run.begun().begun()
    run = steps._step(noted, tenant.begin())
    tenant.steps(replace(DIVIDED, fold_records=3))._step(late, tenant.begin())
    assert tenant.file(run, replace(DIVIDED, fold_records=30)) == at_once


def test_what_is_gone_is_read_anew() -> None:
    """The bucket was emptied in between: spilled records, rows, and folds."""
    tenant = some()
    for name, options in (("recognition", {"by": "customer"}), ("aging", {"day": "2029-06-14", "rows": "invoices"})):
        at_once = tenant.file(tenant.run(name, options), Limits())
        for cut in (3, 5, 7, 9):
            run, steps = tenant.run(name, options), tenant.steps(replace(DIVIDED, fold_records=20, step_bytes=60))
            for _ in range(cut):
                run = steps._step(run.begun(), tenant.begin())
            assert run.is_going
            tenant.files.objects.clear()
            assert tenant.file(run, replace(DIVIDED, fold_records=20)) == at_once


def test_each_part_keeps_months_of_its_own_and_later_runs_read_no_more_than_since() -> None:
    tenant = some()
    options = {"rows": "months"}
    at_once = tenant.file(tenant.run("recognition", options), Limits())
    tenant.files.objects.clear()
    assert tenant.file(tenant.run("recognition", options), DIVIDED) == at_once
    kept = [key for key in tenant.files.objects if key.startswith("folds/")]
    assert {key.split("+")[1][:6] for key in kept} == {"00of3/", "01of3/", "02of3/"}
    tenant.journal.read = 0
    assert tenant.file(tenant.run("recognition", options), DIVIDED) == at_once
    assert tenant.journal.read < len(tenant.journal.kept) / 4


def test_what_would_be_kept_too_large_is_divided() -> None:
    tenant = some()
    asked = ("aging", {"day": "2029-06-14", "rows": "customers"})
    at_once = tenant.file(tenant.run(*asked), Limits())
    tenant.files.objects.clear()
    assert tenant.file(tenant.run(*asked), Limits(kept_bytes=200, parts=3, fold_records=20)) == at_once
    assert not [key for key in tenant.files.objects if key.startswith("folds/") and "+" not in key]


def test_a_part_that_its_turn_is_too_short_for_leaves_a_try_and_a_reason() -> None:
    books = Books()
    for n in range(200):
        books.sell(FIRST + timedelta(days=n), Money.from_minor(100, "USD"))
    tenant = Tenant(books)
    run, steps = tenant.run("revenue", {"by": "customer"}), tenant.steps(replace(DIVIDED, parts=1))
    while run.written.division is None or not run.written.division.is_read:
        run = steps._step(run.begun(), tenant.begin())
    tried = replace(steps, left_s=lambda: 0.0)._step(run.begun(), tenant.begin())
    assert (tried.tries, tried.written) == (1, run.written)
    assert tried.reason == "it reads 100 records, and no time for more"
    assert tenant.file(tried, replace(DIVIDED, parts=1)) == tenant.file(
        tenant.run("revenue", {"by": "customer"}), Limits()
    )


def test_an_entry_whose_customer_only_its_document_names_goes_with_it() -> None:
    """-2.00 and 2.00 of tax: nothing is receivable; what credits it is, so both have to be in one part."""
    books = Books()
    for n in range(12):
        at = FIRST + timedelta(days=n)
        free = line(Money.from_minor(1_000, "USD"), at, at + timedelta(days=365), off=1_000)
        books.bill(at, [free, line(Money.from_minor(500, "USD"), at, at + timedelta(days=365))], f"cus_{n}")
        bare = [replace(each, party=None) for each in books.posted[-1].entry.postings]
        books.posted[-1] = replace(books.posted[-1], entry=replace(books.posted[-1].entry, postings=tuple(bare)))
        books.credit(at + timedelta(days=40), f"in_{n}", Money.from_minor(300, "USD"))
    tenant = Tenant(books)
    for options in ({"rows": "lines"}, {"by": "customer"}, {"rows": "months"}):
        at_once = tenant.file(tenant.run("recognition", options), Limits())
        assert tenant.file(tenant.run("recognition", options), replace(DIVIDED, parts=7)) == at_once


def test_every_report_that_adds_up_by_customer_can_be_divided() -> None:
    """Others are listings, or, the trial balance, as small as the list of accounts."""
    found = {name for name, each in all_reports().items() if isinstance(each, Divisible)}
    assert found == {name for name, _ in (*OF_LEDGER, *OF_MRR)}
    assert set(all_reports()) - found == {"trial-balance", "payouts", "ledger-entries"}


@pytest.mark.parametrize("asked", OF_LEDGER)
def test_nothing_in_parts_is_nothing(asked: tuple[str, dict[str, str]]) -> None:
    tenant = Tenant(Books())
    assert tenant.file(tenant.run(*asked), DIVIDED) == tenant.file(tenant.run(*asked), Limits())
