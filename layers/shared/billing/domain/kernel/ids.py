"""Ids: a prefix, then 26 characters of a ULID (Crockford base 32: 48 bits of milliseconds, 80 bits of the rest).

Where a retry is possible the 80 bits are a hash of the fact (``derived``), so that the retry finds its own
traces; elsewhere they are random (``fresh``). Both sort by time. Source: github.com/ulid/spec.
"""

from datetime import UTC, datetime
from hashlib import sha256

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Two digits at a time: a request makes up to a dozen ids, and this takes a third of the time of one at a time.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHIFTS = range(120, -1, -10)
_RANDOM_BITS = 80
SEPARATOR = "_"


def fresh(prefix: str, at: datetime, entropy: bytes) -> str:
    """A new id.

    Args:
        prefix: the kind, such as ``cus``.
        at: when it is made; the id sorts by it.
        entropy: ten random bytes.
    """
    return _compose(prefix, at, int.from_bytes(entropy[:10]))


def derived(prefix: str, at: datetime, *facts: str) -> str:
    """The one id of a fact: the same facts give the same id, in every process and every retry.

    >>> derived("in", datetime(2026, 1, 1, tzinfo=UTC), "sub_1") == derived("in", ..., "sub_1")  # always
    """
    # Lengths are in the hash, so that ("ab", "c") and ("a", "bc") differ.
    material = b"".join(f"{len(fact)}:{fact}".encode() for fact in (prefix, *facts))
    return _compose(prefix, at, int.from_bytes(sha256(material).digest()[:10]))


def time_of(made: str) -> datetime:
    """When what an id names was made, to the millisecond.

    Raises:
        ValueError: it is none of ours.
    """
    text = made.rpartition(SEPARATOR)[2]
    if len(text) != 26 or any(each not in _ALPHABET for each in text):
        raise ValueError(f"no id: {made[:40]!r}")
    value = 0
    for each in text:
        value = value * 32 + _ALPHABET.index(each)
    return datetime.fromtimestamp((value >> _RANDOM_BITS) / 1000, UTC)


def _compose(prefix: str, at: datetime, low: int) -> str:
    value = (int(at.timestamp() * 1000) << _RANDOM_BITS) | low
    return prefix + SEPARATOR + "".join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])
