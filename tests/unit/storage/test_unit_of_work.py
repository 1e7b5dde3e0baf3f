"""The unit of work, as far as no database is needed to see it."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from billing.storage.unit_of_work import UnitOfWork

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def test_an_event_that_is_in_no_catalogue_cannot_be_emitted() -> None:
    """Issue 10: nor by whoever gets round the types: a subscriber could not have read of it."""
    runtime: Any = SimpleNamespace(
        numbers=None,
        clock=lambda: NOW,
        policy=SimpleNamespace(event_ttl_s=60),
        present=None,
        entropy=lambda: bytes(10),
        store=None,
    )
    made_up: Any = "invoice.made_up"
    with pytest.raises(KeyError):
        UnitOfWork(runtime, "ten_1").emit(made_up, SimpleNamespace(id="in_1"))
