"""Issue 15, item 8: events about usage that was not counted are about several customers, and name none."""

from decimal import Decimal

from billing.bootstrap import storage
from billing.domain.kernel.event_types import EventType
from billing.domain.usage.event import Refusal, UsageEvent
from billing.domain.usage.rejection import RejectedEvent, UsageRejection
from tests.integration.customers.test_15_erasure import erase
from tests.integration.world import World


def test_15_what_rejected_usage_said_of_somebody_goes_from_its_event_and_nobody_elses_does(world: World) -> None:
    """Properties are no place for names; where there are some, they go from what is kept of the event, too."""
    world.clock.reset()
    tenant = world.tenant()
    customers = [tenant.customer() for _ in range(2)]
    mine, other = (tenant.subscribe(customerId=each)["id"] for each in customers)
    unit = storage.units().begin(tenant.id)
    events = tuple(
        RejectedEvent(
            UsageEvent(f"e{n}", each, "calls", Decimal(1), world.clock(), {"by": name}), Refusal.UNKNOWN_METER
        )
        for n, (each, name) in enumerate(((mine, "Vogelbeere"), (other, "Sanddorn")))
    )
    rejection = unit.save(UsageRejection("rej_1", tenant.id, events, world.clock()))
    event_id = unit.emit(EventType.USAGE_EVENTS_REJECTED, rejection)
    unit.commit()
    assert tenant.post(f"/v1/subscriptions/{mine}/cancel", {"atPeriodEnd": False}).status == 200
    assert erase(world, tenant, customers[0])["erasedAt"] is not None
    told = tenant.get(f"/v1/events/{event_id}").data["data"]["object"]["events"]
    assert [each["properties"] for each in told] == [{}, {"by": "Sanddorn"}]
