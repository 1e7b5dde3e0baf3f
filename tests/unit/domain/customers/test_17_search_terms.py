"""Issue 17, item 5: what a customer is found by: every beginning of each word, by three terms a word."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.customers.search_terms import MOST_WORDS, agrees, asked, domain_of, terms, words

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=200)
WORDS = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=3, max_size=30)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ada Lovelace", ("ada", "lovelace")),
        ("  Zoë O’Brien-STRAẞE ﬁve", ("zoe", "obrien", "strasse", "five")),
        ("ACME, Inc. (Berlin) 4711", ("acme", "inc", "berlin", "4711")),
        ("a & b", ()),
        ("Ｆｕｌｌ ｗｉｄｔｈ", ("full", "width")),
        ("İstanbul ILGAZ", ("istanbul", "ilgaz")),
        ("ada ADA Àda", ("ada",)),
        ("x_y", ()),
    ],
)
def test_17_words_are_without_accents_case_and_signs(text: str, found: tuple[str, ...]) -> None:
    assert words(text) == found


@given(NAMES)
def test_17_however_a_name_is_composed_its_words_are_the_same(name: str) -> None:
    composed = words(name)
    assert words(unicodedata.normalize("NFD", name)) == composed
    assert words(" ".join(composed)) == composed
    assert len(terms(name, "a@b.example")) <= 3 * MOST_WORDS + 1


@given(st.lists(WORDS, min_size=1, max_size=MOST_WORDS), st.data())
def test_17_every_beginning_of_three_letters_of_every_word_leads_to_the_name(
    given_words: list[str], data: st.DataObject
) -> None:
    name = " ".join(given_words)
    word = data.draw(st.sampled_from(words(name)))
    wanted = word[: data.draw(st.integers(3, len(word)))]
    assert asked(wanted)[0] in terms(name, None)
    assert agrees(name, [wanted])
    assert not agrees(name, [wanted, "0"])


@given(WORDS)
def test_17_a_word_has_three_terms_at_most_and_its_middle_is_none(word: str) -> None:
    found = terms(word, None)
    assert len(found) <= 3
    assert all(word.startswith(each) and len(each) >= 3 for each in found)


@pytest.mark.parametrize("wanted", ["山田", "山田太", "山田太郎"])
def test_17_a_name_in_ideographs_is_found_by_its_first_two(wanted: str) -> None:
    assert asked(words(wanted)[0])[0] in terms("山田太郎", None)
    assert agrees("山田太郎", words(wanted))


def test_17_hangul_is_found_by_its_first_syllables() -> None:
    """A syllable is two or three letters once decomposed: 김 is kim."""
    assert asked(words("김철")[0])[0] in terms("김철수", None)


def test_17_what_makes_up_an_address_is_no_term_but_its_domain() -> None:
    assert terms("", "Ada.Lovelace@Mail.Example.COM") == {"@mail.example.com"}
    assert terms("", "ada@localhost") == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [("acme.com", "@acme.com"), ("@ACME.co.uk ", "@acme.co.uk"), ("a@acme.com", None), ("acme", None),
     ("a b.com", None), ("acme.c", None), ("", None)],
)  # fmt: skip
def test_17_a_domain(text: str, found: str | None) -> None:
    assert domain_of(text) == found
