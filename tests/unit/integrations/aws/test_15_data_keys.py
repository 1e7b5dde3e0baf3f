"""Issue 15, item 8: data keys have numbers and are rotated, few are held, and none seals more than AES-GCM allows."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from billing.domain.kernel.errors import Unavailable
from billing.integrations.aws.vault import Vault
from tests.unit.integrations.aws.test_vault import FakeKms

AT = datetime(2026, 11, 29, 23, 59, tzinfo=UTC)
LONG = json.dumps(["Ada"] * 3000)


class Tenants:
    """Tenants' data keys; who asks for more than it has seen sees what is stored."""

    def __init__(self) -> None:
        self.stored: dict[str, tuple[str, ...]] = {}
        self.seen: dict[str, tuple[str, ...]] = {}
        self.looked: list[int] = []

    def index_keys(self, tenant_id: str) -> tuple[int, ...]:
        return (1,)

    def data_keys(self, tenant_id: str, at_least: int = 1) -> tuple[str, ...]:
        if len(self.seen.get(tenant_id, ())) < at_least:
            self.looked.append(at_least)
            self.seen[tenant_id] = self.stored[tenant_id]
        return self.seen[tenant_id]


class Stack:
    """A KMS, and workers of which each has seen the tenants at another time."""

    def __init__(self, *tenants: str) -> None:
        self.kms = FakeKms()
        self.now = AT
        self.stored: dict[str, tuple[str, ...]] = {}
        for tenant in tenants:
            self.rotate(tenant)

    def rotate(self, tenant: str) -> None:
        made = self.worker()[0].new_data_key(tenant)
        self.stored[tenant] = (*self.stored.get(tenant, ()), made)

    def worker(self) -> tuple[Vault, Tenants]:
        tenants = Tenants()
        tenants.stored = self.stored
        return Vault(lambda: self.kms, "key", lambda: tenants, lambda: self.now), tenants


@pytest.fixture
def stack() -> Stack:
    return Stack("ten_1")


def kept(vault: Vault) -> list[str]:
    return [tenant for tenant, _ in vault._keys]


# Numbers


def test_15_what_was_sealed_before_keys_had_numbers_is_under_the_first() -> None:
    """Texts that the release before this one wrote, with the bytes 0 to 31 for a key; after two rotations, too."""

    class Kms(FakeKms):
        def decrypt(self, CiphertextBlob: bytes, **_: Any) -> Any:  # noqa: N803
            return {"Plaintext": bytes(range(32)) if CiphertextBlob == b"first" else bytes(32)}

    stack = Stack()
    stack.kms = Kms()
    stack.stored["ten_1"] = tuple(base64.b64encode(each).decode() for each in (b"first", b"second", b"third"))
    vault, _ = stack.worker()
    short = "v1.GkxzRCigQ-l8qAfSBWGc4zUARmvRBkqg0L-uKNvlPoYa5EimsQ35Xb-MAxkd"
    long = (
        "v2.rhg8RsMbf3R49i5p7w5ZjC6HHb1vGYa7y9sFdgOJ_LxclnxtfZmr4cTA6qCjeaRhEIl-BBnqp1Eu2QWLC020C6qNkeYaUDl6SBsvmLOer5v"
        "lz_ZjBqUbsMZUV1-8EwdZ"
    )
    assert vault.open("ten_1", "Customer/cus_1/email", short) == '"ada@example.com"'
    assert vault.open("ten_1", "event/evt_1", long) == LONG
    assert vault.blind("ten_1", "ada@example.com") == "8c528c3d697d6296cbb96a20dfe993b6ea898b16642bdaa26501d31b1a05e05f"


@pytest.mark.parametrize("text", ["Ada", LONG])
def test_15_each_text_says_its_key_and_opens_after_the_next_ones(stack: Stack, text: str) -> None:
    sealed = []
    for number in (1, 2, 3):
        sealed.append(stack.worker()[0].seal("ten_1", "p", text))
        assert sealed[-1].startswith(f"v3.{number}.")
        stack.rotate("ten_1")
    vault, _ = stack.worker()
    assert [vault.open("ten_1", "p", each) for each in sealed] == [text] * 3


def test_15_who_is_found_by_the_blind_index_is_found_after_a_rotation(stack: Stack) -> None:
    before = stack.worker()[0].blind("ten_1", "ada@example.com")
    stack.rotate("ten_1")
    assert stack.worker()[0].blind("ten_1", "ada@example.com") == before


def test_15_a_worker_that_missed_the_rotation_opens_what_another_sealed(stack: Stack) -> None:
    """And looks the tenant up once for it; until then it goes on under the key that it knows."""
    late, tenants = stack.worker()
    assert late.seal("ten_1", "p", "Ada").startswith("v3.1.")
    stack.rotate("ten_1")
    sealed = stack.worker()[0].seal("ten_1", "p", "Grace")
    assert late.seal("ten_1", "p", "Ada").startswith("v3.1.")
    assert late.open("ten_1", "p", sealed) == late.open("ten_1", "p", sealed) == "Grace"
    assert tenants.looked == [1, 2]
    assert late.seal("ten_1", "p", "Ada").startswith("v3.2.")


@pytest.mark.parametrize("number", ["2", "9999", "0", "01", "-1", "1.1", "10000", "\u0661", ""])
def test_15_a_key_that_there_is_not_opens_nothing(stack: Stack, number: str) -> None:
    vault, _ = stack.worker()
    sealed = vault.seal("ten_1", "p", "Ada")
    with pytest.raises(ValueError, match=r"not a sealed text|does not open here"):
        vault.open("ten_1", "p", sealed.replace("v3.1.", f"v3.{number}."))


def test_15_the_number_is_bound_to_the_text(stack: Stack) -> None:
    """Also where both numbers are of the same key."""
    vault, _ = stack.worker()
    twice = stack.stored["ten_1"] * 2
    sealed = vault.seal("ten_1", "p", "Ada", twice)
    assert vault.open("ten_1", "p", sealed, twice) == "Ada"
    with pytest.raises(ValueError, match="does not open here"):
        vault.open("ten_1", "p", sealed.replace("v3.2.", "v3.1."), twice)


# What AES-GCM allows: 2^32 texts a key


def test_15_each_day_has_a_key_of_its_own_and_texts_open_on_any_other(stack: Stack) -> None:
    vault, _ = stack.worker()
    sealed, ciphers = [], set()
    for _ in range(40):  # more days than a worker remembers
        sealed.append(vault.seal("ten_1", "p", "Ada"))
        ciphers.add(id(vault._keys_of("ten_1", None).of_day(int(stack.now.timestamp()) // 86_400)))
        stack.now += timedelta(days=1)
    days = {base64.urlsafe_b64decode(each[5:])[1:3] for each in sealed}
    assert len(days) == 40
    assert len(vault._keys_of("ten_1", None)._of_days) <= 16
    assert {stack.worker()[0].open("ten_1", "p", each) for each in sealed} == {"Ada"}


def test_15_a_text_does_not_open_as_another_days(stack: Stack) -> None:
    vault, _ = stack.worker()
    data = bytearray(base64.urlsafe_b64decode(vault.seal("ten_1", "p", "Ada")[5:]))
    data[2] ^= 1
    with pytest.raises(ValueError, match="does not open here"):
        vault.open("ten_1", "p", "v3.1." + base64.urlsafe_b64encode(bytes(data)).decode())


def test_15_the_data_key_itself_seals_nothing_any_more(stack: Stack) -> None:
    vault, _ = stack.worker()
    data = base64.urlsafe_b64decode(vault.seal("ten_1", "p", "Ada")[5:])
    for authenticated in (b"p", b"v2.p", b"v3.1." + data[:3] + b"p"):
        with pytest.raises(InvalidTag):
            vault._keys_of("ten_1", None).cipher.decrypt(data[3:15], data[15:], authenticated)


# How many are held, and for how long


def test_15_no_more_than_500_keys_are_held_and_the_longest_unused_goes_first() -> None:
    names = [f"ten_{n}" for n in range(502)]
    stack = Stack(*names)
    vault, _ = stack.worker()
    for name in names[:500]:
        vault.seal(name, "p", "Ada")
    vault.seal(names[0], "p", "Ada")
    for name in names[500:]:
        vault.seal(name, "p", "Ada")
    assert kept(vault) == [*names[3:500], names[0], *names[500:]]


def test_15_a_key_is_held_for_an_hour(stack: Stack) -> None:
    """Counted from when KMS unwrapped it, not from its last use; a clock that was set back makes it no longer."""
    vault, _ = stack.worker()
    stack.kms.calls.clear()
    for minutes in (0, 30, 29):
        stack.now += timedelta(minutes=minutes)
        vault.seal("ten_1", "p", "Ada")
    assert stack.kms.calls == ["decrypt"]
    for step in (timedelta(minutes=1), -timedelta(minutes=1)):
        stack.kms.calls.clear()
        stack.now += step
        vault.seal("ten_1", "p", "Ada")
        assert stack.kms.calls == ["decrypt"]


def test_15_what_is_over_is_dropped_though_nobody_asks_for_it() -> None:
    stack = Stack("ten_1", "ten_2")
    vault, _ = stack.worker()
    vault.seal("ten_1", "p", "Ada")
    stack.now += timedelta(minutes=60)
    vault.seal("ten_2", "p", "Ada")
    assert kept(vault) == ["ten_2"]


def test_15_a_key_service_that_is_down_is_a_503_and_nothing_is_lost(stack: Stack) -> None:
    vault, _ = stack.worker()
    sealed = vault.seal("ten_1", "p", "Ada")
    stack.now += timedelta(hours=1)
    stack.kms.down = True
    with pytest.raises(Unavailable):
        vault.open("ten_1", "p", sealed)
    stack.kms.down = False
    assert vault.open("ten_1", "p", sealed) == "Ada"
