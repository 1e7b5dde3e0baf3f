"""The usage report: what was billed of usage in a period, and what of it could not be counted."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from billing.domain.kernel.ids import time_of
from billing.domain.reports.table import Table
from billing.domain.reports.usage import RejectedUsage, UsageFold, table
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.event import UsageEvent
from billing.domain.usage.rejection import UsageRejection
from billing.services.kernel.work import Query, Ref, every
from billing.services.reports.sources import BEGINNING, Asked, Sources

_OLDEST = timedelta(days=60 + 14)
"""How old usage may be when it is rejected: a tenant may accept what is 60 days old, and SQS keeps messages 14 days."""
_AT_ONCE = 100


class UsageReport:
    """See ``services.reports.sources.Report``."""

    name = "usage"

    def table(self, asked: Asked, sources: Sources) -> Table:
        """What was billed, and rejected, in the days that are asked about."""
        begin = asked.span.begin if asked.span is not None else BEGINNING
        fold = UsageFold()
        state = fold.empty()
        for each in sources.posted(begin, asked.end):
            fold.add(state, each)
        return table(state, self._rejected(asked, sources))

    def _rejected(self, asked: Asked, sources: Sources) -> Iterator[RejectedUsage]:
        """By subscription and meter; those of no known subscription are the wall clock's."""
        found = Counter((each.subscription_id, each.meter) for each in self._rejections(asked, sources))
        ids = sorted({subscription_id for subscription_id, _ in found})
        known: dict[str, Subscription | None] = {}
        for n in range(0, len(ids), _AT_ONCE):
            refs = [Ref(Subscription, sources.work.tenant.id, each) for each in ids[n : n + _AT_ONCE]]
            loaded = sources.work.load(*refs)
            known |= {ref.id: loaded.get(ref) for ref in refs}
        for (subscription_id, meter), events in sorted(found.items()):
            subscription = known[subscription_id]
            clock_id = subscription.test_clock_id if subscription is not None else None
            if clock_id == asked.test_clock_id:
                customer_id = subscription.customer_id if subscription is not None else None
                yield RejectedUsage(customer_id, subscription_id, meter, events)

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
