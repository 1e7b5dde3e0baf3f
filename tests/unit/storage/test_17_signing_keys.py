"""How long a worker goes by the signing keys that it has read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.domain.access.signing_keys import SigningKeys
from billing.domain.tenant import PLATFORM
from billing.services.kernel.work import Found
from billing.storage.signing_keys import REF, SigningKeyDirectory

AT = datetime(2026, 11, 30, tzinfo=UTC)
KEYS = SigningKeys(PLATFORM, ())


class Table:
    """What is stored, and how often it was read."""

    def __init__(self, keys: SigningKeys | None) -> None:
        self.keys, self.reads = keys, 0

    def load(self, refs: Any, _: Any) -> tuple[Found, dict[Any, Any]]:
        assert list(refs) == [REF]
        self.reads += 1
        return Found({REF: self.keys} if self.keys else {}), {}


@pytest.mark.parametrize("seconds", [0, 1, 9])
def test_a_stacks_first_key_is_found_by_a_worker_that_has_just_seen_none(seconds: int) -> None:
    """A stranger's token had it look; a moment later the stack's first token is signed, by a key of the same moment."""
    now, table = AT, Table(None)
    directory = SigningKeyDirectory(table, lambda: now)  # type: ignore[arg-type]
    assert directory.get() is None
    assert directory.get(fresh=True) is None
    table.keys, now = KEYS, AT + timedelta(seconds=seconds)
    assert directory.get(fresh=True) is KEYS


def test_where_there_are_keys_strangers_do_not_have_them_read_again_and_again() -> None:
    now, table = AT, Table(KEYS)
    directory = SigningKeyDirectory(table, lambda: now)  # type: ignore[arg-type]
    for _ in range(5):
        assert directory.get(fresh=True) is KEYS
    assert table.reads == 1
    now = AT + timedelta(seconds=10)
    assert directory.get(fresh=True) is KEYS
    assert table.reads == 2
    now = AT + timedelta(seconds=69)
    assert directory.get() is KEYS
    assert table.reads == 2
