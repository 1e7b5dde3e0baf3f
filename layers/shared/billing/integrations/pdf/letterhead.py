"""What all documents have in common: whose they are, in which language, and what stands at the foot of their pages."""

from __future__ import annotations

import re
from typing import Any

from billing.domain.tax.tax_ids import EU_MEMBERS
from billing.integrations.pdf import fonts
from billing.integrations.pdf.addresses import address_lines
from billing.integrations.pdf.format import Formats
from billing.integrations.pdf.text import breakable, isolated, one_line, printable
from billing.integrations.pdf.words import Words
from billing.services.invoicing.documents import Branding, Party

_COLOR = re.compile("#[0-9A-Fa-f]{6}")
_LONGEST_NAME = 90
_LONGEST_FOOT, _MOST_FOOT_LINES = 600, 5
_VAT_PREFIXES = EU_MEMBERS | {"EL", "XI"}


def language(tag: str, formats: Formats, words: Words) -> dict[str, Any]:
    """The words' language; the look's region goes with it where both are one language ("de-CH").

    Args:
        tag: the language tag that the document asks for.
    """
    locale = formats.locale
    same = locale.language == words.language
    return {
        "language": words.language,
        "region": locale.territory if same and len(locale.territory or "") == 2 else None,
        "fonts": {each: fonts.families(each) for each in fonts.HAN_REGIONS},
        "han": fonts.region_of_locale(tag),
    }


def party(heading: str, who: Party, formats: Formats, words: Words) -> dict[str, Any]:
    """Somebody's name, address and tax id.

    Args:
        heading: a key of the words.
    """
    lines = list(who.address_lines)
    if who.address is not None:
        lines = list(address_lines(who.address, formats.country(who.address.country)))
    lines += [who.email] if who.email else []
    lines = [one_line(line) for line in lines]
    if who.tax_id:
        tax_id = one_line(who.tax_id)
        kind = "vat_id" if tax_id[:2].upper() in _VAT_PREFIXES else "tax_id"
        colon = "\u00a0:" if words.language == "fr" else ":"
        lines.append(f"{words[kind]}{colon} {isolated(tax_id)}")
    return {
        "heading": words[heading],
        "name": breakable(one_line(who.name)),
        "lines": [breakable(line) for line in lines],
    }


def feet(number: str, issuer: Party, branding: Branding, test_mode: bool, words: Words) -> dict[str, Any]:
    """What every page ends with."""
    # Every page repeats its foot, so that a long one is cut.
    names = (_cut(each, _LONGEST_NAME) for each in (number, one_line(issuer.name)))
    about = " \u00b7 ".join(isolated(breakable(part)) for part in names if part)
    said = [_foot(text) for text in (branding.footer, branding.legal_line) if text]
    return {
        "about": about,
        "page": words["page"],
        "test_notice": words["test_notice"] if test_mode else None,
        "feet": [text for text in said if text],
    }


def color(branding: Branding) -> str | None:
    """The colour, where it is one."""
    return branding.color if branding.color and _COLOR.fullmatch(branding.color) else None


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}\u2026"


def _foot(text: str) -> str:
    lines = printable(text).strip().split("\n")[:_MOST_FOOT_LINES]
    return breakable(_cut("\n".join(lines), _LONGEST_FOOT))
