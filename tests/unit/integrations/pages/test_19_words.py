"""Issue 19: every page is in the languages of the documents, each word in each of them."""

import re
from collections import Counter
from datetime import UTC, datetime

import pytest

from billing.domain.kernel.money import Money
from billing.integrations.pages.language import TABLES, PageLanguages
from billing.integrations.pdf.words import LANGUAGES, keys

_PLACE = re.compile(r"\{\w+\}")
_ROWS = [(key, row) for table in TABLES for key, row in table.items()]


@pytest.mark.parametrize(("key", "row"), _ROWS, ids=[key for key, _ in _ROWS])
def test_every_language_has_every_word_and_names_the_same(key: str, row: tuple[str, ...]) -> None:
    assert len(row) == len(LANGUAGES)
    assert all(each.strip() == each and each for each in row)
    assert len({tuple(sorted(_PLACE.findall(each))) for each in row}) == 1
    if any(len(each) > 12 for each in row):  # "Total" is the same word in three of them; a sentence never is
        assert len(set(row)) == len(row), f"{key} is not translated"


def test_a_key_means_one_thing() -> None:
    counted = Counter([*keys(), *(key for key, _ in _ROWS)])
    assert not [key for key, times in counted.items() if times > 1]


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pt-BR, fr-CA;q=0.5, es;q=0.7", "es"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("ja,zh;q=0.9", "en"),
        ("*, ;;q=, de;q=7, \x00", "en"),
    ],
)
def test_a_browser_gets_what_it_likes_best_of_ours(header: str, tag: str) -> None:
    assert PageLanguages().accepted(header).tag == tag


def test_values_look_as_on_documents() -> None:
    language = PageLanguages().of("de-CH", "Europe/Zurich")
    assert language.tag == "de"
    assert language.money(Money(1_234_000, "CHF")) == "CHF\xa012.34"
    assert language.date(datetime(2026, 10, 31, 23, 30, tzinfo=UTC)) == "01.11.2026"
