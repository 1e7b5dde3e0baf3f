"""Sends deliveries again: one, or all of an endpoint since a time.

Sending again is asking for an attempt: the sender begins it as any other, within the endpoint's start window. So what
is asked for here is written on the delivery, and the alarm clock hands it over if nothing else does.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState, LostRace, NotFound, ValidationFailed
from billing.domain.webhooks.delivery import Delivery, endpoint_of, webhook_shard
from billing.domain.webhooks.endpoint import Subscriber, WebhookEndpoint
from billing.domain.webhooks.redelivery import Redelivery, RedeliveryStatus, Selection
from billing.domain.webhooks.schedule import EVENTS_KEPT, is_forgotten, redelivered
from billing.services.kernel.due_items import load_due
from billing.services.kernel.work import Ref, Work
from billing.services.webhooks.deliveries import delivery_of
from billing.services.webhooks.endpoint_ports import EndpointHealthStore, Endpoints
from billing.services.webhooks.ports import DeliveryQueue, DeliveryStore
from billing.services.webhooks.publisher import tell

_PAGE = 250
_PAGES_A_STEP = 40
"""10,000 deliveries are looked at in a minute: of a busy week, what was not delivered is found in an hour at most."""
_ASKED_A_STEP = 500
"""Are sent again in a minute: as many as are handed over to one endpoint in that time, or nearly."""
_STEP = timedelta(minutes=1)
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Redeliveries:
    """The use cases."""

    store: DeliveryStore
    endpoints: Endpoints
    health: EndpointHealthStore
    queue: DeliveryQueue

    def one(self, work: Work, delivery_id: str) -> Delivery:
        """Ask for one more attempt of a delivery, now: with a new number and the same ``webhook-id``.

        Its schedule is not begun anew, and goes on where it was. Asked for twice before it was begun, it is one.

        Raises:
            NotFound: the tenant has no such delivery, or its endpoint is gone.
            InvalidState: the endpoint is disabled, or the event is forgotten.
        """
        delivery = delivery_of(self.store, work.tenant.id, delivery_id)
        self._require_enabled(work, endpoint_of(delivery_id))
        if is_forgotten(delivery, work.now):
            raise InvalidState.of("webhook_delivery", "of an event that is forgotten", "redelivered")
        asked = self._ask(delivery, work.now)
        if asked is None:
            raise LostRace("The delivery is being attempted")
        work.after_commit(lambda: self._tell(asked))
        return asked

    def all_since(self, work: Work, endpoint_id: str, since: datetime, selection: Selection) -> Redelivery:
        """Begin a job that has an endpoint's deliveries sent again, of events since a time until now.

        Raises:
            NotFound: the tenant has no such endpoint.
            InvalidState: it is disabled.
            ValidationFailed: the time is not yet.
        """
        if since > work.now:
            raise ValidationFailed.of("since", "must_not_be_in_the_future")
        self._require_enabled(work, endpoint_id)
        made = Redelivery(
            id=work.fresh_id("rdl"),
            tenant_id=work.tenant.id,
            endpoint_id=endpoint_id,
            since=max(since, work.now - EVENTS_KEPT),
            until=work.now,
            selection=selection,
            created_at=work.now,
        )
        return work.save(replace(made, due=Due(webhook_shard(made.id), work.now)))

    def advance(self, work: Work, job_id: str, now: datetime) -> Due | None:
        """A step of a job: the worker's task.

        What it asks for is written before the job says so. A step that is repeated finds it asked for already, or
        attempted: then it is attempted once more, which is what was wanted of it anyway.
        """
        job, due = load_due(work, Redelivery, job_id, now)
        if job is None or due is None:
            return due
        subscriber = self._subscriber(job.tenant_id, job.endpoint_id)
        if subscriber is None or not subscriber.is_enabled:
            return work.save(job.ended(RedeliveryStatus.CANCELED, now)).due
        left = _ASKED_A_STEP
        for _ in range(_PAGES_A_STEP):
            page = self.store.range_of(
                job.tenant_id, job.endpoint_id, since=job.since, until=job.until, after=job.after, limit=_PAGE
            )
            for each in page.items:
                if not job.takes(each):
                    continue
                job, left = replace(job, found=job.found + (self._ask(each, now) is not None)), left - 1
                if not left:
                    return self._later(work, replace(job, after=each.id), due, now)
            if page.last is None:
                return work.save(job.ended(RedeliveryStatus.COMPLETED, now)).due
            job = replace(job, after=page.last)
        return self._later(work, job, due, now)

    @staticmethod
    def _later(work: Work, job: Redelivery, due: Due, now: datetime) -> Due | None:
        return work.save(replace(job, due=Due(due.shard, now + _STEP))).due

    def get(self, work: Work, job_id: str) -> Redelivery:
        """A job.

        Raises:
            NotFound: the tenant has no such job.
        """
        ref = Ref(Redelivery, work.tenant.id, job_id)
        return work.load(ref).require(ref)

    def _ask(self, delivery: Delivery, now: datetime) -> Delivery | None:
        """The delivery with an attempt asked for; None where others were always faster."""
        for _ in range(_TRIES):
            asked = redelivered(delivery, now)
            if asked == delivery or self.store.change(delivery, asked):
                return asked
            found = self.store.get(delivery.tenant_id, delivery.id)
            if found is None:
                return None
            delivery = found
        return None

    def _require_enabled(self, work: Work, endpoint_id: str) -> None:
        subscriber = self._subscriber(work.tenant.id, endpoint_id)
        if subscriber is None:
            raise NotFound.of(WebhookEndpoint, endpoint_id)
        if not subscriber.is_enabled:
            raise InvalidState.of("webhook_endpoint", "disabled", "sent anything")

    def _subscriber(self, tenant_id: str, endpoint_id: str) -> Subscriber | None:
        return next((each for each in self.endpoints.of_tenant(tenant_id) if each.id == endpoint_id), None)

    def _tell(self, delivery: Delivery) -> None:
        tell(self.queue, [delivery], self.health.of(delivery.tenant_id, [delivery.endpoint_id]))
