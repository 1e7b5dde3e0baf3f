"""Texts as items keep them: shorter, the same when they come back, and never more than a part of them or too much."""

import base64
import json
import tracemalloc
import zlib
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.dictionary import Recorder, without_its_own
from billing.storage import packing
from billing.storage.packing import pack, unpack

SHA256 = "a030da50b3510e7c7d4b65f5b460b4a42e660cf502b8bd22f2773c41aa6134be"
DICTIONARY = Path(packing.__file__).with_name("dictionary-1.txt")
INVOICE = {
    "id": "in_01MJF0GB00443A7F59QBN9MMB0", "status": "paid", "reason": "subscription_cycle", "currency": "EUR",
    "subtotal": {"micros": 8_330_000, "currency": "EUR"}, "discount": {"micros": 0, "currency": "EUR"},
    "total": {"micros": 8_330_000, "currency": "EUR"}, "test_mode": True, "number": "ACME-000042",
    "period": {"start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z"}, "credits": [], "pending_refunds": {},
    "tax_waits": False, "auto_charge": True, "attempt_count": 1, "payment_error": None, "dunning": None,
}  # fmt: skip
STORED = (
    "z2:eLscsnQ5QzTADAx9vdwM3J0MgNnF2NHczdQy0MnP0tfXyQC56oKebYNjOLgyOQdtNNg1NEgJ+7iFhbExRlCBVBM1bAFVSIqhu"
    "Hvfjs6+ruAa3cQId58GfYMFSuPQwATbUm0C3WQy+7tonVpYzw+p91kLAPtelCM="
)
"""As it was packed on 30 November 2026."""


@given(st.text())
def test_what_was_packed_comes_back_and_is_no_longer(text: str) -> None:
    stored = pack(text)
    assert unpack(stored) == text
    assert len(stored.encode()) <= len(text.encode())


def test_the_dictionary_never_changes() -> None:
    """What was packed by it is read by nothing else: a better one is another file, under another mark."""
    assert sha256(DICTIONARY.read_bytes()).hexdigest() == SHA256


def test_what_was_stored_by_the_dictionary_and_before_is_read() -> None:
    text = json.dumps(INVOICE, separators=(",", ":"))
    assert unpack(text) == text
    assert unpack("z1:" + base64.b64encode(zlib.compress(text.encode())).decode()) == text
    assert unpack(STORED) == text


def test_an_entity_takes_less_room() -> None:
    text = json.dumps(INVOICE, separators=(",", ":"))
    assert len(pack(text)) < len(text) / 2.5


def test_a_text_that_says_nothing_familiar_is_stored_as_it_is() -> None:
    text = sha256(b"7").hexdigest() * 2
    assert pack("short") == "short"
    assert pack(text[:80]) == text[:80]


@pytest.mark.parametrize("character", ["a", "ü", "\N{GRINNING FACE}"])
@pytest.mark.parametrize("length", [2_000, 8_191, 8_192, 100_000, 2 * 1024 * 1024])
def test_a_long_text_comes_back(character: str, length: int) -> None:
    text = character * length
    assert unpack(pack(text)) == text


def test_a_long_text_takes_less_room() -> None:
    text = json.dumps([{"description": f"Seat {n}", "amount": n * 1000} for n in range(1_000)])
    packed = pack(text)
    assert packed.startswith("z2:")
    assert len(packed) < len(text) / 4


def test_what_could_not_be_read_back_is_not_written() -> None:
    longest = "a" * (8 * 1024 * 1024)
    assert unpack(pack(longest)) == longest
    with pytest.raises(ValueError, match="more than an item may say"):
        pack(longest + "a")


def test_a_decompression_bomb_is_refused_before_it_fills_the_memory() -> None:
    """400 KB, the most that an item holds, could become 300 MB; these 85 KB become 64."""
    deflater = zlib.compressobj(zdict=DICTIONARY.read_bytes())
    bomb = "z2:" + base64.b64encode(deflater.compress(bytes(64_000_000)) + deflater.flush()).decode()
    assert len(bomb) < 100_000
    tracemalloc.start()
    with pytest.raises(ValueError, match="too long"):
        unpack(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 * 1024 * 1024


@pytest.mark.parametrize("cut", [1, 50, 200])
def test_a_damaged_text_is_an_error_and_not_a_part_of_it(cut: int) -> None:
    data = base64.b64decode(pack(" ".join(str(n) for n in range(10_000)))[3:])
    for damaged in (data[:-cut], data[: len(data) // 2] + b"x" * cut + data[len(data) // 2 + cut :]):
        with pytest.raises(ValueError, match=r"does not unpack|damaged"):
            unpack("z2:" + base64.b64encode(damaged).decode())


@pytest.mark.parametrize("stored", ["z1:", "z2:", "z2:***", "z1:Zm9v", "z2:Zm9v", "z2:ü"])
def test_what_only_looks_packed_is_an_error(stored: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
        unpack(stored)


def test_a_dictionary_has_each_kind_of_text_once_the_frequent_last_and_nothing_of_anybody() -> None:
    recorder = Recorder()
    for name in ("Ada Lovelace", "Grace", "Ada Augusta King"):
        recorder.pack(json.dumps({"id": "cus_01MJF0GB00443A7F59QBN9MMB0", "name": name}, separators=(",", ":")))
    recorder.pack('{"object":{"id":"in_1"},"apiVersion":"1.0"}')
    assert recorder.dictionary() == b'{"object":{"id":"in_1"},"apiVersion":"1.0"}{"id":"cus_","name":""}'
    for said, left in (
        ('{"email":"ada@example.com","card":"v3.1.AFE-_="}', '{"email":"","card":""}'),
        ('{"id":"ch_3no2VRUQ7i2MxGeND3s9mkYA","of":"cus_Aha2xWPSr9nwyt"}', '{"id":"ch_","of":"cus_"}'),
        ('{"data_key":"ODQ4N2E5ODItZDFiZi00ZDVlLWIwZmItOTk4YzQ4YTdmMGIx"}', '{"data_key":""}'),
        ('{"idempotency_key":"76f741dbcfd7405d9deaf1dc276e6669:ten_:1"}', '{"idempotency_key":":ten_:1"}'),
    ):
        assert without_its_own(said) == left


def test_the_dictionary_has_nothing_of_anybody() -> None:
    text = DICTIONARY.read_text()
    assert without_its_own(text) == text
