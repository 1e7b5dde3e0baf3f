"""The vault: a sealed text opens for its tenant and its place, and nowhere else."""

import base64
import json
import secrets
import tracemalloc
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.errors import Unavailable
from billing.integrations.aws.vault import Vault


class FakeKms:
    """Wraps keys by remembering them, each for its encryption context, as KMS binds it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.down = False
        self._keys: dict[bytes, tuple[bytes, dict[str, str]]] = {}

    def generate_data_key(self, KeyId: str, KeySpec: str, EncryptionContext: dict[str, str]) -> Any:  # noqa: N803
        self._called("generate")
        blob, plain = secrets.token_bytes(16), secrets.token_bytes(32)
        self._keys[blob] = plain, EncryptionContext
        return {"CiphertextBlob": blob, "Plaintext": plain}

    def decrypt(self, CiphertextBlob: bytes, KeyId: str, EncryptionContext: dict[str, str]) -> Any:  # noqa: N803
        self._called("decrypt")
        plain, context = self._keys[CiphertextBlob]
        assert context == EncryptionContext
        return {"Plaintext": plain}

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.down:
            raise EndpointConnectionError(endpoint_url="https://kms")


class Stack:
    """Two tenants behind one KMS; ``vault()`` is a fresh worker."""

    def __init__(self) -> None:
        self.kms = FakeKms()
        self.wrapped: dict[str, str] = {}
        for tenant in ("ten_1", "ten_2"):
            self.wrapped[tenant] = self.vault().new_data_key(tenant)

    def vault(self) -> Vault:
        return Vault(lambda: self.kms, "key", lambda: self, lambda: AT)

    def index_keys(self, tenant_id: str) -> tuple[int, ...]:
        return (1,)

    def data_keys(self, tenant_id: str, at_least: int = 1) -> tuple[str, ...]:
        return (self.wrapped[tenant_id],)


AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
STACK = Stack()


@given(st.text(), st.text(max_size=30))
def test_what_was_sealed_opens_in_another_worker(text: str, place: str) -> None:
    sealed = STACK.vault().seal("ten_1", place, text)
    assert STACK.vault().open("ten_1", place, sealed) == text


@given(st.text(min_size=8))
def test_a_sealed_text_does_not_show_what_it_holds(text: str) -> None:
    vault = STACK.vault()
    sealed = vault.seal("ten_1", "p", text)
    assert text.encode() not in base64.urlsafe_b64decode(sealed.removeprefix("v3.1."))
    assert sealed != vault.seal("ten_1", "p", text)


@pytest.mark.parametrize(("tenant", "place"), [("ten_2", "p"), ("ten_1", "q"), ("ten_1", "")])
def test_a_sealed_text_is_bound_to_tenant_and_place(tenant: str, place: str) -> None:
    vault = STACK.vault()
    with pytest.raises(ValueError, match="does not open here"):
        vault.open(tenant, place, vault.seal("ten_1", "p", "Ada"))


@given(st.integers(0, 33), st.integers(1, 255))
def test_a_changed_text_does_not_open(index: int, flip: int) -> None:
    vault = STACK.vault()
    raw = bytearray(base64.urlsafe_b64decode(vault.seal("ten_1", "p", "Ada")[5:]))
    raw[index % len(raw)] ^= flip
    with pytest.raises(ValueError, match="does not open here"):
        vault.open("ten_1", "p", "v3.1." + base64.urlsafe_b64encode(bytes(raw)).decode())


@given(st.text(max_size=40))
def test_nothing_else_is_a_sealed_text(text: str) -> None:
    vault = STACK.vault()
    for forged in (text, "v1." + text, "v2." + text, "v3." + text, "v3.1." + text):
        with pytest.raises(ValueError, match=r"not a sealed text|does not open here"):
            vault.open("ten_1", "p", forged)


def test_a_key_is_unwrapped_once_in_a_workers_life() -> None:
    vault = STACK.vault()
    STACK.kms.calls.clear()
    for n in range(5):
        vault.open("ten_1", "p", vault.seal("ten_1", "p", str(n)))
    assert STACK.kms.calls == ["decrypt"]


def test_a_new_tenants_key_seals_before_the_tenant_is_stored() -> None:
    stack = Stack()
    vault = stack.vault()
    key = vault.new_data_key("ten_3")
    sealed = vault.seal("ten_3", "p", "Ada", data_keys=(key,))
    stack.wrapped["ten_3"] = key
    assert stack.vault().open("ten_3", "p", sealed) == "Ada"


def test_a_key_service_that_is_down_is_a_503() -> None:
    stack = Stack()
    stack.kms.down = True
    with pytest.raises(Unavailable) as refused:
        stack.vault().seal("ten_1", "p", "Ada")
    assert refused.value.retry_after_s is not None


# Long texts: an item holds 400 KB

LONG = json.dumps([{"description": f"Sitzplatz für Zoë {n}", "amount": n * 1000} for n in range(1_000)])


def raw(sealed: str) -> bytes:
    return base64.urlsafe_b64decode(sealed.rpartition(".")[2])


def as_sealed(version: str, data: bytes) -> str:
    return version + base64.urlsafe_b64encode(data).decode()


def test_a_long_text_is_compressed_and_opens_in_another_worker() -> None:
    sealed = STACK.vault().seal("ten_1", "p", LONG)
    assert raw(sealed)[0] == 1
    assert len(sealed) < len(LONG) / 4
    assert STACK.vault().open("ten_1", "p", sealed) == LONG


def test_a_short_text_is_sealed_as_before() -> None:
    """What shows a secret is short: its length says nothing of what is in it."""
    one, other = ("a" * 8_000, secrets.token_hex(4_000))
    sealed = [STACK.vault().seal("ten_1", "p", text) for text in (one, other)]
    assert [raw(each)[0] for each in sealed] == [0, 0]
    assert len(sealed[0]) == len(sealed[1])


def test_what_was_sealed_before_texts_were_compressed_still_opens() -> None:
    """A long v1 text, as the release before this one wrote it."""
    vault = STACK.vault()
    nonce = secrets.token_bytes(12)
    data = nonce + vault._keys_of("ten_1", None).cipher.encrypt(nonce, LONG.encode(), b"p")
    assert vault.open("ten_1", "p", as_sealed("v1.", data)) == LONG


@pytest.mark.parametrize(("text", "other"), [("Ada", "v2."), (LONG, "v1."), ("Ada", "v3.2."), ("Ada", "v1.")])
def test_the_version_is_bound_to_the_text(text: str, other: str) -> None:
    vault = STACK.vault()
    with pytest.raises(ValueError, match="does not open here"):
        vault.open("ten_1", "p", as_sealed(other, raw(vault.seal("ten_1", "p", text))))


@pytest.mark.parametrize(("tenant", "place"), [("ten_2", "p"), ("ten_1", "q")])
def test_a_compressed_text_is_bound_to_tenant_and_place(tenant: str, place: str) -> None:
    vault = STACK.vault()
    with pytest.raises(ValueError, match="does not open here"):
        vault.open(tenant, place, vault.seal("ten_1", "p", LONG))


def test_a_decompression_bomb_is_refused_before_it_fills_the_memory() -> None:
    vault = STACK.vault()
    nonce = secrets.token_bytes(12)
    bomb = zlib.compress(bytes(64_000_000))
    data = nonce + vault._keys_of("ten_1", None).cipher.encrypt(nonce, bomb, b"v2.p")
    tracemalloc.start()
    with pytest.raises(ValueError, match="does not open here"):
        vault.open("ten_1", "p", as_sealed("v2.", data))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 * 1024 * 1024


def test_what_could_not_be_opened_again_is_not_sealed() -> None:
    vault = STACK.vault()
    longest = "a" * (8 * 1024 * 1024)
    assert vault.open("ten_1", "p", vault.seal("ten_1", "p", longest)) == longest
    with pytest.raises(ValueError, match="more than a sealed text may hold"):
        vault.seal("ten_1", "p", longest + "a")
