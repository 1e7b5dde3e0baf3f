"""The usage report: what was billed of usage in a period, and what of it could not be counted."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from billing.domain.kernel.ids import time_of
from billing.domain.reports.merging import Key
from billing.domain.reports.table import Column, Row
from billing.domain.reports.usage import COLUMNS, RejectedUsage, UsageFold, billed_rows, rejected_rows
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.event import UsageEvent
from billing.domain.usage.rejection import UsageRejection
from billing.services.kernel.work import Query, Ref, every
from billing.services.reports.divisible import Divisible
from billing.services.reports.sources import BEGINNING, Asked, Sources

_OLDEST = timedelta(days=60 + 14)
"""How old usage may be when it is rejected: a tenant may accept what is 60 days old, and SQS keeps messages 14 days."""
_AT_ONCE = 100


class UsageReport(Divisible):
    """What was billed of usage, and could not be counted."""

    name = "usage"

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Of a subscription's use of a meter in a period."""
        return COLUMNS

    def keyed(self, asked: Asked, sources: Sources) -> Iterator[tuple[Key, Row]]:
        """What was billed, and rejected, in the days that are asked about."""
        begin = asked.span.begin if asked.span is not None else BEGINNING
        fold = UsageFold()
        state = fold.empty()
        for each in sources.posted(begin, asked.end):
            fold.add(state, each)
        yield from billed_rows(state)
        if sources.is_first_part:
            yield from rejected_rows(self._rejected(asked, sources))

    def _rejected(self, asked: Asked, sources: Sources) -> Iterator[RejectedUsage]:
        """By subscription and meter; those of no known subscription are the wall clock's."""
        found = Counter((each.subscription_id, each.meter) for each in self._rejections(asked, sources))
        left = iter(sorted(found))
        while batch := list(islice(left, _AT_ONCE)):
            refs = {each: Ref(Subscription, sources.work.tenant.id, each) for each, _ in batch}
            loaded = sources.loading().load(*refs.values())
            for subscription_id, meter in batch:
                subscription = loaded.get(refs[subscription_id])
                clock_id = subscription.test_clock_id if subscription is not None else None
                if clock_id == asked.test_clock_id:
                    customer_id = subscription.customer_id if subscription is not None else None
                    yield RejectedUsage(customer_id, subscription_id, meter, found[subscription_id, meter])

    @staticmethod
    def _rejections(asked: Asked, sources: Sources) -> Iterator[UsageEvent]:
        """Events that were rejected in the days; in a test clock's time, which rejections do not know, used in them.

        Rejections are listed by their ids, which have the time of their usage, the latest first: it ends with those
        whose usage is so old that they cannot have been rejected in the days.
        """
        begin = asked.span.begin if asked.span is not None else BEGINNING
        for each in every(sources.work, Query(UsageRejection, limit=_AT_ONCE)):
            sources.budget.spend()
            if time_of(each.id) + _OLDEST < begin:
                return
            for one in each.events:
                at = each.created_at if asked.test_clock_id is None else one.event.timestamp
                if begin <= at < asked.end:
                    yield one.event
