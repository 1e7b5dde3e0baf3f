"""Issue 11, number 20: countries are those of ISO 3166-1, and no code that is merely in use."""

import json
from itertools import product
from string import ascii_uppercase
from typing import Any

import pytest

from billing.domain.kernel.countries import is_country
from local.stack.settings import ROOT

TABLE = ROOT / "layers" / "shared" / "billing" / "integrations" / "tax" / "tax_rates.json"


def test_there_are_249() -> None:
    assert sum(is_country(a + b) for a, b in product(ascii_uppercase, repeat=2)) == 249


@pytest.mark.parametrize(
    "code", ["UK", "EL", "EU", "XI", "XK", "XX", "ZZ", "AN", "YU", "SU", "gb", "Gb", "GBR", "", "G"]
)
def test_what_only_looks_like_a_country_is_none(code: str) -> None:
    assert not is_country(code)


def test_every_country_of_the_tax_table_is_one() -> None:
    table: dict[str, Any] = json.loads(TABLE.read_text())
    assert all(is_country(each["country"]) for each in table["jurisdictions"])
