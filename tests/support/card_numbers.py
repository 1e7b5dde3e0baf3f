"""Card numbers as people write them."""

import random
import re
import string

from hypothesis import strategies as st

from billing.domain.access.card_numbers import luhn_remainder

AT_LEAST_16 = ("35", "8600", "9860", "9792", "9704")
LENGTHS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(
        ("4", *map(str, range(50, 59)), "2221", "2229", "2230", "2300", "2699", "2700", "2719", "2720", "34", "37",
         "30", "36", "38", "39", "6", "81", "82", "2200", "2204"), (13, 19)),
    **dict.fromkeys(AT_LEAST_16, (16, 19)),
    "1": (15, 15),
}  # fmt: skip
SEPARATORS = [" ", "-", ".", ",", "/", "_", "\t", "\n", "\\", '"', "\u00a0", "\u2009", "\u202f", "\u2010", "\u2011",
              "\u2013", "\u2212", "\u200b", "\ufeff", "\u00ad", "·", "\U0001f4b3"]  # fmt: skip
BEFORE = ["", "card ", "Karte:", "pan=", "(", "nr", "x", "#", "№ ", "\n", "+ ", "2026: ", "no. ", "evt_", "北京", "é-"]
AFTER = ["", " exp 12/29", ", 123", ")", " 1", ".", "\t", "-x", "_b", "z", "; call me", "京", " cvc"]
SCRIPTS = [chr(zero) for zero in (0x30, 0x0660, 0x06F0, 0x0966, 0x0E50, 0xFF10, 0x1D7CE)]


def checked(payload: str) -> str:
    """A number with the digit after it that makes it right."""
    return next(payload + digit for digit in string.digits if luhn_remainder(payload + digit) == 0)


@st.composite
def cards(draw: st.DrawFn) -> str:
    """A number with an issuer's prefix and the right check digit."""
    prefix = draw(st.sampled_from(list(LENGTHS)))
    length = draw(st.integers(*LENGTHS[prefix]))
    return checked(prefix + draw(st.text(string.digits, min_size=length - 1, max_size=length - 1))[len(prefix) :])


@st.composite
def groupings(draw: st.DrawFn, length: int) -> list[int]:
    """The sizes of one to five groups: four digits or more in each but the last."""
    sizes: list[int] = []
    while length > 4 and len(sizes) < 4 and draw(st.integers(0, 4)):
        sizes.append(draw(st.integers(4, min(length - 1, 12))))
        length -= sizes[-1]
    return [*sizes, length]


_between = st.one_of(
    st.sampled_from([*SEPARATORS, " - ", ", ", "  ", "\r\n", " | ", "..."]),
    st.text(st.characters(codec="utf-8").filter(lambda c: not c.isalnum() and c not in ":+"), min_size=1, max_size=3),
)


def in_groups(number: str, sizes: list[int], separators: list[str]) -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return "".join(part + separator for part, separator in zip(parts, [*separators[: len(parts) - 1], ""], strict=True))


@st.composite
def written_cards(draw: st.DrawFn) -> str:
    """The same as somebody may write it: in one run or in groups, in the digits of any script."""
    number = draw(cards())
    sizes = draw(groupings(len(number)))
    text = in_groups(number, sizes, draw(st.lists(_between, min_size=4, max_size=4)))
    zero = draw(st.sampled_from(SCRIPTS))
    return "".join(chr(ord(zero) + int(c)) if c in string.digits else c for c in text)


def is_decimal(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?", text) is not None


def escaped(text: str, chosen: random.Random) -> str:
    """JSON text with some characters of its strings written as escapes."""
    out, in_string, at = "", False, 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            width = 6 if text[at + 1] == "u" else 2
            out, at = out + text[at : at + width], at + width
            continue
        in_string ^= character == '"'
        units = character.encode("utf-16-be")
        codes = [units[n : n + 2].hex() for n in range(0, len(units), 2)]
        change = in_string and character != '"' and chosen.random() < 0.3
        out += "".join(f"\\u{code}" for code in codes) if change else character
        at += 1
    return out
