"""Texts as items keep them: compressed by a dictionary of what such texts say.

DynamoDB counts each kilobyte of an item, and of its copy in each index, and an entity's JSON is mostly the same: an
invoice of 3.4 KB says the names of 90 fields. ``dictionary-1.txt`` says them, too, and zlib refers to it: 0.8 KB are
left, in 30 microseconds (docs/decisions/0075-packed-texts.md). A stored text is one of

    {"id":...       JSON as it is: a short one, or one that would not get shorter
    z2:BASE64       zlib's form of it, by the dictionary
    z1:BASE64       the same without a dictionary: long texts, before there was one

The dictionary never changes, for what was packed by it can be read by nothing else: a better one is another file, under
another mark.
"""

import base64
import zlib
from functools import cache
from pathlib import Path
from typing import Any

_WITHOUT, _BY_DICTIONARY = "z1:", "z2:"  # JSON never begins like this
_PACK_FROM = 64
_LONGEST_TEXT = 8 * 1024 * 1024
"""The most bytes that are unpacked, whatever length a stored text claims to have."""


@cache
def _dictionary() -> bytes:
    return Path(__file__).with_name("dictionary-1.txt").read_bytes()


@cache
def _deflater() -> Any:
    """One that has learnt the dictionary, to be copied: learning it takes longer than packing an invoice."""
    return zlib.compressobj(zdict=_dictionary())


def pack(text: str) -> str:
    """The text as it is stored.

    Raises:
        ValueError: it is too long to be read back.
    """
    data = text.encode()
    if len(data) < _PACK_FROM:
        return text
    if len(data) > _LONGEST_TEXT:
        raise ValueError(f"{len(data)} bytes are more than an item may say")
    deflater = _deflater().copy()
    packed = _BY_DICTIONARY + base64.b64encode(deflater.compress(data) + deflater.flush()).decode()
    return packed if len(packed) < len(data) else text


def unpack(stored: str) -> str:
    """The text that ``pack`` was given.

    Raises:
        ValueError: it is damaged, or longer than anything that ``pack`` takes.
    """
    if not stored.startswith((_WITHOUT, _BY_DICTIONARY)):
        return stored
    dictionary = _dictionary() if stored.startswith(_BY_DICTIONARY) else b""
    inflater = zlib.decompressobj(zdict=dictionary)
    try:
        data = inflater.decompress(base64.b64decode(stored[len(_WITHOUT) :], validate=True), _LONGEST_TEXT + 1)
    except zlib.error:
        raise ValueError("a packed text that does not unpack") from None
    if not inflater.eof or len(data) > _LONGEST_TEXT:  # cut off, or there is more to come
        raise ValueError("a packed text that is damaged or too long")
    return data.decode()
