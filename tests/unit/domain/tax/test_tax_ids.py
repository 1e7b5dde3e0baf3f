"""Tax ids: ours against python-stdnum's, on many generated ids that are right, and nearly right."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.tax.tax_ids import EU_MEMBERS, TaxIdStatus, tax_id_status

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# By country: the form of its ids as a regular expression, and the yardstick's modules. Where the authorities' own
# texts say more than one thing of a form, the form here is the narrower one.
FORMS: dict[str, tuple[str, str]] = {
    "AT": (r"U[0-9]{8}", "at.uid"),
    "BE": (r"[01][0-9]{9}", "be.vat"),
    "BG": (r"[0-9]{9,10}", "bg.vat"),
    "CY": (r"[0-9]{8}[A-Z]", "cy.vat"),
    "CZ": (r"[0-9]{8,10}", "cz.dic"),
    "DE": (r"[0-9]{9}", "de.vat"),
    "DK": (r"[0-9]{8}", "dk.cvr"),
    "EE": (r"[0-9]{9}", "ee.kmkr"),
    "ES": (r"[0-9A-Z][0-9]{7}[0-9A-Z]", "es.nif"),
    "FI": (r"[0-9]{8}", "fi.alv"),
    "FR": (r"[0-9A-HJ-NP-Z]{2}[0-9]{9}", "fr.tva"),
    "GB": (r"[0-9]{9}|[0-9]{12}|(GD|HA)[0-9]{3}", "gb.vat"),
    "GR": (r"[0-9]{9}", "gr.vat"),
    "HR": (r"[0-9]{11}", "hr.oib"),
    "HU": (r"[0-9]{8}", "hu.anum"),
    "IE": (r"[0-9]{7}[A-W][A-IW]?|[789][A-Z+*][0-9]{5}[A-W]", "ie.vat"),
    "IT": (r"[0-9]{7}0[0-9]{3}", "it.iva"),
    "LT": (r"[0-9]{7}1[0-9]|[0-9]{10}1[0-9]", "lt.pvm"),
    "LU": (r"[0-9]{8}", "lu.tva"),
    "LV": (r"[0-9]{6}[0-2][0-9]{4}", "lv.pvn"),
    "MT": (r"[0-9]{8}", "mt.vat"),
    "NL": (r"[0-9]{9}B[0-9]{2}", "nl.btw"),
    "PL": (r"[0-9]{10}", "pl.nip"),
    "PT": (r"[0-9]{9}", "pt.nif"),
    "RO": (r"[1-9][0-9]{1,9}", "ro.cf"),
    "SE": (r"[0-9]{10}01", "se.vat"),
    "SI": (r"[0-9]{8}", "si.ddv"),
    "SK": (r"[0-9]{10}", "sk.dph"),
    "CH": (r"[0-9]{9}", "ch.uid"),
    "NO": (r"[0-9]{9}", "no.orgnr"),
    "AU": (r"[0-9]{11}", "au.abn"),
    "CA": (r"[0-9]{9}", "ca.bn"),
    "IN": (r"[0-3][0-9][A-Z]{3}[ABCFGHJKLPT][A-Z][0-9]{4}[A-Z][0-9A-Z]Z[0-9A-Z]", "in_.gstin"),
    "JP": (r"[0-9]{13}", "jp.cn"),
}


def yardstick(country: str) -> Callable[[str], bool]:
    module: Any = import_module(f"stdnum.{FORMS[country][1]}")
    prefix = "CHE" if country == "CH" else ""
    return lambda number: bool(module.is_valid(prefix + number))


def neighbours(number: str) -> Iterator[str]:
    """The id with every other character in each place at its ends: where check digits are, so that some are right."""
    for place in {0, 1, len(number) - 1, len(number) - 2}:
        for other in "0123456789" if number[place].isdigit() else LETTERS:
            yield number[:place] + other + number[place + 1 :]


@pytest.mark.parametrize("country", FORMS)
def test_ours_says_what_an_independent_implementation_says(country: str) -> None:
    theirs, right = yardstick(country), 0

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(st.from_regex(FORMS[country][0], fullmatch=True))
    def agree(number: str) -> None:
        nonlocal right
        for each in neighbours(number):
            if country == "IN" and each.startswith("38"):
                continue  # Ladakh, a state since 2019: the yardstick does not know it yet
            ours = tax_id_status(country, each) is TaxIdStatus.VALID
            assert ours == theirs(each), each
            right += ours

    agree()
    assert right > 5, "nothing that is valid was tried"


def test_every_member_state_is_checked() -> None:
    assert {each for each in EU_MEMBERS if tax_id_status(each, "X") is not TaxIdStatus.UNKNOWN} == EU_MEMBERS


@pytest.mark.parametrize(
    ("country", "tax_id"),
    [
        ("DE", "DE 136.695.976"),
        ("DE", "de136695976"),
        ("GR", "EL 094259216"),
        ("FR", "FR 40 303 265 045"),
        ("NL", "NL 004495445 B01"),
        ("CH", "CHE-100.155.212 MWST"),
        ("NO", "NO 995 525 828 MVA"),
        ("AU", "83 914 571 673"),
        ("CA", "12302 6635 RT0001"),
        ("JP", "T7000012050002"),
        ("GB", "GB 980 7806 84"),
        ("AT", "ATU13585627"),
        ("IN", "27AAPFU0939F1ZV"),
    ],
)
def test_an_id_may_be_written_as_people_write_it(country: str, tax_id: str) -> None:
    assert tax_id_status(country, tax_id) is TaxIdStatus.VALID


@pytest.mark.parametrize("tax_id", ["", " ", "FR40303265045", "DE136695977", "DE1366959766", "DE13669597", "١٣٦٦٩٥٩٧٦"])
def test_what_is_no_id_of_the_country_is_invalid(tax_id: str) -> None:
    assert tax_id_status("DE", tax_id) is TaxIdStatus.INVALID


@pytest.mark.parametrize("country", [None, "", "US", "BR", "ZZ"])
def test_of_other_countries_nothing_is_known(country: str | None) -> None:
    assert tax_id_status(country, "12-3456789") is TaxIdStatus.UNKNOWN


@settings(deadline=None)
@given(country=st.sampled_from(sorted(FORMS)), text=st.text(max_size=20) | st.text("0123456789ABCXYZ +*", max_size=15))
def test_no_text_makes_a_check_fail(country: str, text: str) -> None:
    assert tax_id_status(country, text) in (TaxIdStatus.VALID, TaxIdStatus.INVALID)
