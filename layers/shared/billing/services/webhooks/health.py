"""What follows from an endpoint's failures: the tenant is told on the first day, and after five it is disabled."""

from dataclasses import replace

from billing.domain.kernel.event_types import EventType
from billing.domain.webhooks.endpoint import DisabledReason, EndpointStatus, WebhookEndpoint
from billing.domain.webhooks.health import EndpointHealth, Verdict, judge
from billing.services.kernel.work import Ref, Work


def attend(work: Work, endpoint_id: str, health: EndpointHealth) -> Verdict:
    """Do what follows from a failure; nothing where there is no such endpoint any more, or nothing follows.

    Whoever reports a failure asks ``judge`` first, which costs nothing: only what it does not call nothing needs a unit
    of work. Two that report at the same time both come here; the second one's race is lost and it finds the work done.

    Args:
        health: with the failure, as ``EndpointHealthStore.failed`` returned it.

    Returns:
        what was done.
    """
    ref = Ref(WebhookEndpoint, work.tenant.id, endpoint_id)
    endpoint = work.load(ref).get(ref)
    if endpoint is None or not endpoint.is_enabled:
        return Verdict.NOTHING
    verdict = judge(health, endpoint.counts_from, work.now)
    if verdict is Verdict.DISABLE:
        disable(work, endpoint, DisabledReason.FAILING)
    elif verdict is Verdict.TELL:
        return _tell(work, endpoint, health)
    return verdict


def _tell(work: Work, endpoint: WebhookEndpoint, health: EndpointHealth) -> Verdict:
    """Say once of each spell of failures that it has lasted a day."""
    since = health.failing_from(endpoint.counts_from)
    if endpoint.failing_since == since:
        return Verdict.NOTHING
    work.emit(EventType.WEBHOOK_ENDPOINT_FAILING, work.save(replace(endpoint, failing_since=since)))
    return Verdict.TELL


def disable(work: Work, endpoint: WebhookEndpoint, reason: DisabledReason) -> WebhookEndpoint:
    """The endpoint, to which nothing is sent any more; the tenant's other endpoints are told.

    What is emitted meanwhile is kept as skipped, and can be redelivered once the endpoint is enabled again.

    Args:
        endpoint: as this unit of work loaded it; one that is disabled already stays as it is.
    """
    if not endpoint.is_enabled:
        return endpoint
    disabled = replace(endpoint, status=EndpointStatus.DISABLED, disabled_reason=reason, disabled_at=work.now)
    saved = work.save(disabled)
    work.emit(EventType.WEBHOOK_ENDPOINT_DISABLED, saved)
    return saved
