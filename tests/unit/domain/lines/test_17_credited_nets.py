"""Issue 17: a credit note keeps how its net divides among the invoice's lines, and the journal knows every invoice."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.invoicing.credit_note import CreditLine
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.invoicing.settlement import void
from billing.domain.kernel.money import Money, sum_money
from billing.domain.lines.crediting import left_of, whole_units
from billing.domain.lines.line import InvoiceLine
from tests.support.credited import GST, QST, VAT, issue, line, opened, paid, usd
from tests.support.invoices import AT, accounts, draft, draft_of, finalized
from tests.support.invoices import line as plain


def test_an_amount_divides_as_the_lines_do() -> None:
    invoice = opened(line(usd(2_000)), line(usd(1_000)))
    note = issue(invoice, usd(1_000)).credit_note
    assert [(each.line_id, each.net.minor) for each in note.nets] == [("in_1-1", 667), ("in_1-2", 333)]
    assert note.billed_at == invoice.finalized_at


def test_what_came_back_before_is_not_divided_again() -> None:
    invoice = paid(line(usd(2_000)), line(usd(1_000)))
    first = issue(invoice, None, CreditLine("in_1-1"))
    assert [(each.line_id, each.net.minor) for each in first.credit_note.nets] == [("in_1-1", 2_000)]
    second = issue(first.invoice, usd(300)).credit_note
    assert [(each.line_id, each.net.minor) for each in second.nets] == [("in_1-2", 300)]


def test_it_says_plan_and_component_of_each_line() -> None:
    seats = replace(line(usd(900), VAT), component="seats", plan_id="team")
    note = issue(opened(seats, line(usd(100), VAT)), usd(120)).credit_note
    assert [(each.plan_id, each.component) for each in note.nets] == [("team", "seats"), (None, None)]


def test_a_note_from_before_has_the_nets_of_its_own_lines() -> None:
    invoice = paid(line(usd(2_000)), line(usd(1_000)))
    by_amount = replace(issue(invoice, usd(1_000)).credit_note, nets=())
    assert [(each.line_id, each.net.minor) for each in by_amount.by_line] == [(None, 1_000)]
    by_line = replace(issue(invoice, None, CreditLine("in_1-2")).credit_note, nets=())
    assert [(each.line_id, each.net.minor) for each in by_line.by_line] == [("in_1-2", 1_000)]


_LINE = st.builds(
    lambda minor, rates, inclusive: line(usd(minor), *rates, inclusive=inclusive),
    st.integers(100, 500_000),
    st.sampled_from([(), (VAT,), (GST, QST)]),
    st.booleans(),
)
_NOTE = st.tuples(st.integers(1, 100), st.none() | st.integers(0, 5))
"""What per cent of what is left, of all lines or of one."""


@given(st.lists(_LINE, min_size=1, max_size=6), st.lists(_NOTE, min_size=1, max_size=5))
def test_the_parts_sum_to_the_net_and_none_is_below_zero(
    lines: list[InvoiceLine], notes: list[tuple[int, int | None]]
) -> None:
    invoice = paid(*lines)
    for share, place in notes:
        line_id = None if place is None else invoice.lines[place % len(lines)].id
        left = invoice.creditable if line_id is None else lines_left_of(invoice, line_id)
        amount = usd(left.minor * share // 100)
        if amount.is_zero:
            continue
        wanted = (amount,) if line_id is None else (None, CreditLine(line_id, amount.micros))
        issued = issue(invoice, *wanted)
        note, invoice = issued.credit_note, issued.invoice
        assert sum_money((each.net for each in note.nets), "USD") == note.net
        # A line is off by the rounding of the running sum; the last one by that of the taxes, too.
        assert all(each.net >= usd(-len(lines)) for each in note.nets)
        assert line_id is None or {each.line_id for each in note.nets} == {line_id}


def lines_left_of(invoice: Invoice, line_id: str) -> Money:
    left = left_of(invoice.lines, invoice.credits)
    place = next(n for n, each in enumerate(invoice.lines) if each.id == line_id)
    return min(whole_units(left.to_credit(place), "USD"), invoice.creditable)


def test_an_invoice_whose_lines_come_to_nothing_is_entered_all_the_same() -> None:
    (entry,) = finalized(draft_of(5_000, -5_000)).entries
    assert entry.kind == "invoice_finalized"
    assert accounts([entry]) == {}
    (given_away,) = finalized(draft([plain(1_000, off=1_000)])).entries
    assert given_away.kind == "invoice_finalized"
    assert finalized(draft_of(0)).entries == ()


def test_voiding_it_is_entered_too() -> None:
    invoice = replace(finalized(draft_of(5_000, -5_000)).invoice, status=InvoiceStatus.OPEN)
    assert [each.kind for each in void(invoice, AT).entries] == ["invoice_voided"]
