"""Issue 16: what one target of an endpoint does says nothing of the next one that its tenant points it to."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from billing.domain.webhooks.delivery import DeliveryState
from billing.domain.webhooks.endpoint import EndpointStatus, WebhookEndpoint
from billing.domain.webhooks.health import EndpointHealth
from billing.services.webhooks.endpoints import Ground, WebhookEndpoints
from billing.services.webhooks.sending import Outcome
from billing.services.webhooks.transport import Answer, Reason
from tests.support.sending import BROKEN, ENDPOINT_ID, NOW, OK, Receiver, Stage

GONE = Answer(40, 410, Reason.STATUS)


class Public:
    """Every name is public."""

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        return ("8.8.8.8",)


class Health:
    def of(self, tenant_id: str, endpoint_ids: list[str]) -> dict[str, EndpointHealth]:
        return {each: EndpointHealth() for each in endpoint_ids}


def patch(stage: Stage, **changes: Any) -> None:
    """What the route does."""
    stage.units.now = stage.now
    unit = stage.units.begin(stage.endpoint.tenant_id)
    WebhookEndpoints(Public(), Health(), Ground("", ""), lambda: "").update(unit, ENDPOINT_ID, changes)
    unit.commit()


def meanwhile(stage: Stage, answer: Answer, *changes: dict[str, Any]) -> None:
    """The receiver answers; while the attempt was under way the tenant made these changes."""

    class Slow(Receiver):
        def send(self, parcel):
            for each in changes:
                stage.now += timedelta(milliseconds=1)
                patch(stage, **each)
            return super().send(parcel)

    stage.receiver = Slow(answer)


def endpoint(stage: Stage) -> WebhookEndpoint:
    (found,) = stage.units.of(WebhookEndpoint)
    return found


def test_16_a_410_of_the_old_address_does_not_disable_the_new_one() -> None:
    """And the event is not lost to the new one: it is tried again, there."""
    stage = Stage()
    meanwhile(stage, GONE, {"url": "https://new.example/"})
    assert stage.send().outcome is Outcome.FAILED
    assert endpoint(stage).status is EndpointStatus.ENABLED
    assert stage.delivery.state is DeliveryState.PENDING
    stage.receiver = Receiver(OK)
    stage.alarm()
    assert stage.receiver.got[0].endpoint.url == "https://new.example/"
    assert stage.delivery.state is DeliveryState.SUCCEEDED


def test_16_a_410_of_before_an_endpoint_was_enabled_again_does_not_disable_it() -> None:
    stage = Stage()
    disabled, enabled = ({"status": each} for each in (EndpointStatus.DISABLED, EndpointStatus.ENABLED))
    meanwhile(stage, GONE, disabled, enabled)
    stage.send()
    assert (endpoint(stage).status, stage.delivery.state) == (EndpointStatus.ENABLED, DeliveryState.PENDING)


def test_16_a_410_beside_another_change_disables() -> None:
    stage = Stage()
    meanwhile(stage, GONE, {"description": "another one"})
    stage.send()
    assert (endpoint(stage).status, stage.delivery.state) == (EndpointStatus.DISABLED, DeliveryState.SKIPPED)


def test_16_five_days_of_failures_of_the_old_address_do_not_disable_the_new_one() -> None:
    """Not by an attempt at the old one that ends after the change, and not by the first failure of the new one."""
    stage = Stage(now=NOW + timedelta(days=5, hours=1))
    recent = (stage.now - timedelta(hours=20), stage.now - timedelta(hours=1))
    stage.health.now = EndpointHealth(failing_since=NOW, last_failure_at=NOW, failed_events=recent)
    meanwhile(stage, BROKEN, {"url": "https://new.example/"})
    stage.send()
    stage.receiver = Receiver(BROKEN)
    stage.alarm()
    assert endpoint(stage).status is EndpointStatus.ENABLED
    assert stage.units.events == []


def test_16_five_days_at_one_address_disable_whatever_else_is_changed() -> None:
    stage = Stage(now=NOW + timedelta(days=5, hours=1))
    recent = (stage.now - timedelta(hours=20), stage.now - timedelta(hours=1))
    stage.health.now = replace(EndpointHealth(failing_since=NOW, last_failure_at=NOW), failed_events=recent)
    meanwhile(stage, BROKEN, {"url": stage.endpoint.url, "description": "the same"})
    stage.send()
    assert endpoint(stage).status is EndpointStatus.DISABLED
