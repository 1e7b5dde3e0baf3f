"""Issue 13: codes to scan: a SEPA transfer as EPC069-12 wants it, and the page to pay on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import segno

from billing.domain.kernel.bank import BankDetails
from billing.domain.kernel.money import Money
from billing.integrations.pdf.payment_codes import link_code, transfer_code, transfer_payload
from billing.services.invoicing.documents import HowToPay, InvoiceDocument
from tests.unit.integrations.pdf.documents import invoice, text_of

BANK = BankDetails("Ledger Works GmbH", "DE89 3704 0044 0532 0130 00", "COBADEFFXXX", bank_name="Commerzbank")
DUE = Money(12_345_000, "EUR")


def test_issue_13_a_transfer_has_the_lines_of_the_guideline() -> None:
    """Service tag, version, UTF-8, SCT, BIC, name, IBAN, amount, purpose, structured and free reference."""
    assert transfer_payload(BANK, "INV-42", DUE) == (
        "BCD\n002\n1\nSCT\nCOBADEFFXXX\nLedger Works GmbH\nDE89370400440532013000\nEUR123.45\n\n\nINV-42"
    )


def test_issue_13_a_creditor_reference_has_its_own_line_and_the_bic_may_be_missing() -> None:
    """Version 002 needs no BIC; an ISO 11649 reference is one that banks check."""
    payload = transfer_payload(replace(BANK, bic=None), "RF18 5390 0754 7034", DUE)
    assert payload is not None
    assert payload.split("\n")[4:] == [
        *("", "Ledger Works GmbH", "DE89370400440532013000", "EUR123.45", "", "RF18539007547034"),
    ]


@pytest.mark.parametrize(
    ("bank", "reference", "amount"),
    [
        (BANK, "a", Money(12_345_000, "CHF")),
        (BANK, "a", Money(0, "EUR")),
        (BANK, "a", Money(-1_000, "EUR")),
        (BANK, "a", Money(1_500, "EUR")),  # a cent and a half
        (BANK, "a", Money(100_000_000_000_000, "EUR")),
        (replace(BANK, iban=None), "a", DUE),
        (replace(BANK, iban="DE89\nEUR1"), "a", DUE),
        (replace(BANK, bic="no bic"), "a", DUE),
        (replace(BANK, holder=" "), "a", DUE),
        (replace(BANK, holder="x" * 71), "a", DUE),
        (BANK, "x" * 141, DUE),
        (BANK, "\ud800", DUE),
        (replace(BANK, holder="字" * 70), "字" * 140, DUE),  # more than 331 bytes
    ],
)
def test_issue_13_what_the_guideline_has_no_room_for_has_no_code(
    bank: BankDetails, reference: str, amount: Money
) -> None:
    assert transfer_payload(bank, reference, amount) is None
    assert transfer_code(bank, reference, amount) is None


def test_issue_13_the_largest_amount_and_lines_in_a_name() -> None:
    payload = transfer_payload(replace(BANK, holder="Ledger\nWorks"), "a\nb", Money(99_999_999_999_000, "EUR"))
    assert payload is not None
    assert payload.split("\n")[5:8] == ["Ledger Works", "DE89370400440532013000", "EUR999999999.99"]
    assert payload.endswith("\na b")


def test_issue_13_the_code_is_of_that_text_with_correction_m() -> None:
    """At most version 13, and the very modules that the library makes of the payload."""
    payload = transfer_payload(BANK, "INV-42", DUE)
    code = transfer_code(BANK, "INV-42", DUE)
    assert payload is not None
    assert code is not None
    made = segno.make(payload.encode(), error="m", boost_error=False, micro=False)
    assert made.error == "M"
    assert int(made.version) <= 13
    size = made.symbol_size(border=0)[0]
    assert f'viewBox="0 0 {size} {size}"' in code
    assert made.svg_inline(border=0, omitsize=True).partition("<path")[2].rstrip("</svg>\n") in code


def test_issue_13_a_link_that_nobody_could_scan_has_no_code() -> None:
    assert link_code("https://pay.example/1") is not None
    assert link_code("https://pay.example/" + "x" * 1_000) is None
    assert link_code("") is None
    assert link_code("https://pay.example/\ud800") is None


def to_pay(**changes: object) -> InvoiceDocument:
    pay = replace(HowToPay("INV-42", BANK, "https://pay.example/1"), **changes)  # type: ignore[arg-type]
    return invoice("EUR", how_to_pay=pay)


def test_issue_13_an_open_invoice_says_how_to_pay_it() -> None:
    text = text_of(to_pay())
    expected = (
        *("How to pay", "Account holder Ledger Works GmbH", "IBAN DE89 3704 0044 0532 0130 00", "BIC COBADEFFXXX"),
        *("Bank Commerzbank", "Reference INV-42", "Pay online", "https://pay.example/1"),
        *("Scan with your", "Scan to pay online"),
    )
    for each in expected:
        assert each in text


def test_issue_13_an_account_without_an_iban_is_named_by_its_number() -> None:
    bank = BankDetails("Ledger Works Inc.", account_number="000123", routing="ABA 021000021")
    text = text_of(to_pay(bank=bank, link=None))
    assert "Account number 000123\nRouting code ABA 021000021" in text
    assert "Scan" not in text
    assert "IBAN" not in text


def test_issue_13_a_link_of_another_kind_is_text_alone() -> None:
    """A PDF that runs something when it is clicked is no invoice."""
    document = to_pay(link="javascript:alert(1)", bank=None)
    assert "javascript:alert(1)" in text_of(document)
    assert "How to pay" not in text_of(invoice("EUR", how_to_pay=HowToPay("INV-42")))
