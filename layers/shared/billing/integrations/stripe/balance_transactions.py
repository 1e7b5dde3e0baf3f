"""The platform's account at Stripe, as ``services.reports.ports.StripeAccount``."""

from datetime import datetime
from typing import Any

import stripe

from billing.domain.deposits import PayoutAtStripe
from billing.domain.kernel.money import Money
from billing.domain.reconciliation import StripeLine
from billing.integrations.stripe.calls import MISSING, StripeCalls
from billing.integrations.stripe.objects import money_of, time_of
from billing.services.reports.ports import LinePage


class StripeBalanceTransactions(StripeCalls):
    """Lists what changed the platform's balance; see ``StripeCalls`` for the arguments."""

    def lines(self, created_from: datetime, created_to: datetime, place: str | None, limit: int) -> LinePage:
        params: Any = {
            "limit": limit,
            "created": {"gte": int(created_from.timestamp()), "lt": int(created_to.timestamp())},
        }
        if place is not None:
            params["starting_after"] = place
        return self._listed(params)

    def _listed(self, params: Any) -> LinePage:
        page = self._call(lambda: self._client().v1.balance_transactions.list(params))
        found = tuple(_line(each) for each in page.data)
        return LinePage(found, found[-1].id if page.has_more and found else None)

    def line(self, line_id: str) -> StripeLine | None:
        try:
            return _line(self._call(lambda: self._client().v1.balance_transactions.retrieve(line_id)))
        except stripe.InvalidRequestError as error:
            if error.code != MISSING:
                raise
            return None

    def payout(self, payout_id: str) -> PayoutAtStripe | None:
        try:
            found = self._call(lambda: self._client().v1.payouts.retrieve(payout_id))
        except stripe.InvalidRequestError as error:
            if error.code != MISSING:
                raise
            return None
        # A payout that no schedule made is ``not_applicable``: its lines cannot be listed.
        itemised = {"completed": True, "not_applicable": False}.get(found.reconciliation_status)
        amount = money_of(found.amount, found.currency)
        return PayoutAtStripe(found.id, amount, itemised, time_of(found.arrival_date))

    def lines_of_payout(self, payout_id: str, place: str | None, limit: int) -> LinePage:
        params: Any = {"payout": payout_id, "limit": limit}
        if place is not None:
            params["starting_after"] = place
        return self._listed(params)

    def balance(self) -> dict[str, Money]:
        found: Any = self._call(lambda: self._client().v1.balance.retrieve({}))
        sums: dict[str, Money] = {}
        for each in (*found.available, *found.pending):
            amount = money_of(each.amount, each.currency)
            sums[amount.currency] = sums.get(amount.currency, Money.zero(amount.currency)) + amount
        return sums


def _line(each: Any) -> StripeLine:
    source = each.source
    return StripeLine(
        id=each.id,
        type=each.type,
        source_id=source if source is None or isinstance(source, str) else source.id,
        amount=money_of(each.amount, each.currency),
        fee=money_of(each.fee, each.currency),
        created_at=time_of(each.created),
        available_on=time_of(each.available_on),
        reporting_category=each.reporting_category,
    )
