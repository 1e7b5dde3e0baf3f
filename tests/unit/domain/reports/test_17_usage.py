"""Issue 17: usage is late where its line says so; a line from before that was recorded says it in words."""

from dataclasses import replace
from decimal import Decimal

import pytest

from billing.domain.kernel.money import Money
from billing.domain.lines.line import BilledUsage
from billing.domain.reports.usage import UsageFold, billed_rows
from billing.domain.usage.event import UsageSpan
from tests.support.billed import FIRST, Books, line
from tests.support.engine import on

PLAIN, LATE = "Team: calls", "Team: calls, late usage of 2027-11-01 to 2027-11-30"


@pytest.mark.parametrize(
    ("fact", "text", "late"),
    [(None, PLAIN, False), (None, LATE, True), (True, PLAIN, True), (True, LATE, True), (False, LATE, False)],
)
def test_late_is_what_the_line_says_and_of_an_older_one_what_its_description_says(
    fact: bool | None, text: str, late: bool
) -> None:
    made = line(Money.from_minor(500, "USD"), "2027-11-01", "2027-12-01", usage=True)
    assert made.period is not None
    assert made.period.start == on("2027-11-01")
    usage = BilledUsage(f"sub_1#{UsageSpan(made.period).key}", meter="calls", late=fact)
    books = Books()
    books.bill(FIRST, [replace(made, quantity=Decimal(20), description=text, usage=usage)])
    fold = UsageFold()
    state = fold.empty()
    for each in books.posted:
        fold.add(state, each)
    ((_, row),) = billed_rows(fold.read(fold.dump(state)))
    assert row[12:14] == (
        (Decimal(20), Money.from_minor(500, "USD")) if late else (Decimal(0), Money.from_minor(0, "USD"))
    )
