"""What a customer can be found by, beside ids and its address: words of its name, and where its address is.

Names are sealed, so nothing can look into them: each term is kept as a keyed hash (docs/decisions/0057-search.md). A
word has three terms at most, because what is found is opened and compared anyway:

    Lovelace -> lov, lovel, lovelace        "love" is looked for as lov, "lovelac" as lovel, "lovelace" as both
"""

import re
import unicodedata
from collections.abc import Iterable

_SHORT, _LONG = 3, 5
_IDEOGRAPHS = 2
"""A name in ideographs begins with a family name, of two as a rule: 山田太郎 is found by 山田."""
_FEWEST, MOST_WORDS, _LONGEST_WORD = 2, 8, 64
_APOSTROPHES = str.maketrans("", "", "'’ʼ`")
_WORD = re.compile(r"[^\W_]+")
_DOMAIN = re.compile(r"@?((?:[^\s@.]+\.)+[^\s@.]{2,})")


def words(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared: decomposed (NFKD), without accents and case, in their order.

    >>> words("  Zoë O’Brien-STRAẞE ﬁve")
    ('zoe', 'obrien', 'strasse', 'five')
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(each for each in decomposed if not unicodedata.combining(each)).translate(_APOSTROPHES)
    found = (each[:_LONGEST_WORD] for each in _WORD.findall(plain))
    return tuple(dict.fromkeys(each for each in found if len(each) >= _FEWEST))


def terms(name: str, email: str | None) -> frozenset[str]:
    """All terms of a customer: three of each of its first eight words, and one of its address's domain: 25 at most."""
    found = {term for word in words(name)[:MOST_WORDS] for term in _terms_of(word)}
    domain = domain_of(email.rpartition("@")[2]) if email else None
    return frozenset(found | ({domain} if domain else set()))


def domain_of(text: str) -> str | None:
    """The term of a domain, ``@acme.com``; None for what is none."""
    found = _DOMAIN.fullmatch(text.strip().casefold())
    return "@" + found[1] if found else None


def asked(word: str) -> tuple[str, ...]:
    """The terms by which a word of a query is looked for: every name that has a word beginning with it has the first.

    The second brings those that have the very word, where thousands share its beginning.
    """
    lengths = _lengths(word)
    longest = max((each for each in lengths if each <= len(word)), default=len(word))
    return tuple(dict.fromkeys((word[:longest], word)))


def agrees(name: str, wanted: Iterable[str]) -> bool:
    """Whether each word of a query is the beginning of a word of a name."""
    own = words(name)
    return all(any(word.startswith(each) for word in own) for each in wanted)


def _terms_of(word: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*(word[:each] for each in _lengths(word)), word)))


def _lengths(word: str) -> tuple[int, int]:
    """How long the beginnings of a word are that are terms."""
    is_ideographic = unicodedata.name(word[0], "").startswith(("CJK ", "HIRAGANA", "KATAKANA"))
    return (_IDEOGRAPHS, _SHORT) if is_ideographic else (_SHORT, _LONG)
