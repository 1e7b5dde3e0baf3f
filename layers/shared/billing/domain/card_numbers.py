"""Card numbers in texts that should have none: what looks like one is refused, wherever it stands (PCI DSS 3.3).

A card number is 13 to 19 digits that an issuer's prefix begins and the Luhn digit ends (ISO/IEC 7812-1), in one run or
in the groups that are printed on cards, with single blanks or dashes between them. A clock's milliseconds begin with 1,
which is nobody's prefix. What else has many digits and is known by its form is none: UUIDs, ULIDs, digests, IBANs,
phone numbers, the decimals of a fraction.
"""

import re
import unicodedata
from collections.abc import Iterator

REDACTED = "[redacted]"
"""What is shown instead of a text that carries a card number."""

_FEWEST, _MOST = 13, 19
_LONGEST_PHONE = 14  # with a + before it; 15 may be Amex's
_SPACES = "\u00a0\u2002\u2003\u2007\u2009\u200a\u202f\u3000"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"
_SEPARATORS = " -" + _SPACES + _DASHES
_SEPARATOR = f"[{re.escape(_SEPARATORS)}]"
_RUN = re.compile(rf"\d(?:{_SEPARATOR}?\d){{{_FEWEST - 1},}}")
_GROUP, _BETWEEN = re.compile(r"\d+"), re.compile(_SEPARATOR)

# Visa 4; Mastercard 51-55, 2221-2720; Amex 34, 37; Diners 30, 36, 38, 39; Discover, UnionPay, Maestro, RuPay 6, 50,
# 56-58, 81, 82; Mir 2200-2204. JCB 35 with sixteen digits or more: fifteen that begin so are the IMEI of a phone, whose
# check digit is Luhn's too.
_ISSUERS = re.compile(r"4|5[0-8]|6|3[046-9]|35(?=\d{14})|8[12]|220[0-4]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720")
# 4-4-4-1 to 4-4-4-4, then 4-4-4-4-1 to 4-4-4-4-3; 4-6-5 (Amex), 4-6-4 (Diners).
_PRINTED = {(4, 4, 4, n) for n in range(1, 5)} | {(4, 4, 4, 4, n) for n in range(1, 4)} | {(4, 6, 5), (4, 6, 4)}
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

_AROUND = 100
"""How far what is known by its form may reach beyond the digits in it; more than the widest digest."""
_WIDTHS = (16, 20, 24, 32, 40, 48, 56, 64)  # of ids and digests in hexadecimal
_KNOWN = (
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",  # UUID
    r"(?=[0-9]*[A-Za-z])[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}",  # ULID
    f"(?=[0-9]*[a-fA-F])(?:{'|'.join(f'[0-9a-fA-F]{{{n}}}' for n in _WIDTHS)})",
)
_IBAN = r"[A-Z]{2}[0-9]{2}(?:[0-9A-Z]{11,30}|(?: [0-9A-Z]{4}){2,7}(?: [0-9A-Z]{1,3})?)"
_WORD = r"(?<![0-9A-Za-z])(?:{})(?![0-9A-Za-z])"
_KNOWN_WORD, _IBAN_WORD = re.compile(_WORD.format("|".join(_KNOWN))), re.compile(_WORD.format(_IBAN))

_SHAPE = bytes(ord("0") if chr(n) in "0123456789" else ord("-") if chr(n) in " -" else ord("x") for n in range(256))
_ONE_RUN, _IN_GROUPS = b"0" * _FEWEST, (b"0000-0000-0000-0", b"0000-000000-0000")
_DIGITS = re.compile(rb"[0-9]+")
_ASCII = bytes(range(128))


def may_carry(text: bytes) -> bool:
    """Whether it is worth the while to look for card numbers in the parts of a long text (UTF-8), such as a JSON body.

    False where no part carries one, unless it is written with escapes. Digits are looked for by their shape, which for
    1,000 usage events (300 KB) takes half a millisecond.
    """
    if not text.isascii() and has_parts(text.translate(None, _ASCII).decode(errors="replace")):
        return True  # fullwidth digits, a no-break space, an en dash: rare enough not to be looked at more closely
    shape = text.translate(_SHAPE)
    at = shape.find(_ONE_RUN)
    while at >= 0:
        digits = _DIGITS.match(text, at)
        assert digits is not None
        if is_card_number(digits[0].decode()) and _carries_near(text, at):
            return True
        at = shape.find(_ONE_RUN, digits.end())
    for groups in _IN_GROUPS:
        at = shape.find(groups)
        while at >= 0:
            if _carries_near(text, at):
                return True
            at = shape.find(groups, at + _AROUND)
    return False


def has_parts(text: str) -> bool:
    """Whether a text has what card numbers are made of: a digit, or what may stand between digits."""
    return any(each.isdecimal() or each in _SEPARATORS for each in set(text))


def carries(text: str) -> bool:
    """Whether a card number is in a text."""
    if len(text) < _FEWEST:
        return False
    return any(
        is_card_number(_BETWEEN.sub("", text[start:end])) and not _is_something_else(text, start, end)
        for run in _RUN.finditer(text)
        for start, end in _candidates([group.span() for group in _GROUP.finditer(text, *run.span())])
    )


def number_carries(literal: str) -> bool:
    """Whether the whole part of a JSON number is a card number, and no money.

    4242424242424242 and 4242424242424242.0 are; 5105105105105000 is 5,105,105,105.105 of a currency: in micro-units
    three zeros stand for what is less than its smallest coin.
    """
    whole = literal.lstrip("-").partition(".")[0]
    return whole.isdecimal() and not whole.endswith("000") and is_card_number(whole)


def shown(text: str) -> str:
    """A text as it may be shown: whole, or not at all."""
    return REDACTED if carries(text) else text


def is_card_number(digits: str) -> bool:
    """Whether decimal digits, of whatever script, have a card number's length, prefix and check digit."""
    if not _FEWEST <= len(digits) <= _MOST:
        return False
    plain = digits if digits.isascii() else "".join(str(unicodedata.decimal(digit)) for digit in digits)
    return _ISSUERS.match(plain) is not None and luhn_remainder(plain) == 0


def luhn_remainder(digits: str) -> int:
    """0 for a number whose check digit is right (ISO/IEC 7812-1, annex B).

    Every second digit from the right is doubled, and of 10 and more the digits are summed: 4242 4242 4242 4242 ->
    eight times 2 and eight times 8 -> 80 -> 0.
    """
    straight = sum(map(int, digits[-1::-2]))
    doubled = sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return (straight + doubled) % 10


def _candidates(groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Which groups of digits may be one number: in ``4242 4242 4242 4242 12 29`` the first four, before the expiry."""
    for first, (start, end) in enumerate(groups):
        yield start, end
        for last in range(first + 2, min(first + 5, len(groups))):
            if tuple(until - since for since, until in groups[first : last + 1]) in _PRINTED:
                yield start, groups[last][1]


def _is_something_else(text: str, start: int, end: int) -> bool:
    before, digits = text[:start][-2:], end - start
    if before.endswith("+") and digits <= _LONGEST_PHONE and text[start:end].isdecimal():
        return True
    if before.endswith(".") and before[0].isdecimal() and text[start:end].isdecimal():
        return True
    since = max(0, start - _AROUND)
    near = text[since : end + _AROUND]
    words = [*_KNOWN_WORD.finditer(near), *filter(_is_iban, _IBAN_WORD.finditer(near))]
    return any(since + word.start() <= start and end <= since + word.end() for word in words)


def _carries_near(text: bytes, at: int) -> bool:
    return carries(text[max(0, at - _AROUND) : at + 2 * _AROUND].decode(errors="replace"))


def _is_iban(word: re.Match[str]) -> bool:
    """ISO 13616: with its first four characters at the end, and letters as 10 to 35, it leaves 1 when divided by 97."""
    compact = word[0].replace(" ", "")
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1
