"""Issue 13: no text of a customer is ever markup, and none of it keeps a document from being printed."""

from __future__ import annotations

import logging
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from billing.domain.kernel.bank import BankDetails
from billing.integrations.pdf import text as texts
from billing.integrations.pdf.renderer import PdfRenderer
from billing.integrations.pdf.text import REPLACEMENT, breakable, isolated, one_line, printable
from billing.services.invoicing.documents import Branding, HowToPay, InvoiceDocument, PaidBy, Party
from tests.unit.integrations.pdf.documents import invoice, line, text_of, usd

MARKUP = (
    '#panic("a")',
    "#sys.inputs",
    "$x^2$",
    "*bold* _it_ `raw` ~ -- ...",
    "@ref <label>",
    "= Heading",
    "- item + item / term: x",
    "\\ \\n \\u{41}",
    "[#let x = 1]",
    "// comment /* more */",
    "https://example.com/#a",
    "\"quoted\" 'it'",
    "{page} {pages} {amount} %s %(x)s",
)


def with_text_everywhere(value: str) -> InvoiceDocument:
    """An invoice that has the text in every field that holds some."""
    party = Party(value, (value, value), value, value)
    return invoice(
        number=value,
        status="open",
        seller=party,
        buyer=party,
        lines=(line(value, discount=usd(1_000)),),
        title=value,
        notes=value,
        coupon=value,
        discount=usd(1_000),
        po_number=value,
        custom_fields=((value, value),),
        branding=Branding(None, None, value, value),
        paid_by=PaidBy(value, value),
        how_to_pay=HowToPay(value, BankDetails(value, value, value, value, value, value), value),
    )


def unicode_maps(content: bytes) -> bytes:
    """What the glyphs of a file say as text when they are copied (ToUnicode), of all of its fonts."""
    fonts = PdfReader(BytesIO(content)).pages[0]["/Resources"]["/Font"].values()  # type: ignore[index]
    return b"".join(each.get_object()["/ToUnicode"].get_object().get_data() for each in fonts)


@pytest.mark.parametrize("markup", MARKUP)
def test_issue_13_markup_is_shown_as_it_is(markup: str) -> None:
    """In each field; a paragraph may break the line inside, so that spaces are not compared."""
    text = "".join(text_of(with_text_everywhere(markup)).split())
    assert text.count("".join(markup.split())) >= 15


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(), max_size=40))
def test_issue_13_any_text_can_be_printed(value: str) -> None:
    """Control characters, lone surrogates, private and unassigned letters: archival, in any field."""
    content = PdfRenderer().render_invoice(with_text_everywhere(value or "a"))
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in content


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec="utf-8", min_codepoint=0x20, max_codepoint=0x24F), min_size=1, max_size=60))
def test_issue_13_latin_text_comes_back_as_it_was(value: str) -> None:
    """What is printed is what was said, but for spaces and what `printable` takes out."""
    shown = "".join(one_line(value).split())
    document = invoice(buyer=Party("Buyer", (value,)))
    assert shown in "".join(text_of(document).split())


@given(st.text(st.characters()))
def test_issue_13_printable_text_is_stable_and_loses_no_ordinary_letter(value: str) -> None:
    once = printable(value)
    assert printable(once) == once
    assert "\x00" not in once
    assert "\u202e" not in once


def test_issue_13_a_script_without_a_font_is_logged_once_and_says_no_text(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script's name is no personal text; the letters of a name would be."""
    monkeypatch.setattr(texts, "_told", set())
    with caplog.at_level(logging.WARNING):
        assert printable("ᏣᎳᎩ x ᏣᎳᎩ") == f"{REPLACEMENT * 3} x {REPLACEMENT * 3}"
        assert printable("😀🎉") == REPLACEMENT * 2
    assert [(each.msg, each.script) for each in caplog.records] == [  # type: ignore[attr-defined]
        ("no font has letters of this script", "CHEROKEE"),
        ("no font has letters of this script", "SYMBOLS"),
    ]


def test_issue_13_long_words_may_break_between_letters_and_copying_leaves_that_out() -> None:
    word = "a" * 23
    assert breakable(word) == word
    assert breakable(word + "a").replace("\u200b", "") == word + "a"
    assert "\u200b\u0303" not in breakable("e\u0303" * 30)  # never before a mark
    assert breakable("ش" * 60).count("\u200b") == 2  # each would part letters that join
    assert breakable("字" * 60) == "字" * 60
    content = PdfRenderer().render_invoice(invoice(notes=word * 20))
    assert b"200B" not in unicode_maps(content).upper()
    assert "a" * 60 in "".join(text_of(invoice(buyer=Party("Buyer", ("a" * 60,)))).split())


def test_issue_13_marks_on_letters_of_another_font_do_not_cost_the_archive(caplog: pytest.LogCaptureFixture) -> None:
    """Each letter has a font, but no font has both: Typst refuses them, and the mark is left out."""
    content = PdfRenderer().render_invoice(
        with_text_everywhere("\u6c12\u0611\u065d\n\u064f\u0485nq\u2ded\u065e7\u0335\u08cc")
    )
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in content
    assert {each.levelname for each in caplog.records} == {"WARNING"}


def test_issue_13_a_value_from_right_to_left_is_isolated() -> None:
    assert isolated("$1.00") == "$1.00"
    assert isolated("١ يناير") == "\u2068١ يناير\u2069"
