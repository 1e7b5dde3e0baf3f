"""Issue 15, ASVS 6.1.2 and 6.2.4: what is guessed first is no password, however it is dressed up to be long enough."""

import pytest

from billing.domain.access.user import password_problem


@pytest.mark.parametrize(
    "password",
    [
        "Password1234", "passwordpassword", "P@ssw0rdP@ssw0rd", "qwertyuiop12", "QWERTYUIOP!!", "1234567890123",
        "letmein12345", "Summer2026!!!", "iloveyou1234", "Welcome-2026-12", "Ledgerline2026", "billing invoice 1",
        "admin-admin-admin", "ada.lovelace1", "Lovelace2026!", "zxcvbnm,./12",
    ],
)  # fmt: skip
def test_15_what_is_guessed_first_is_too_easy(password: str) -> None:
    assert len(password) >= 12
    assert password_problem(password, "ada.lovelace@example.com") == "too_easy"


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "My dog ate 3 passwords",
        "Passwort fuer Quitten",
        "tr0ubador & three",
        "sommerregen im mai",
    ],
)
def test_15_a_word_of_the_list_within_others_is_not(password: str) -> None:
    assert password_problem(password, "ada.lovelace@example.com") is None
