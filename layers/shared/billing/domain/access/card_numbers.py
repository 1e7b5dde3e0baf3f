"""Card numbers in texts that should have none: what looks like one is refused, wherever it stands (PCI DSS 3.3).

A card number is 13 to 19 digits that begin with an issuer's prefix and end with the Luhn check digit (ISO/IEC 7812-1).
They stand in one run or in two to five groups. Every group but the last has at least four digits, and between groups
are one to three characters other than letters, digits, colons and plus signs: ``4242 4242 4242 4242``,
``378282/246310005``, ``42424242 - 42424242``. A timestamp is never taken for one, because of its groups of two digits
and its colons; nor is a Unix time in milli-, micro- or nanoseconds, which begins with 1 but does not have the fifteen
digits of the only issuer with that prefix. Other long numbers are recognised by their form and let pass: UUIDs, ULIDs,
digests, IBANs, phone numbers, the decimals of a fraction.

Ids that a caller mints (``carries_in_id``) are made of dates, counters and random numbers, and no payer types into
them. There a card number is one run or the groups that are printed on cards, in the issuer's own lengths, and no part
of a random number in hexadecimal (``k08fe4242424242424242bd``), whatever its width and what is put before it.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache

REDACTED = "[redacted]"
"""What is shown instead of a text that carries a card number."""

_FEWEST, _MOST = 13, 19
_MOST_GROUPS, _SHORTEST_GROUP = 5, 4
_LONGEST_PHONE = 14  # with a + before it; 15 may be Amex's
_LONGEST_FIRST_GROUP = 6  # on a card; longer ones after a digit and a point are decimals

# Visa 4; Mastercard 51-55, 2221-2720; Amex 34, 37; Diners 30, 36, 38, 39; Discover, UnionPay, Maestro, RuPay 6, 50,
# 56-58, 81, 82; Mir 2200-2204; UATP 1 with fifteen digits. With sixteen digits or more JCB 35, Uzcard 8600, Humo 9860,
# Troy 9792, Napas 9704: fifteen that begin with 35 or 86 are the IMEI of a phone, whose check digit is Luhn's too.
_ISSUERS = re.compile(
    rb"4|5[0-8]|6|3[046-9]|8[12]|220[0-4]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"
    rb"|1(?=.{14}$)|35(?=.{14})|(?:8600|9860|9792|9704)(?=.{12})"
)

# In ids: each issuer's prefixes with the lengths of its cards.
_ID_ISSUERS = tuple(
    (re.compile(prefixes), frozenset(lengths))
    for prefixes, lengths in (
        (rb"4", (13, 16, 18, 19)),  # Visa
        (rb"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
        (rb"3[47]", (15,)),  # Amex
        (rb"30[0-5]|3095|3[689]", (14, 16, 17, 18, 19)),  # Diners
        (rb"50|5[6-8]|6", range(13, 20)),  # Maestro, Discover, UnionPay, RuPay
        (rb"8[12]|220[0-4]|35|9704", range(16, 20)),  # UnionPay, Mir, JCB, Napas
        (rb"8600|9860|9792", (16,)),  # Uzcard, Humo, Troy
        (rb"1", (15,)),  # UATP
    )
)
_PRINTED_GROUPS = {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), *((4, 4, 4, 4, last) for last in (1, 2, 3))}
# Two digits after Unix milliseconds of 2020 to 2033 would be UATP's, 30112026073100 (a 30th, by day, month and year)
# Diners'.
_CLOCK = re.compile(
    rb"1(?:5[89]|[6-9][0-9])[0-9]{12}|30(?:0[1-9]|1[0-2])20[2-4][0-9](?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
)
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))

# A text is examined in ASCII (``plain``), and its digits in its shape: 0 for a digit, - for what may stand between
# groups, x for all else.
_NARROWED = "billing.card_numbers.narrowed"
_NO_SEPARATORS = ":+"
_SHAPE = (
    bytes(
        ord("0" if chr(n) in "0123456789" else "x" if chr(n).isalnum() or chr(n) in _NO_SEPARATORS else "-")
        for n in range(128)
    )
    + b"x" * 128
)
# Not 0{4}: the search is fast because the pattern begins with a literal.
_RUN = re.compile(b"0" * _SHORTEST_GROUP + rb"(?:-{0,3}0){%d,}" % (_FEWEST - _SHORTEST_GROUP))
_GROUP = re.compile(rb"0+")
_DIGITS, _BETWEEN = re.compile(rb"[0-9]+"), re.compile(rb"[^0-9]+")
_HEXADECIMAL_BEFORE, _HEXADECIMAL_AFTER = re.compile(rb"[0-9][a-fA-F]+\Z"), re.compile(rb"[a-fA-F]+[0-9]")
_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))

_AROUND = 100
"""How far a token such as a UUID may reach beyond the digits in it; more than the widest digest."""
_WIDTHS = (16, 20, 24, 32, 40, 48, 56, 64)  # of ids and digests in hexadecimal
_KNOWN = (
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",  # UUID
    r"(?=[0-9]*[A-Za-z])[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}",  # ULID
    f"(?=[0-9]*[a-fA-F])(?:{'|'.join(f'[0-9a-fA-F]{{{n}}}' for n in _WIDTHS)})",
)
_IBAN = r"[A-Z]{2}[0-9]{2}(?:[0-9A-Z]{11,30}|(?: [0-9A-Z]{4}){2,7}(?: [0-9A-Z]{1,3})?)"
_SHORTEST_IBAN = 15  # Norway's
_WORD = r"(?<![0-9A-Za-z])(?:{})(?![0-9A-Za-z])"
_KNOWN_WORD, _IBAN_WORD = (re.compile(_WORD.format(each).encode()) for each in ("|".join(_KNOWN), _IBAN))
_PHONE = re.compile(rb"\+((?:[0-9][0-9 ()./-]*)?)\Z")

# JSON's numbers with an exponent, in a text without points and signs: , stands for what may come before one. As fewer
# than three zeros may end a card number here (``number_carries``), 11 of its digits at least are in the coefficient.
_LITERALS = bytes(
    ord("0" if chr(n) in "0123456789" else "e" if chr(n) in "eE" else "," if chr(n) in "[,: \t\r\n" else "x")
    for n in range(256)
)
_LONG_COEFFICIENT = b"," + b"0" * (_FEWEST - 2)
_EXPONENT = re.compile(_LONG_COEFFICIENT + b"0*e")


def may_carry(text: bytes) -> bool:
    """Whether the parts of a long text (UTF-8), such as a JSON body, have to be searched for card numbers one by one.

    False means that no part carries one, provided that no character is written as an escape. True may be a false alarm:
    a number that spans two parts is not told apart from a real one. 1,000 usage events (300 KB) take 1.5 ms.
    """
    narrow = text if text.isascii() else plain(text.decode(errors="replace"))
    return _is_found(narrow) or _may_have_exponent(narrow)


def carries(text: str) -> bool:
    """Whether a card number is in a text."""
    return len(text) >= _FEWEST and _is_found(plain(text))


def carries_in_id(text: str) -> bool:
    """Whether a card number is in an id that a caller minted, such as an Idempotency-Key; ``carries`` finds more.

    ``4242424242424242``, ``pay-4242-4242-4242-4242`` and ``3782 822463 10005`` are; ``order-4821-20261122-0007`` and
    ``12345-2345-30001`` are not, though one in 23 of such keys has a card number's digits.
    """
    return len(text) >= _FEWEST and _is_found(plain(text), in_id=True)


def number_carries(literal: str) -> bool:
    """Whether the whole part of a JSON number is a card number rather than an amount of money.

    4242424242424242, 4242424242424242.0 and 4.242424242424242e15 are. 5105105105105000 is an amount: it ends in three
    zeros, as every whole number of minor units does in micro-units.
    """
    whole = literal.lstrip("-").partition(".")[0]
    if "e" in literal or "E" in literal:
        whole = _expanded(literal)
    return whole.isdecimal() and not whole.endswith("000") and is_card_number(whole)


def shown(text: str) -> str:
    """A text as it may be shown: whole, or not at all."""
    return REDACTED if carries(text) else text


def plain(text: str) -> bytes:
    """The text with one ASCII character for each of its own, so that a card number stands at the same place in both."""
    return text.encode("ascii", _NARROWED)


def is_card_number(digits: str) -> bool:
    """Whether decimal digits, of whatever script, have a card number's length, prefix and check digit."""
    return _FEWEST <= len(digits) <= _MOST and _is_card_number(plain(digits))


def luhn_remainder(digits: str) -> int:
    """0 for a number whose check digit is right (ISO/IEC 7812-1, annex B).

    Every second digit from the right is doubled, and of 10 and more the digits are summed: 4242 4242 4242 4242 ->
    eight times 2 and eight times 8 -> 80 -> 0.
    """
    return _luhn_remainder(digits.encode("ascii"))


def _luhn_remainder(digits: bytes) -> int:
    straight = digits[-1::-2]
    return (sum(straight) - ord("0") * len(straight) + sum(digits[-2::-2].translate(_DOUBLED))) % 10


def _is_card_number(digits: bytes) -> bool:
    return _ISSUERS.match(digits) is not None and _luhn_remainder(digits) == 0


def _is_found(narrow: bytes, in_id: bool = False) -> bool:
    shape = narrow.translate(_SHAPE)
    for run in _RUN.finditer(shape):
        for start, end in _candidates([group.span() for group in _GROUP.finditer(shape, *run.span())]):
            digits = narrow[start:end].translate(None, _NO_DIGITS)
            if not _is_card_number(digits) or _is_something_else(narrow, start, end):
                continue
            if not in_id or (_is_plain_card(narrow[start:end], digits) and not _is_of_hexadecimal(narrow, start, end)):
                return True
    return False


def _is_plain_card(written: bytes, digits: bytes) -> bool:
    """Whether a number is written as cards are, has a length that its issuer's cards have, and is no clock's time."""
    sizes = tuple(len(group) for group in _DIGITS.findall(written))
    if len(sizes) > 1 and (sizes not in _PRINTED_GROUPS or len(set(_BETWEEN.findall(written))) > 1):
        return False
    known = any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _ID_ISSUERS)
    return known and _CLOCK.fullmatch(digits) is None


def _is_of_hexadecimal(narrow: bytes, start: int, end: int) -> bool:
    """Whether one run of digits has others beside it, with the letters of hexadecimal between: ``8fe4242...``.

    Of 24 random hexadecimal digits after a letter, 3 in 10,000 have a card's number among them, and hardly one has no
    digit beside it. ``v2card4242424242424242`` has letters that no such number has, and groups are never of one.
    """
    if not narrow[start:end].isdigit():
        return False
    before = _HEXADECIMAL_BEFORE.search(narrow, max(0, start - _AROUND), start)
    return before is not None or _HEXADECIMAL_AFTER.match(narrow, end) is not None


def _candidates(groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Which groups of digits may be one number: in ``4242 4242 4242 4242 12 29`` the first four, before the expiry."""
    for first, (start, _) in enumerate(groups):
        digits = 0
        for since, until in groups[first : first + _MOST_GROUPS]:
            digits += until - since
            if _FEWEST <= digits <= _MOST:
                yield start, until
            if until - since < _SHORTEST_GROUP or digits >= _MOST:
                break


def _is_something_else(narrow: bytes, start: int, end: int) -> bool:
    since = max(0, start - _AROUND)
    near, before, number = narrow[since : end + _AROUND], narrow[since:start], narrow[start:end]
    phone = _PHONE.search(before)
    if phone is not None and len((phone[1] + number).translate(None, _NO_DIGITS)) <= _LONGEST_PHONE:
        return True
    if before.endswith(b".") and before[-2:-1].isdigit() and number[: _LONGEST_FIRST_GROUP + 1].isdigit():
        return True
    # Two UUIDs with a comma between: digits that begin in one and end in the other are none either.
    words = [word.span() for word in _KNOWN_WORD.finditer(near)]
    words += [span for word in _IBAN_WORD.finditer(near) if (span := _iban(word))]
    return any(since + first < end and start < since + last for first, last in words)


def _iban(word: re.Match[bytes]) -> tuple[int, int] | None:
    """Where the IBAN ends in a text of its form: a short word may follow that looks like a part (``... 3201 EUR``).

    ISO 13616: with its first four characters at the end, and letters as 10 to 35, it leaves 1 when divided by 97.
    """
    text = word[0]
    while len(compact := text.replace(b" ", b"").decode()) >= _SHORTEST_IBAN:
        if int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1:
            return word.start(), word.start() + len(text)
        text = text.rpartition(b" ")[0]
    return None


@lru_cache(maxsize=4096)
def _narrow(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character.isalnum():
        return ":"  # no letter that an id could have, and no separator
    return "-" if unicodedata.category(character) == "Pd" else " "


def _narrowed(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(_narrow, error.object[error.start : error.end])), error.end


# As a codec's error handler it sees only the characters beyond ASCII: a third of the time of a regular expression.
codecs.register_error(_NARROWED, _narrowed)


def _may_have_exponent(narrow: bytes) -> bool:
    compact = b"," + narrow.translate(_LITERALS, b".-")
    return _LONG_COEFFICIENT in compact and _EXPONENT.search(compact) is not None


def _expanded(literal: str) -> str:
    """The whole part of a number with an exponent, where it has a card number's length: 4.25e12 -> 4250000000000."""
    try:
        value = Decimal(literal.lstrip("-"))
    except InvalidOperation:  # no number, or an exponent of twenty digits
        return ""
    # By its magnitude first: written out, 1e999999 would take a megabyte.
    return str(int(value)) if value.is_finite() and _FEWEST - 1 <= value.adjusted() < _MOST else ""
