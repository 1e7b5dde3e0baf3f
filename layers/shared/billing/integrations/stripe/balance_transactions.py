"""The lines of the platform's account at Stripe, as ``services.marketplace.payout_processor.BalanceTransactions``."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from billing.integrations.stripe.calls import StripeCalls
from billing.integrations.stripe.objects import money_of, time_of
from billing.services.marketplace.payout_processor import BalanceTransaction

_PAGE = 100


class StripeBalanceTransactions(StripeCalls):
    """Lists what changed the platform's balance; see ``StripeCalls`` for the arguments."""

    def since(self, after_id: str | None, created_from: datetime | None) -> Iterator[BalanceTransaction]:
        params: Any = {"limit": _PAGE}
        if created_from is not None:
            params["created"] = {"gte": int(created_from.timestamp())}
        found = self._backwards(params) if after_id is None else self._onwards(params, after_id)
        return (_line(each) for each in found)

    def _onwards(self, params: dict[str, Any], after_id: str) -> Iterator[Any]:
        """From a line on, page by page. Stripe lists the newest first, so what is later is "before" it."""
        cursor, more = after_id, True
        while more:
            page = self._page(params | {"ending_before": cursor})
            yield from reversed(page.data)
            more = page.has_more and bool(page.data)
            cursor = page.data[0].id if page.data else cursor

    def _backwards(self, params: dict[str, Any]) -> Iterator[Any]:
        """All of them, collected from the newest to the oldest and turned around: the beginning has no id."""
        found: list[Any] = []
        cursor: dict[str, Any] = {}
        more = True
        while more:
            page = self._page(params | cursor)
            found += page.data
            more = page.has_more and bool(page.data)
            cursor = {"starting_after": found[-1].id} if found else {}
        yield from reversed(found)

    def _page(self, params: Any) -> Any:
        return self._call(lambda: self._client().v1.balance_transactions.list(params))


def _line(each: Any) -> BalanceTransaction:
    source = each.source
    return BalanceTransaction(
        id=each.id,
        type=each.type,
        source_id=source if source is None or isinstance(source, str) else source.id,
        amount=money_of(each.amount, each.currency),
        fee=money_of(each.fee, each.currency),
        created_at=time_of(each.created),
        available_on=time_of(each.available_on),
        reporting_category=each.reporting_category,
    )
