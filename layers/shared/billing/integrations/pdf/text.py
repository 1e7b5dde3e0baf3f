"""Customers' text, made printable before the template sees it.

Text never passes through a markup language: the template gets it as JSON and shows it as it is, so that `#panic()` or
`<b>&amp;` in a company's name are ordinary characters.
"""

from __future__ import annotations

import logging
import re
from unicodedata import bidirectional, category, name, normalize

from billing.integrations.pdf import fonts

_log = logging.getLogger(__name__)

REPLACEMENT = "\ufffd"
_KEPT = frozenset("\u200c\u200d\u200e\u200f\u061c") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Joiners, marks of direction and variation selectors: they have no look of their own, but change that of letters."""

_LONG_WORD = re.compile(r"\S{24,}")
_MOST_UNBROKEN = 20
_FIRST_COMPLEX, _FIRST_EAST_ASIAN = "\u0590", "\u2e80"
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_BREAK = "\u200b"
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"
_told: set[str] = set()


def printable(text: str) -> str:
    """Make text printable: composed letters, no control characters, no overrides of direction, letters with a font.

    Overrides and isolates (U+202A-202E, U+2066-2069) are dropped because they let one name show as another. A letter
    that no font has becomes U+FFFD, and its script is logged once.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(map(_shown, normalize("NFC", lines)))


def one_line(text: str) -> str:
    """The same on one line."""
    return " ".join(printable(text).split("\n"))


def breakable(text: str) -> str:
    """Let long words break anywhere, by zero-width spaces that the template does not print: a page is only so wide."""
    return _LONG_WORD.sub(_break_word, text)


def isolated(text: str) -> str:
    """Keep a value with letters from right to left from changing places with its neighbours in a sentence."""
    if any(bidirectional(char) in _RIGHT_TO_LEFT for char in text):
        return f"{_ISOLATE}{text}{_END_ISOLATE}"
    return text


def _break_word(match: re.Match[str]) -> str:
    word = match[0]
    pieces, unbroken = [word[0]], 1
    for before, char, after in zip(word, word[1:], [*word[2:], ""], strict=False):
        # Arabic letters join and marks belong to the letter before them: there, breaks are as rare as they may be.
        simple = before < _FIRST_COMPLEX and char < _FIRST_COMPLEX and not _belongs(after)
        if not (_belongs(char) or _belongs(before)) and (simple or unbroken >= _MOST_UNBROKEN):
            pieces.append(_BREAK)
            unbroken = 0
        pieces.append(char)
        unbroken = 0 if char >= _FIRST_EAST_ASIAN else unbroken + 1  # Han breaks anywhere by itself
    return "".join(pieces)


def _belongs(char: str) -> bool:
    return bool(char) and (category(char)[0] == "M" or char in _KEPT)


def _shown(char: str) -> str:
    if char.isascii():
        return char if (char >= " " and char != "\x7f") or char == "\n" else " "
    if char in _KEPT:
        return char
    kind = category(char)
    if kind == "Cf":
        return ""
    if kind == "Cc":
        return " "
    # Private letters have no meaning that a PDF/A could keep.
    if kind in ("Cs", "Co", "Cn") or not fonts.has(char):
        _tell(char)
        return REPLACEMENT
    return char


def _tell(char: str) -> None:
    """Log once for each script that it has no font; the script is no personal text, the letter might be."""
    known = category(char)[0] in "LM"  # TAMIL LETTER A; the name of an emoji says too much
    script = name(char, "UNKNOWN").split(" ")[0] if known else "SYMBOLS"
    if script not in _told:
        _told.add(script)
        _log.warning("no font has letters of this script", extra={"script": script})
