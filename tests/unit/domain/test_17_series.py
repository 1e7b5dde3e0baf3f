"""Issue 17, item 6: no number of a test clock's series is ever one of its tenant's own."""

import re
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.clocks import series, series_id, series_prefix
from billing.domain.invoicing.credit_note import CREDIT_NOTE_SEQUENCE_ID, CreditNoteSequence
from billing.domain.tenant import INVOICE_SEQUENCE_ID, InvoiceSequence

PREFIXES = st.from_regex(r"[A-Z0-9][A-Z0-9\-]{0,15}", fullmatch=True)
"""What the API takes as a prefix (``schemas.tenants.InvoicePrefix``)."""
CLOCKS = st.from_regex(r"clk_[0-7][0-9A-HJKMNP-TV-Z]{25}", fullmatch=True)
COUNTS = st.integers(1, 2_000_000)


@given(PREFIXES, PREFIXES, CLOCKS, COUNTS, COUNTS)
def test_17_a_clocks_number_is_none_of_the_tenants_whatever_its_prefix_becomes(
    own: str, then: str, clock: str, n: int, m: int
) -> None:
    theirs = series_prefix(then, clock)
    of_tenant = {kind("t", own, n).number for kind in (InvoiceSequence, CreditNoteSequence)}
    of_clock = {kind("t", theirs, m).number for kind in (InvoiceSequence, CreditNoteSequence)}
    assert not of_tenant & of_clock
    assert all("." in each for each in of_clock)
    assert not any("." in each for each in of_tenant)


@given(CLOCKS, CLOCKS, COUNTS)
def test_17_two_clocks_share_numbers_only_if_they_share_the_counter(one: str, other: str, n: int) -> None:
    numbers = [InvoiceSequence("t", series_prefix("ACME", each), n).number for each in (one, other)]
    ids = [series_id(INVOICE_SEQUENCE_ID, each) for each in (one, other)]
    assert (numbers[0] == numbers[1]) is (ids[0] == ids[1])


@given(CLOCKS, PREFIXES)
def test_17_a_number_is_short_enough_for_a_transfers_reference(clock: str, prefix: str) -> None:
    """35 characters are what a SEPA transfer's reference has (ISO 11649 has 25, after RF and its check digits)."""
    assert len(InvoiceSequence("t", series_prefix(prefix, clock), 999_999).number) <= 35
    assert re.fullmatch(r"TC[0-9A-Z]{6}", series(clock))


def test_17_every_sequence_has_an_item_of_its_own() -> None:
    clock = "clk_01M8NEMVZ4432PPC7C879D1JMG"
    kinds = (INVOICE_SEQUENCE_ID, CREDIT_NOTE_SEQUENCE_ID)
    ids = [*kinds, *(series_id(kind, each) for kind, each in product(kinds, (clock, clock[:-1] + "H")))]
    assert len(set(ids)) == 6
    assert series_prefix("ACME", clock) == "ACME.TC9D1JMG"
