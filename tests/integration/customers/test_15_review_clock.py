"""Issue 15, item 8: a customer whose test clock was deleted can be erased; nothing that is due there ever comes."""

from dataclasses import replace

from billing.bootstrap import storage
from billing.domain.kernel.due import Due
from billing.domain.subscriptions.subscription import Subscription
from billing.services.kernel.work import Ref
from tests.integration.customers.test_15_erasure import erase
from tests.integration.world import World


def test_15_what_waits_for_a_time_that_never_comes_holds_no_erasure_up(world: World) -> None:
    """An ended subscription's last usage is billed a while later by its clock; while there is one, it is waited for."""
    world.clock.reset()
    tenant = world.tenant()
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-15T00:00:00Z"}).data["id"]
    customer = tenant.customer(testClockId=clock)
    ended = tenant.subscribe(customerId=customer)
    assert tenant.post(f"/v1/subscriptions/{ended['id']}/cancel", {"atPeriodEnd": False}).status == 200
    unit = storage.units().begin(tenant.id)
    ref = Ref(Subscription, tenant.id, ended["id"])
    found = unit.load(ref).require(ref)
    unit.save(replace(found, due=Due(f"clock {clock}", found.created_at)))
    unit.commit()
    assert tenant.delete(f"/v1/customers/{customer}").status == 409
    assert tenant.delete(f"/v1/test-clocks/{clock}").status == 200
    assert erase(world, tenant, customer)["erasedAt"] is not None
