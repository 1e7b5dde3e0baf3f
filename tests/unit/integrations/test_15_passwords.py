"""Issue 15: passwords and one-time codes."""

import pyotp

from billing.integrations.passwords import Argon2Passwords, Totp

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""RFC 6238's, appendix B: "12345678901234567890"."""


def test_15_a_password_is_argon2id_and_fits_only_itself() -> None:
    passwords = Argon2Passwords()
    kept = passwords.hashed("correct horse battery")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.fits(kept, "correct horse battery")
    assert not passwords.fits(kept, "correct horse batterz")
    assert not passwords.fits(None, "nobody has this password")  # though the work is the same
    assert not passwords.fits("nonsense", "x")
    assert passwords.hashed("correct horse battery") != kept


def test_15_codes_are_rfc_6238s_and_each_is_good_once() -> None:
    """94287082 at 59 s; six digits of it."""
    codes = Totp()
    assert codes.step(SECRET, "287082", 59, 0) == 1
    assert codes.step(SECRET, "287 082", 59 + 30, 0) == 1  # one step late
    assert codes.step(SECRET, "287082", 59 + 60, 0) is None
    assert codes.step(SECRET, "287082", 59, 1) is None  # used
    for wrong in ("", "28708", "2870821", "28708x", "２８７０８２", "-87082"):
        assert codes.step(SECRET, wrong, 59, 0) is None
    assert len(codes.new_secret()) == 32
    assert pyotp.TOTP(SECRET).at(1111111109) == "081804"
