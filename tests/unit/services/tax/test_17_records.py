"""Issue 17: of every line it is recorded what is taxed and what is not, and no document shows more than before."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Address, Customer, TaxExempt
from billing.domain.invoicing import credit_note, issuing
from billing.domain.invoicing.credit_note import CreditNoteSequence, CreditRequest
from billing.domain.invoicing.invoice import BillingReason
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import Money
from billing.domain.lines.line import InvoiceLine, TaxRate
from billing.domain.lines.tax_facts import Taxability
from billing.domain.lines.tax_records import records_of
from billing.domain.tenant import InvoiceSequence, TaxProviderName, TaxRounding
from billing.services.invoicing.tax_table import credited_taxes, tax_table
from tests.unit.services.tax.test_assessment import AT, BERLIN, NOTHING, PARIS, builtin, customer, line, tenant

LAW = settings(max_examples=60, deadline=None)
VAT_ID_FR = "FR40303265045"
BUYERS = {
    "at home": customer(),
    "abroad": customer(address=PARIS),
    "a business abroad": customer(address=PARIS, tax_id=VAT_ID_FR),
    "exempt": customer(tax_exempt=TaxExempt.EXEMPT),
    "accounts itself": customer(tax_exempt=TaxExempt.REVERSE, address=None),
    "in Quebec": customer(address=Address(country="CA", state="QC")),
    "in Oregon": customer(address=Address(country="US", state="OR")),
}
CODES = [None, "reduced", "zero", "exempt", "txcd_10000000"]


@st.composite
def carts(draw: st.DrawFn) -> tuple[InvoiceLine, ...]:
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    found = []
    for _ in range(draw(st.integers(1, 6))):
        minor = draw(st.integers(-(10**6), 10**6)) * charge_step(currency)
        fixed = draw(st.sampled_from([(), (TaxRate("VAT", Decimal(19)),), (TaxRate("City", Decimal("1.5")),)]))
        made = line(0, tax_code=draw(st.sampled_from(CODES)), tax_inclusive=draw(st.booleans()), tax_rates=fixed)
        found.append(replace(made, amount=Money.from_minor(minor, currency)))
    return tuple(found)


@LAW
@given(carts(), st.sampled_from(list(BUYERS)), st.sampled_from(["builtin", "none"]), st.sampled_from(list(TaxRounding)))
def test_under_each_tax_of_a_line_the_bases_are_its_net(
    cart: tuple[InvoiceLine, ...], who: str, provider: str, rounding: TaxRounding
) -> None:
    seller = tenant(tax_provider=TaxProviderName(provider), tax_rounding=rounding)
    taxed = builtin().applied(seller, BUYERS[who], NOTHING, cart, AT)
    for each in taxed.lines:
        bases: dict[str | None, Money] = {}
        for record in records_of(each):
            assert record.facts is not None
            assert record.facts.treatment.is_taxed is (record.taxable == each.net)
            base = record.taxable + record.not_taxable
            bases[record.name] = bases[record.name] + base if record.name in bases else base
        assert set(bases.values()) <= {each.net}
        assert bases or each.net.is_zero
        assert all(tax.amount.is_zero for tax in each.untaxed)
        # A line has taxes, or reasons for none: here nobody taxes a part of one.
        assert not (each.taxes and each.untaxed)


@pytest.mark.parametrize(
    ("buyer", "code", "treatment", "country", "reason"),
    [
        (BUYERS["at home"], None, Taxability.STANDARD, "DE", "standard"),
        (BUYERS["at home"], "reduced", Taxability.REDUCED, "DE", "reduced"),
        (BUYERS["at home"], "zero", Taxability.ZERO, "DE", "zero"),
        (BUYERS["at home"], "exempt", Taxability.EXEMPT, "DE", "product_exempt"),
        (BUYERS["a business abroad"], None, Taxability.REVERSE_CHARGE, "FR", "reverse_charge"),
        (BUYERS["exempt"], None, Taxability.EXEMPT, "DE", "customer_exempt"),
        (BUYERS["accounts itself"], None, Taxability.REVERSE_CHARGE, None, "customer_reverse_charge"),
        (BUYERS["in Oregon"], None, Taxability.ZERO, "US", "no_tax_there"),
    ],
    ids=lambda each: "" if isinstance(each, Customer) else None,
)
def test_how_a_line_was_treated_and_why(
    buyer: Customer, code: str | None, treatment: Taxability, country: str | None, reason: str
) -> None:
    (taxed,) = builtin().applied(tenant(), buyer, NOTHING, (line(tax_code=code),), AT).lines
    (record,) = records_of(taxed)
    assert record.facts is not None
    assert (record.facts.treatment, record.facts.country, record.facts.reason) == (treatment, country, reason)


def test_a_demerit_rate_is_above_the_standard_one_and_not_called_reduced() -> None:
    india = customer(address=Address(country="IN"))
    (taxed,) = builtin().applied(tenant(), india, NOTHING, (line(tax_code="special"),), AT).lines
    assert [(tax.rate_percent, tax.facts.treatment) for tax in taxed.taxes if tax.facts] == [
        (Decimal(40), Taxability.TAXED)
    ]


def test_canadas_gst_is_the_federations_and_qst_the_provinces() -> None:
    (taxed,) = builtin().applied(tenant(), BUYERS["in Quebec"], NOTHING, (line(),), AT).lines
    assert [(tax.name, tax.facts.region, tax.facts.category) for tax in taxed.taxes if tax.facts] == [
        ("GST", None, "gst"), ("QST", "QC", "qst"),
    ]  # fmt: skip


def test_a_tenant_without_a_provider_was_asked_for_nothing_and_says_so() -> None:
    seller = tenant(tax_provider=TaxProviderName.NONE, address=BERLIN)
    (taxed,) = builtin().applied(seller, customer(), NOTHING, (line(),), AT).lines
    assert taxed.taxes == ()
    (record,) = records_of(taxed)
    assert record.facts is not None
    assert (record.facts.treatment, record.facts.reason) == (Taxability.NOT_COLLECTING, "no_tax_provider")


def bare(each: InvoiceLine) -> InvoiceLine:
    """A line as it was before anything was recorded."""
    return replace(each, taxes=tuple(replace(tax, facts=None, base=None) for tax in each.taxes), untaxed=())


@LAW
@given(carts(), st.sampled_from(list(BUYERS)), st.sampled_from(["builtin", "none"]), st.data())
def test_no_document_shows_more_than_before(
    cart: tuple[InvoiceLine, ...], who: str, provider: str, data: st.DataObject
) -> None:
    """Tables of taxes, totals, and a credit note with its own table are those of the same lines without records."""
    buyer = BUYERS[who]
    seller = tenant(tax_provider=TaxProviderName(provider))
    taxed = builtin().applied(seller, buyer, NOTHING, cart, AT)
    tables = []
    credit = data.draw(st.integers(1, 10**6))
    for lines in (taxed.lines, tuple(bare(each) for each in taxed.lines)):
        empty = issuing.draft(seller, buyer, "in_1", lines, BillingReason.MANUAL, AT)
        drafted = issuing.with_lines(empty, empty.lines, taxed.notes)
        balance = Balance("cus_1", "ten_1", Money.zero(drafted.currency))
        invoice = issuing.finalize(drafted, InvoiceSequence("ten_1", "ACME"), balance, AT).invoice
        shown = [tax_table(invoice), invoice.total, invoice.tax]
        step = charge_step(invoice.currency)
        wanted = min(Money.from_minor(credit * step, invoice.currency), invoice.creditable)
        if not wanted.is_zero:
            request = CreditRequest(wanted.micros)
            note = credit_note.issue(invoice, request, "cn_1", CreditNoteSequence("ten_1", "ACME"), AT).credit_note
            shown += [credited_taxes(note), note.net, note.tax, note.total]
        tables.append(shown)
    assert tables[0] == tables[1]
