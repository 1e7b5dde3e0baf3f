"""What providers are owed, across all of them: ``services.reports.ports.OwedIndex`` over two sparse indexes.

A provider's account is in its index while something is on it, an earning while something of it is pending. 10,000
accounts and 100,000 pending earnings are about 100 MB: some 13,000 read units an hour, a third of a cent.
"""

import json
from typing import Any

from billing.domain.kernel.money import Money
from billing.domain.marketplace.account import ProviderBalance
from billing.domain.marketplace.earning import Earning
from billing.services.reports.ports import OwedPage
from billing.storage.codec import Sealer, decode
from billing.storage.database import Database, raw, table_name
from billing.storage.registry import OWED_PARTS, REGISTRY

_KINDS: tuple[type[ProviderBalance] | type[Earning], ...] = (ProviderBalance, Earning)


class DynamoOwed:
    """Pages through both; see ``services.reports.ports.OwedIndex``."""

    parts = OWED_PARTS * len(_KINDS)

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def page(self, part: int, place: str | None) -> OwedPage:
        kind = _KINDS[part // OWED_PARTS]
        request: dict[str, Any] = {
            "TableName": table_name(REGISTRY[kind].model),
            "IndexName": "by_owed",
            "KeyConditionExpression": "owed_part = :part",
            "ExpressionAttributeValues": {":part": raw(f"{part % OWED_PARTS:02d}")},
        }
        if place is not None:
            request["ExclusiveStartKey"] = json.loads(place)
        answer = self._database.call(lambda: self._database.client.query(**request))
        sums: dict[str, Money] = {}
        for item in answer["Items"]:
            found = decode(kind, item["body"]["S"], self._sealer, item["tenant_id"]["S"], item["id"]["S"])
            for amount in _owed(found):
                sums[amount.currency] = sums.get(amount.currency, Money.zero(amount.currency)) + amount
        following = answer.get("LastEvaluatedKey")
        return OwedPage(sums, json.dumps(following) if following else None)


def _owed(found: ProviderBalance | Earning) -> tuple[Money, ...]:
    """What is owed of one: a provider's debt makes nothing smaller that another one is owed."""
    amounts = (found.balance, found.held) if isinstance(found, ProviderBalance) else (found.pending,)
    return tuple(amount for amount in amounts if amount > Money.zero(amount.currency))
