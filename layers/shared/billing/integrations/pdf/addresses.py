"""Postal addresses in the order of their own country.

The orders are those of the Universal Postal Union's addressing sheets (S42), as far as sellers and buyers usually come
from there. Any other country has the usual order of the world: street, postal code and town, region.
"""

from __future__ import annotations

import re

from billing.domain.customers.customer import Address

# Each line is a pattern; a part in it that the address lacks goes, with what joins it to its neighbour.
_USUAL = "{line1}|{line2}|{postal_code} {city}|{state}"
_STREET_CITY_STATE_CODE = "{line1}|{line2}|{city} {state} {postal_code}"
_PATTERNS = dict.fromkeys(("AU", "TW"), _STREET_CITY_STATE_CODE) | {
    "US": "{line1}|{line2}|{city}, {state} {postal_code}",
    "PR": "{line1}|{line2}|{city}, {state} {postal_code}",
    "CA": "{line1}|{line2}|{city} {state}  {postal_code}",
    "GB": "{line1}|{line2}|{city}|{state}|{postal_code}",
    "IE": "{line1}|{line2}|{city}|{state}|{postal_code}",
    "NZ": "{line1}|{line2}|{city} {postal_code}",
    "SG": "{line1}|{line2}|{city} {postal_code}",
    "ZA": "{line1}|{line2}|{city}|{postal_code}",
    "IN": "{line1}|{line2}|{city} {postal_code}|{state}",
    "ID": "{line1}|{line2}|{city} {postal_code}|{state}",
    "TH": "{line1}|{line2}|{city}|{state} {postal_code}",
    "BR": "{line1}|{line2}|{city}-{state}|{postal_code}",
    "MX": "{line1}|{line2}|{postal_code} {city}, {state}",
    "IT": "{line1}|{line2}|{postal_code} {city} {state}",
    "ES": "{line1}|{line2}|{postal_code} {city} ({state})",
    "AE": "{line1}|{line2}|{city}|{state}",
    "HK": "{line1}|{line2}|{city}|{state}",
    "HU": "{city}|{line1}|{line2}|{postal_code}",
    "UA": "{line1}|{line2}|{city}|{state}|{postal_code}",
    "KR": "{line1}|{line2}|{city} {state} {postal_code}",
    "JP": "{line1}|{line2}|{city}, {state} {postal_code}",
    "CN": "{line1}|{line2}|{postal_code} {city} {state}",
}
# Written in its own letters, an address of East Asia runs from the largest to the smallest.
_LARGEST_FIRST = {
    "JP": "〒{postal_code}|{state}{city}|{line1}|{line2}",
    "CN": "{postal_code}|{state}{city}|{line1}|{line2}",
    "TW": "{postal_code}|{state}{city}|{line1}|{line2}",
    "KR": "{state} {city}|{line1}|{line2}|{postal_code}",
}
_EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_PART = re.compile(r"\{(\w+)\}")


def address_lines(address: Address, country: str | None) -> tuple[str, ...]:
    """The lines of an address; parts that it lacks are left out.

    Args:
        country: its name in the document's language, the last line.
    """
    parts = {name: (getattr(address, name) or "").strip() for name in _PART.findall(_USUAL)}
    code = address.country_code
    pattern = _PATTERNS.get(code, _USUAL)
    if code in _LARGEST_FIRST and any(_EAST_ASIAN.search(part) for part in parts.values()):
        pattern = _LARGEST_FIRST[code]
    if "{state}" not in pattern:
        pattern += "|{state}"  # not written there, but somebody gave one: no part is dropped
    lines = [_filled(line, parts) for line in pattern.split("|")]
    return tuple(line for line in (*lines, country) if line)


def _filled(line: str, parts: dict[str, str]) -> str:
    """ "{city}, {state} {postal_code}" without a state is "Springfield 12345"; with nothing at all it is empty."""
    names = _PART.findall(line)
    if all(parts[name] for name in names):
        return line.format_map(parts)
    if "({state})" in line and not parts["state"]:
        return _filled(line.replace(" ({state})", ""), parts)
    return " ".join(parts[name] for name in names if parts[name])
