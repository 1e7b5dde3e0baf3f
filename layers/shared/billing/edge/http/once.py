"""Answers that show a secret: once, and to whoever asked.

A repeat under the same Idempotency-Key gets the first answer again, for whoever lost it on the way. With a secret in
it, that is for the same principal alone, and only while what the secret opens has not been revoked.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.services.kernel.work import StoredResponse, Work


@dataclass(frozen=True, slots=True)
class ShownOnce:
    """Which fields of an answer are secrets.

    Args:
        fields: their names in the answer.
        still: asks, of a tenant's id and an answer's data, whether the answer may show them again.
    """

    fields: tuple[str, ...]
    still: Callable[[str, dict[str, Any]], Callable[[Work], bool]]

    def again(self, tenant_id: str, work: Work, response: StoredResponse) -> StoredResponse:
        """A stored answer as a repeat gets it."""
        body = json.loads(response.body)
        data = body.get("data")
        if not isinstance(data, dict) or self.still(tenant_id, data)(work):
            return response
        hidden = {"data": data | dict.fromkeys(self.fields), **{k: v for k, v in body.items() if k != "data"}}
        return StoredResponse(response.status, json.dumps(hidden, separators=(",", ":"), ensure_ascii=False))
