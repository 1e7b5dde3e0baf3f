"""Issue 13: the words of documents: whole in every language, and the ones that laws want."""

from __future__ import annotations

from string import Formatter

import pytest

from billing.integrations.pdf.words import LANGUAGES, Words, keys


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("key", keys())
def test_issue_13_every_language_says_the_same(key: str) -> None:
    """No word is missing, and each sentence has a place for the same values."""
    english = placeholders(Words("en")[key])
    for language in LANGUAGES:
        said = Words(language)[key]
        assert said.strip() == said != ""
        assert placeholders(said) == english


def test_issue_13_another_language_has_english_words() -> None:
    assert Words("ja").language == "en"
    assert Words("ja")["invoice"] == "Invoice"


def test_issue_13_documents_have_the_names_that_laws_want() -> None:
    """ "Gutschrift" would be an invoice that the buyer makes out (section 14 UStG)."""
    names = {language: (Words(language)["invoice"], Words(language)["credit_note"]) for language in LANGUAGES}
    assert names == {
        "en": ("Invoice", "Credit note"),
        "de": ("Rechnung", "Rechnungskorrektur"),
        "fr": ("Facture", "Avoir"),
        "es": ("Factura", "Factura rectificativa"),
    }


def test_issue_13_the_word_of_a_status_is_missing_where_there_is_none() -> None:
    assert Words("de").get("status_paid") == "BEZAHLT"
    assert Words("de").get("status_something") is None
