"""Bank accounts that somebody may be asked to transfer money to."""

import re
from dataclasses import dataclass

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}", re.ASCII)
_BIC = re.compile(r"[0-9A-Z]{4}[A-Z]{2}[0-9A-Z]{2}(?:[0-9A-Z]{3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class BankDetails:
    """Where to transfer money to: an IBAN with its BIC, or an account number with whatever routes there."""

    holder: str
    iban: str | None = None
    bic: str | None = None
    account_number: str | None = None
    routing: str | None = None
    bank_name: str | None = None


def is_iban(text: str) -> bool:
    """Whether a text without spaces, in capitals, is an IBAN.

    ISO 13616: with its first four characters at the end, and letters as 10 to 35, it leaves 1 when divided by 97. So a
    wrong digit is always found, and so are two that were exchanged.
    """
    if _IBAN.fullmatch(text) is None:
        return False
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def is_bic(text: str) -> bool:
    """Whether a text in capitals has the form of a BIC (ISO 9362): eight characters, or eleven with a branch."""
    return _BIC.fullmatch(text) is not None
