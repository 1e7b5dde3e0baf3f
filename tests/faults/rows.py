"""What the tables hold, as the emulator of these tests has it in its memory."""

from __future__ import annotations

import json
import os
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tests.faults.emulator import ROWS_PATH

Json = dict[str, Any]

_BY_PREFIX = {"idempotency", "usage_events", "usage_totals", "webhook_deliveries", "mrr_movements", "search"}
"""Tables whose hash keys begin with the tenant, and have more behind it."""


class Rows:
    """Reads a world's tables; a job has its own, for no connection outlives a fork.

    Args:
        prefix: of the world's tables.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._connection = HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc, timeout=30)

    def dump(self, plain_names: list[str], tenant_id: str) -> dict[str, list[Json]]:
        """What these tables hold of a tenant, as it is stored, in the order of their keys."""
        tables = {self._prefix + plain: "#" if plain in _BY_PREFIX else "" for plain in plain_names}
        self._connection.request("POST", ROWS_PATH, json.dumps({"tables": tables, "owner": tenant_id}))
        answer = self._connection.getresponse()
        found = json.loads(answer.read())
        assert answer.status == 200, found
        return {plain: [_plain(item) for item in found[self._prefix + plain]] for plain in plain_names}

    def of(self, plain: str, tenant_id: str) -> list[Json]:
        """What one table holds of a tenant."""
        return self.dump([plain], tenant_id)[plain]


def _plain(item: Json) -> Json:
    """An item without DynamoDB's types."""
    return {name: next(iter(value.values())) for name, value in item.items()}
