"""Tax ids: their form and check digits, country by country. Only the authority knows whether an id is registered.

Sources: for the EU the European Commission's VIES FAQ (structure of VAT numbers) and the check-digit algorithms that
the national administrations publish (collected in "VAT Identification Number - verification routines" of the
Commission's DG TAXUD, also behind every open implementation); GB: HMRC VAT Notice 700 and the 9755 series; CH: BFS,
Unternehmens-Identifikationsnummer; NO: Brønnøysundregistrene; AU: abr.business.gov.au, "Format of the ABN"; CA:
canada.ca, business number; IN: GST Network, GSTIN structure; JP: National Tax Agency, Corporate Number. The tests hold
each against an independent implementation (python-stdnum).
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from enum import StrEnum

EU_MEMBERS = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
"""The member states by ISO 3166-1; a Greek VAT id begins with EL."""

_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SEPARATORS = re.compile(r"[\s.\-/–]")


class TaxIdStatus(StrEnum):
    """Whether a tax id is well formed for its country; ``unknown`` if we have no check for the country."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


def normalised(country: str, tax_id: str) -> str:
    """A tax id without decoration, as its authority stores it: ``de 136.695 976`` of DE -> ``136695976``.

    Capital letters, no separators, without the country's prefix.
    """
    text = _SEPARATORS.sub("", tax_id).upper()
    prefixes = {"GR": ("EL", "GR"), "CH": ("CHE",), "JP": ("T",), "CA": (), "IN": (), "AU": ()}.get(country, (country,))
    # Cyprus, Spain and others may begin with a letter of their own: only a whole prefix goes.
    for prefix in prefixes:
        if text.startswith(prefix):
            return text.removeprefix(prefix)
    return text


def tax_id_status(country: str | None, tax_id: str) -> TaxIdStatus:
    """Whether a tax id can be one of a country.

    Args:
        country: of the address; an id of another country is invalid here.
    """
    check = _CHECKS.get(country or "")
    if country is None or check is None:
        return TaxIdStatus.UNKNOWN
    number = normalised(country, tax_id)
    return TaxIdStatus.VALID if number.isascii() and check(number) else TaxIdStatus.INVALID


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=False))


def _luhn(number: str) -> bool:
    """ISO/IEC 7812-1: from the right, every second digit doubled, the digits of the products summed."""
    total = 0
    for n, digit in enumerate(reversed(number)):
        total += sum(divmod(int(digit) * (1 + n % 2), 10))
    return total % 10 == 0


def _mod_11_10(number: str) -> bool:
    """ISO/IEC 7064, MOD 11,10: Germany, Croatia."""
    check = 5
    for digit in number:
        check = ((check or 10) * 2 % 11 + int(digit)) % 10
    return check == 1


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _form(pattern: str, check: Callable[[str], bool]) -> Callable[[str], bool]:
    # Compiled at its first use: to compile three dozen patterns would slow the start of every function with customers.
    return lambda number: re.fullmatch(pattern, number) is not None and check(number)


def _sums(weights: Sequence[int], modulus: int, *remainders: int) -> Callable[[str], bool]:
    """The weighted sum of all digits leaves one of the remainders (0 where none is named)."""
    return lambda number: _weighted(number, weights) % modulus in (remainders or (0,))


def _austria(number: str) -> bool:
    # U13585627: 1 + 6 + 5 + (1 + 6) + 5 + (1 + 2) + 2 = 29 of the first seven, and 6 - 29 is 7 modulo 10.
    total = sum(sum(divmod(int(digit) * (1 + n % 2), 10)) for n, digit in enumerate(number[1:8]))
    return (6 - total) % 10 == int(number[8])


def _belgium(number: str) -> bool:
    padded = number.zfill(10)
    return padded[0] in "01" and int(padded) > 0 and (int(padded[:8]) + int(padded[8:])) % 97 == 0


def _bulgaria(number: str) -> bool:
    if len(number) == 9:
        check = _weighted(number, range(1, 9)) % 11
        if check == 10:
            check = _weighted(number, range(3, 11)) % 11 % 10
        return check == int(number[8])
    other = (11 - _weighted(number[:9], (4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    foreigner = _weighted(number[:9], (21, 19, 17, 13, 11, 9, 7, 3, 1)) % 10
    return int(number[9]) in (other, foreigner) or _bulgarian_citizen(number)


def _bulgarian_citizen(number: str) -> bool:
    year, month, day = int(number[:2]), int(number[2:4]), int(number[4:6])
    # 1800s have 20 added to the month, 2000s 40.
    century = {0: 1900, 1: 1900, 2: 1800, 3: 1800, 4: 2000, 5: 2000}.get(month // 10)
    if century is None or not _is_date(century + year, month % 20, day):
        return False
    return _weighted(number[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(number[9])


def _cyprus(number: str) -> bool:
    odd = dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True))
    total = sum(odd[digit] if n % 2 == 0 else int(digit) for n, digit in enumerate(number[:8]))
    return not number.startswith("12") and chr(total % 26 + ord("A")) == number[8]


def _czechia(number: str) -> bool:
    if len(number) == 8:
        check = (11 - _weighted(number, range(8, 1, -1))) % 11
        return number[0] != "9" and (check or 1) % 10 == int(number[7])
    if len(number) == 9 and number[0] == "6":
        check = _weighted(number[1:8], range(8, 1, -1)) % 11
        return (8 - (10 - check) % 11) % 10 == int(number[8])
    return _birth_number(number)


def _birth_number(number: str) -> bool:
    """A person's number in Czechia and Slovakia: women have 50 added to the month; since 2004 20 more may be."""
    year, month, day = 1900 + int(number[:2]), int(number[2:4]) % 50 % 20, int(number[4:6])
    if len(number) == 9:
        year -= 100 if year >= 1980 else 0
        return year <= 1953 and _is_date(year, month, day)
    year += 100 if year < 1954 else 0
    return _is_date(year, month, day) and int(number[:9]) % 11 % 10 == int(number[9])


def _estonia(number: str) -> bool:
    return _weighted(number, (3, 7, 1, 3, 7, 1, 3, 7, 1)) % 10 == 0


_SPANISH_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def _spain(number: str) -> bool:
    first, middle, last = number[0], number[1:8], number[8]
    if first in "KLM":  # minors, Spaniards abroad, foreigners without a number of their own
        return middle.isdigit() and _SPANISH_LETTERS[int(middle) % 23] == last
    if first in "XYZ" or first.isdigit():
        digits = str("XYZ".index(first)) + middle if first in "XYZ" else first + middle
        return digits.isdigit() and _SPANISH_LETTERS[int(digits) % 23] == last
    return _spanish_company(first, middle, last)


def _spanish_company(kind: str, middle: str, last: str) -> bool:
    if kind not in "ABCDEFGHJNPQRSUVW" or not middle.isdigit():
        return False
    total = sum(sum(divmod(int(digit) * (2 - n % 2), 10)) for n, digit in enumerate(middle))
    # Which kinds end in a digit and which in a letter is told in more than one way: either is good.
    return last in (str(-total % 10), "JABCDEFGHI"[-total % 10])


def _france(number: str) -> bool:
    key, siren = number[:2], number[2:]
    if not siren.startswith("000") and not _luhn(siren):  # Monaco's begin with 000 and are in no register of SIRENs
        return False
    if key.isdigit():
        return int(siren + "12") % 97 == int(key)
    alphabet = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    first, second = alphabet.index(key[0]), alphabet.index(key[1])
    check = first * 24 + second - 10 if key[0].isdigit() else first * 34 + second - 100
    return (int(siren) + 1 + check // 11) % 11 == check % 11


def _greece(number: str) -> bool:
    padded = number.zfill(9)
    return _weighted(padded, (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10 == int(padded[8])


def _ireland(number: str) -> bool:
    alphabet = "WABCDEFGHIJKLMNOPQRSTUV"
    if not number[1].isdigit():  # the style before 1986: 8D79739I is 0797398 with a letter in second place
        digits, last, extra = "0" + number[2:7] + number[0], number[7], ""
    else:
        digits, last, extra = number[:7], number[7], number[8:]
    total = _weighted(digits, range(8, 1, -1)) + 9 * (alphabet.index(extra) if extra else 0)
    return alphabet[total % 23] == last


def _italy(number: str) -> bool:
    province = int(number[7:10])
    known = 1 <= province <= 100 or province in (120, 121, 888, 999)
    return not number.startswith("0000000") and known and _luhn(number)


def _lithuania(number: str) -> bool:
    if number[-2] != "1":
        return False
    digits = number[:-1]
    check = sum((1 + n % 9) * int(digit) for n, digit in enumerate(digits)) % 11
    if check == 10:
        check = sum((1 + (n + 2) % 9) * int(digit) for n, digit in enumerate(digits)) % 11 % 10
    return check == int(number[-1])


def _latvia(number: str) -> bool:
    if number[0] > "3":
        return _weighted(number, (9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1)) % 11 == 3
    if not number.startswith("32"):  # since 2017 a person's number says nothing about a birthday
        century = {"0": 1800, "1": 1900, "2": 2000}.get(number[6])
        if century is None or not _is_date(century + int(number[4:6]), int(number[2:4]), int(number[:2])):
            return False
    return (1 + _weighted(number[:10], (10, 5, 8, 4, 2, 1, 6, 3, 7, 9))) % 11 % 10 == int(number[10])


def _netherlands(number: str) -> bool:
    if number[10:] == "00":
        return False
    if _weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and int(number[:9]) > 0:
        return True
    # Since 2020 a sole trader's says nothing about the person: MOD 97-10 over NL and the number, letters as 10 to 35.
    return int("".join(str(_ALPHANUMERIC.index(character)) for character in "NL" + number)) % 97 == 1


def _portugal(number: str) -> bool:
    return (11 - _weighted(number[:8], range(9, 1, -1)) % 11) % 11 % 10 == int(number[8])


def _romania(number: str) -> bool:
    if len(number) == 13:
        return _romanian_person(number)
    check = 10 * _weighted(number[:-1].zfill(9), (7, 5, 3, 2, 1, 7, 5, 3, 2)) % 11 % 10
    return check == int(number[-1])


def _romanian_person(number: str) -> bool:
    century = {"1": 1900, "2": 1900, "3": 1800, "4": 1800, "5": 2000, "6": 2000}.get(number[0], 1900)
    county = int(number[7:9])
    known = 1 <= county <= 48 or county in (51, 52, 70) or 80 <= county <= 83
    born = _is_date(century + int(number[1:3]), int(number[3:5]), int(number[5:7]))
    check = _weighted(number[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return known and born and (1 if check == 10 else check) == int(number[12])


def _sweden(number: str) -> bool:
    return number.endswith("01") and _luhn(number[:10])


def _slovenia(number: str) -> bool:
    check = 11 - _weighted(number[:7], range(8, 1, -1)) % 11
    return check < 11 and check % 10 == int(number[7])


def _slovakia(number: str) -> bool:
    company = number[0] != "0" and number[2] in "234789" and int(number) % 11 == 0
    return company or _birth_number(number)


def _united_kingdom(number: str) -> bool:
    if number.startswith("GD"):
        return int(number[2:]) < 500
    if number.startswith("HA"):
        return int(number[2:]) >= 500
    rest = _weighted(number[:9], (8, 7, 6, 5, 4, 3, 2, 10, 1)) % 97
    # Since 2010 numbers from 100 up may also be of the "9755" series, whose check digits are 55 less (or 42 more).
    return rest == 0 if number.startswith("0") else rest in (0, 42, 55)


def _switzerland(number: str) -> bool:
    return (11 - _weighted(number[:8], (5, 4, 3, 2, 7, 6, 5, 4)) % 11) % 11 == int(number[8])


def _australia(number: str) -> bool:
    # The two check digits are 11 to 99.
    return (
        number[:2] != "10"
        and _weighted(str(int(number[0]) - 1) + number[1:], (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0
    )


def _india(number: str) -> bool:
    """State, PAN, serial, Z, and a check character: the Luhn scheme over 36 characters (GSTIN)."""
    total = 0
    for n, character in enumerate(reversed(number)):
        total += sum(divmod(_ALPHANUMERIC.index(character) * (1 + n % 2), 36))
    state = int(number[:2])
    return (1 <= state <= 38 or state == 97) and number[7:11] != "0000" and total % 36 == 0


def _japan(number: str) -> bool:
    """Corporate Number: check = 9 - (sum of digits, from the right weighted 1, 2, 1, 2 ...) mod 9."""
    total = sum(int(digit) * (1 + n % 2) for n, digit in enumerate(reversed(number[1:])))
    return 9 - total % 9 == int(number[0])


_CHECKS: dict[str, Callable[[str], bool]] = {
    "AT": _form(r"U\d{8}", _austria),
    "BE": _form(r"\d{9,10}", _belgium),
    "BG": _form(r"\d{9,10}", _bulgaria),
    "CY": _form(r"\d{8}[A-Z]", _cyprus),
    "CZ": _form(r"\d{8,10}", _czechia),
    "DE": _form(r"[1-9]\d{8}", _mod_11_10),
    "DK": _form(r"[1-9]\d{7}", _sums((2, 7, 6, 5, 4, 3, 2, 1), 11)),
    "EE": _form(r"\d{9}", _estonia),
    "ES": _form(r"[0-9A-Z]\d{7}[0-9A-Z]", _spain),
    "FI": _form(r"\d{8}", _sums((7, 9, 10, 5, 8, 4, 2, 1), 11)),
    "FR": _form(r"[0-9A-HJ-NP-Z]{2}\d{9}", _france),
    "GR": _form(r"\d{8,9}", _greece),
    "HR": _form(r"\d{11}", _mod_11_10),
    "HU": _form(r"\d{8}", _sums((9, 7, 3, 1, 9, 7, 3, 1), 10)),
    "IE": _form(r"\d[0-9A-Z+*]\d{5}[A-W][A-W]?", _ireland),
    "IT": _form(r"\d{11}", _italy),
    "LT": _form(r"\d{9}|\d{12}", _lithuania),
    "LU": _form(r"\d{8}", lambda number: int(number[:6]) % 89 == int(number[6:])),
    "LV": _form(r"\d{11}", _latvia),
    "MT": _form(r"[1-9]\d{7}", _sums((3, 4, 6, 7, 8, 9, 10, 1), 37)),
    "NL": _form(r"\d{9}B\d{2}", _netherlands),
    "PL": _form(r"\d{10}", _sums((6, 5, 7, 2, 3, 4, 5, 6, 7, -1), 11)),
    "PT": _form(r"[1-9]\d{8}", _portugal),
    "RO": _form(r"[1-9]\d{1,9}|[1-9]\d{12}", _romania),
    "SE": _form(r"\d{12}", _sweden),
    "SI": _form(r"[1-9]\d{7}", _slovenia),
    "SK": _form(r"\d{10}", _slovakia),
    "GB": _form(r"\d{9}(\d{3})?|(GD|HA)\d{3}", _united_kingdom),
    "CH": _form(r"\d{9}(MWST|TVA|IVA|TPV)?", _switzerland),
    "NO": _form(r"\d{9}(MVA)?", _sums((3, 2, 7, 6, 5, 4, 3, 2, 1), 11)),
    "AU": _form(r"[1-9]\d{10}", _australia),
    "CA": _form(r"\d{9}(RT\d{4})?", lambda number: _luhn(number[:9])),
    "IN": _form(r"\d{2}[A-Z]{3}[ABCFGHJKLPT][A-Z]\d{4}[A-Z][1-9A-Z]Z[0-9A-Z]", _india),
    "JP": _form(r"[1-9]\d{12}", _japan),
}
