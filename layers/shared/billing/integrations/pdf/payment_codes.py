"""QR codes that help to pay: a SEPA transfer ready to be signed, and a link."""

from __future__ import annotations

import re
from io import BytesIO

import segno

from billing.domain.kernel.bank import BankDetails
from billing.domain.kernel.money import MICROS_PER_MINOR, Money

_MOST_CENTS = 99_999_999_999
_MOST_BYTES = 331
_LONGEST_LINK = 1_000
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")
_CREDITOR_REFERENCE = re.compile(r"RF\d{2}[A-Z0-9]{1,21}")


def transfer_payload(bank: BankDetails, reference: str, amount: Money) -> str | None:
    """The text of a QR code for a SEPA credit transfer (EPC069-12, version 002, UTF-8).

    None where there can be none: another currency than the euro, no IBAN, nothing to pay, more than 999,999,999.99, a
    fraction of a cent, or details that the guideline has no room for.
    """
    iban = "".join((bank.iban or "").split()).upper()
    cents, rest = divmod(amount.micros, MICROS_PER_MINOR)
    if amount.currency != "EUR" or rest or not 0 < cents <= _MOST_CENTS or not _IBAN.fullmatch(iban):
        return None
    bic = "".join((bank.bic or "").split()).upper()
    if bic and not _BIC.fullmatch(bic):
        return None
    named = " ".join(bank.holder.split())
    said = " ".join(reference.split())
    if not named or len(named) > 70 or len(said) > 140:
        return None
    compact = said.replace(" ", "").upper()
    # A reference of ISO 11649 has a field of its own, that banks check; any other goes into the free text.
    structured, free = (compact, "") if _CREDITOR_REFERENCE.fullmatch(compact) else ("", said)
    lines = ["BCD", "002", "1", "SCT", bic, named, iban, f"EUR{cents // 100}.{cents % 100:02}", "", structured, free]
    text = "\n".join(lines).rstrip("\n")
    content = _encoded(text)
    return text if content is not None and len(content) <= _MOST_BYTES else None


def transfer_code(bank: BankDetails, reference: str, amount: Money) -> str | None:
    """The QR code of the transfer as SVG; error correction M, as the guideline wants it."""
    payload = transfer_payload(bank, reference, amount)
    return None if payload is None else _svg(payload.encode())


def link_code(link: str) -> str | None:
    """The QR code of a link as SVG; None where it is too long to be scanned."""
    content = _encoded(link) if 0 < len(link) <= _LONGEST_LINK else None
    return None if content is None else _svg(content)


def _encoded(text: str) -> bytes | None:
    """The text in UTF-8; None for half a surrogate pair, which JSON can bring."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _svg(content: bytes) -> str:
    # Its bytes are UTF-8; naming that within the code (ECI) would confuse the scanners of banking apps.
    made = segno.make(content, error="m", boost_error=False, micro=False, encoding=None)
    out = BytesIO()
    made.save(out, kind="svg", border=0, xmldecl=False, svgns=True, omitsize=True)
    return out.getvalue().decode()
