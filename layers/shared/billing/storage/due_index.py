"""The alarm clock: what is due in a shard, across the tables, in order of time."""

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import chain, islice
from typing import Any

from pynamodb.models import Model

from billing.domain.kernel.times import parse_time, sort_key
from billing.services.clocks.due_index import DueItem, DuePage
from billing.storage.database import Database, raw, table_name
from billing.storage.tables import (
    ClockItem,
    CustomerItem,
    EarningItem,
    InvoiceItem,
    OrderItem,
    PaymentItem,
    PaymentMethodItem,
    PayoutItem,
    ProviderBalanceItem,
    ReconciliationItem,
    RefundItem,
    ReportRunItem,
    SubscriptionItem,
    WebhookRedeliveryItem,
)

PAGE = 200
"""So many items of a kind are looked up at once: some of each tenant, where a few dozen have much to do."""
_PAGES_BEHIND = 10
"""So many megabytes of index entries of a kind, each some 8,000 entries, are passed over at most."""
# The order of things due at the same instant: unknown outcomes are settled before more money is collected.
_DUE_TABLES: dict[str, type[Model]] = {
    "payment": PaymentItem,
    "refund": RefundItem,
    "order": OrderItem,
    "invoice": InvoiceItem,
    "subscription": SubscriptionItem,
    "earning": EarningItem,
    "payout": PayoutItem,
    "provider_balance": ProviderBalanceItem,
    "reconciliation": ReconciliationItem,
    "test_clock": ClockItem,
    "customer": CustomerItem,
    "payment_method": PaymentMethodItem,
    "redelivery": WebhookRedeliveryItem,
    "report_run": ReportRunItem,
}
BILLING_KINDS = (
    "payment", "refund", "order", "invoice", "subscription", "earning", "provider_balance", "reconciliation",
    "test_clock", "customer", "payment_method",
)  # fmt: skip
"""What the billing worker does. It pays no provider out: a payout's steps are in the wall clock's time always, and in
shards of their own, so that billing cannot delay them."""
PAYOUT_KINDS = ("payout", "provider_balance")
WEBHOOK_KINDS = ("redelivery",)
"""Beside deliveries, which are no entities (``webhooks.deliveries``)."""
REPORT_KINDS = ("report_run",)
ALL_KINDS = tuple(_DUE_TABLES)


class DynamoDueIndex:
    """``services.clocks.due_index.DueIndex`` over the ``by_due`` indexes.

    Args:
        kinds: of what is due, those that are looked for.
    """

    def __init__(self, database: Database, kinds: tuple[str, ...] = BILLING_KINDS) -> None:
        self._database = database
        self._tables = {kind: model for kind, model in _DUE_TABLES.items() if kind in kinds}

    def due(self, shard: str, until: datetime, kinds: Collection[str] | None = None) -> DuePage:
        found: list[DueItem] = []
        cut: set[str] = set()
        complete_until = until
        for rank, (kind, model) in enumerate(self._tables.items()):
            if kinds is not None and kind not in kinds:
                continue
            page = list(self._page(rank, kind, model, shard, until))
            found += page
            if len(page) == PAGE:  # there may be more of this kind from here on
                complete_until = min(complete_until, page[-1].at)
                cut.add(kind)
        return DuePage(sorted(found), complete_until, frozenset(cut))

    def behind(self, shard: str, until: datetime, kinds: Collection[str], tenants: Collection[str]) -> list[DueItem]:
        found: list[DueItem] = []
        for rank, (kind, model) in enumerate(self._tables.items()):
            if kind in kinds:
                pages = self._database.query_pages(self._request_behind(model, shard, until, tenants))
                items = chain.from_iterable(islice(pages, _PAGES_BEHIND))
                found += [_due_item(rank, kind, item) for item in islice(items, PAGE)]
        return sorted(found)

    def all_due(self, shard: str, until: datetime) -> Iterator[DueItem]:
        """Everything that is due in a shard, kind by kind: for an operator, whom it may take minutes."""
        for rank, (kind, model) in enumerate(self._tables.items()):
            for item in self._database.query_all(self._request(model, shard, until)):
                yield _due_item(rank, kind, item)

    def _page(self, rank: int, kind: str, model: type[Model], shard: str, until: datetime) -> Iterator[DueItem]:
        request = self._request(model, shard, until) | {"Limit": PAGE}
        answer: dict[str, Any] = self._database.call(lambda: self._database.client.query(**request))
        return (_due_item(rank, kind, item) for item in answer["Items"])

    def _request_behind(
        self, model: type[Model], shard: str, until: datetime, tenants: Collection[str]
    ) -> dict[str, Any]:
        names = {f":t{n}": raw(each) for n, each in enumerate(sorted(tenants))}
        request = self._request(model, shard, until)
        return request | {
            "FilterExpression": f"NOT tenant_id IN ({', '.join(names)})",
            "ExpressionAttributeValues": request["ExpressionAttributeValues"] | names,
        }

    @staticmethod
    def _request(model: type[Model], shard: str, until: datetime) -> dict[str, Any]:
        return {
            "TableName": table_name(model),
            "IndexName": "by_due",
            "KeyConditionExpression": "due_shard = :shard AND due_at <= :until",
            "ExpressionAttributeValues": {":shard": raw(shard), ":until": raw(sort_key(until))},
        }


def _due_item(rank: int, kind: str, item: dict[str, Any]) -> DueItem:
    return DueItem(parse_time(item["due_at"]["S"]), rank, kind, item["tenant_id"]["S"], item["id"]["S"])
