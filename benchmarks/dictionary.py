"""Makes a dictionary for ``billing.storage.packing`` of what the product stores.

The flows of ``calls`` run; of all entities and events that have the same fields, one is kept, without what is of one
customer alone: ids, words, sealed texts. What is stored most often stands last, where zlib refers to it by the shortest
codes. What is packed by a dictionary is read by nothing else: a new one gets a file and a mark of its own.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.calls import table
from benchmarks.part import end_in_order, progress
from billing.storage import codec
from billing.storage.webhooks import events

_MOST = 32 * 1024 - 512
"""Bytes that zlib refers back to at most, less some of the text itself."""
_OWN = (
    re.compile(r"(?<=_)[0-9A-HJKMNP-TV-Z]{26}"),  # a ULID, behind its prefix
    re.compile(r"(?<=\")v3\.\d+\.[\w=-]+"),  # a sealed text
    re.compile(r"(?<=\")[^\"]*[ @][^\"]*(?=\")"),  # words, and addresses
    re.compile(r"(?<=_)[0-9A-Za-z]{14,}(?=\")"),  # an id of Stripe's
    re.compile(r"(?<=[\":])(?=[^\"]*[0-9])[0-9A-Za-z+/=_-]{30,}(?=[\":])"),  # a key, a digest
)


class Recorder:
    """Keeps one text for each set of fields, the longest, and counts them."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, ...]] = Counter()
        self.texts: dict[tuple[str, ...], str] = {}

    def pack(self, text: str) -> str:
        """Stands where the product packs."""
        said: Any = json.loads(text)
        fields = tuple(said) if "object" not in said else ("event", *said["object"])
        self.seen[fields] += 1
        if len(text) > len(self.texts.get(fields, "")):
            self.texts[fields] = text
        return text

    def dictionary(self) -> bytes:
        """What was seen, the rarest first."""
        ordered = (self.texts[fields] for fields, _ in reversed(self.seen.most_common()))
        return "".join(without_its_own(text) for text in ordered).encode()[-_MOST:]


def without_its_own(text: str) -> str:
    """A text without what no other text will say.

    >>> without_its_own('{"id":"cus_01JQ5Z8T7M0000000000000000","name":"Ada Lovelace","status":"active"}')
    '{"id":"cus_","name":"","status":"active"}'
    """
    for pattern in _OWN:
        text = pattern.sub("", text)
    return text


def main() -> None:
    """Record, and write the file."""
    end_in_order()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    recorder = Recorder()
    for module in (codec, events):
        setattr(module, "pack", recorder.pack)  # noqa: B010 - each has it from ``packing``
    table.measure()
    file.write_bytes(recorder.dictionary())
    progress(f"{len(recorder.texts)} kinds of texts, {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
