"""Passwords by argon2id, one-time passwords by RFC 6238."""

import hmac

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_STEP_S = 30


class Argon2Passwords:
    """argon2id with 19 MiB, two passes, one lane: OWASP's least, 34 ms of a core."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        # Whoever asks for somebody whom nobody knows waits as long.
        self._nobody = self._hasher.hash("nobody has this password")

    def hashed(self, password: str) -> str:
        """What is kept of a password."""
        return self._hasher.hash(password)

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the password."""
        try:
            self._hasher.verify(kept or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None


class Totp:
    """Codes of six digits, each good for its 30 seconds and those beside."""

    def new_secret(self) -> str:
        """160 bits, base32."""
        return str(pyotp.random_base32())

    def step(self, secret: str, code: str, at: float, after: int) -> int | None:
        """The step that a code is of, if it is later than ``after``."""
        digits = code.replace(" ", "")
        if len(digits) != 6 or not digits.isascii() or not digits.isdigit():
            return None
        generator = pyotp.TOTP(secret)
        now = int(at) // _STEP_S
        good = [each for each in (now - 1, now, now + 1) if hmac.compare_digest(generator.generate_otp(each), digits)]
        return max((each for each in good if each > after), default=None)
