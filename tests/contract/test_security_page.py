"""docs/security.md has every line of what it goes through, and the tests that it names exist."""

import re
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.contract.test_coverage import ROOT, TEST_ID, names_in

SECTIONS = {  # of ASVS 5.0, with how many lines each has; one that is gone through as a whole has its number alone
    "6.1": 3, "6.2": 12, "6.3": 8, "6.4": 6, "6.5": 8, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2,
    "8.1": 4, "8.2": 4, "8.3": 3, "8.4": 2,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.3": 5, "10.4": 16, "10.7": 3,
}  # fmt: skip
WHOLE = {"6.6", "6.7", "10.2", "10.5", "10.6"}
ATTACKS = {f"4.{n}" for n in range(1, 18)}
CASES = {str(n) for n in range(1, 23)}


@dataclass(frozen=True)
class Line:
    """A row of a table: where it is, its number, and what shows it."""

    part: str
    number: str
    shown: str

    @property
    def tests(self) -> list[tuple[str, str]]:
        """The tests that it names."""
        return TEST_ID.findall(self.shown)

    @property
    def sentence(self) -> str:
        """What it says beside them."""
        return TEST_ID.sub("", self.shown).strip("; ")

    def __str__(self) -> str:
        return f"{self.part} {self.number}"


def lines() -> list[Line]:
    """All rows of the page."""
    found, part = [], ""
    for line in (ROOT / "docs" / "security.md").read_text().splitlines():
        if line.startswith("## "):
            part = line.removeprefix("## ")
        cells = [each.strip() for each in line.split("|")]
        if len(cells) == 5 and re.fullmatch(r"[\w.]*\d", cells[1]):
            found.append(Line(part, cells[1], cells[3]))
    return found


LINES = lines()


def numbers(part: str) -> Counter[str]:
    """The numbers of a part."""
    return Counter(line.number for line in LINES if line.part == part)


@pytest.mark.parametrize("line", LINES, ids=str)
def test_15_a_line_names_tests_that_exist_or_says_why_there_is_none(line: Line) -> None:
    missing = [f"{path}::{name}" for path, name in line.tests if name not in names_in(path)]
    assert missing == []
    assert line.tests or re.search(r"\w{2,}.* .*[.)]$", line.sentence)
    assert "test_" not in line.sentence, "a test is named with its path"


def test_15_every_line_of_the_standard_is_there_once() -> None:
    wanted = {f"{section}.{n}" for section, last in SECTIONS.items() for n in range(1, last + 1)} | WHOLE
    assert numbers("ASVS 5.0") == dict.fromkeys(wanted, 1)


def test_15_every_attack_and_every_case_is_there_once() -> None:
    practice = numbers("RFC 9700")
    assert set(practice) >= ATTACKS
    assert set(practice.values()) == {1}
    assert numbers("What goes wrong elsewhere") == dict.fromkeys(CASES, 1)


def test_15_most_lines_are_shown_by_a_test() -> None:
    """What is not is said: either a gap, or nothing that a test could show."""
    shown = sum(bool(line.tests) for line in LINES)
    assert shown > 0.6 * len(LINES)
