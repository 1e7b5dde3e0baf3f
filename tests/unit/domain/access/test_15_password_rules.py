"""Issue 15: what a password may be: long enough, not the address, and otherwise anything."""

import pytest

from billing.domain.access.user import LONGEST_PASSWORD, SHORTEST_PASSWORD, password_problem
from billing.integrations.passwords import Argon2Passwords


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("abcdefghijk", "too_short"),
        ("abcdefghijkl", None),
        ("            ", "too_easy"),
        ("ada.lovelace@example.com", "too_easy"),
        ("ADA.LOVELACE", "too_easy"),
        ("correct horse battery", None),
        ("1357924680-0", None),
        ("пароль длинный", None),
        ("ab cd" * 13, None),
        ("abcd" * 32, None),
        ("abcd" * 32 + "e", "too_long"),
    ],
)
def test_15_any_composition_and_128_characters(password: str, problem: str | None) -> None:
    assert (SHORTEST_PASSWORD, LONGEST_PASSWORD) == (12, 128)
    assert password_problem(password, "ada.lovelace@example.com") == problem


def test_15_a_password_is_compared_to_its_last_character_and_in_its_case() -> None:
    passwords = Argon2Passwords()
    kept = passwords.hashed("a" * 126 + "bc")
    assert passwords.fits(kept, "a" * 126 + "bc")
    assert not passwords.fits(kept, "a" * 126 + "bd")
    assert not passwords.fits(kept, "a" * 126 + "bC")
    assert not passwords.fits(kept, "a" * 126 + "bc ")
