"""The text of an API key: ``llk_live_`` or ``llk_test_``, 43 random characters, and a checksum.

``llk_test_`` + 43 characters of 62 (256 bits) + 6 that follow from all before them (CRC-32, in base 62). A scanner that
looks for leaked secrets knows such a text by itself, without asking us; and we refuse any other without asking the
database. Whoever can guess a key's 256 bits can work out its checksum: it keeps mistakes away, not attackers.

Keys that were made before there was a checksum (``llk_`` and 43 characters of base64url) go on working.
"""

import re
from zlib import crc32

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM, _CHECK = 43, 6
PATTERN = f"llk_(?:live|test|platform)_[0-9A-Za-z]{{{_RANDOM + _CHECK}}}"
"""For secret scanners: what a key looks like."""
_KEY = re.compile(PATTERN)
_OLD_KEY = re.compile(r"llk_[0-9A-Za-z_-]{43}")
ENTROPY_BYTES = 32
_SHOWN = 4


def compose(kind: str, entropy: bytes) -> str:
    """A key.

    Args:
        kind: ``live``, ``test`` or ``platform``.
        entropy: 32 random bytes.
    """
    text = f"llk_{kind}_" + _base62(int.from_bytes(entropy), _RANDOM)
    return text + _checksum(text)


def is_possible(text: str) -> bool:
    """Whether a text may be a key of ours: it looks like one, and its checksum is right."""
    if _KEY.fullmatch(text):
        return text[-_CHECK:] == _checksum(text[:-_CHECK])
    return _OLD_KEY.fullmatch(text) is not None


def hint(text: str) -> str:
    """What is shown of a key, so that its holder knows it again: ``llk_live_...x7Qa``."""
    head = text[: text.index("_", 4) + 1] if _KEY.fullmatch(text) else text[:4]
    return f"{head}...{text[-_SHOWN:]}"


def _checksum(text: str) -> str:
    return _base62(crc32(text.encode()), _CHECK)


def _base62(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, digit = divmod(value, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
