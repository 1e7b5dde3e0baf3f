"""Issue 19, item 1: whoever dies while a change is made, the same form again goes on, and the money is taken once."""

import pytest

from tests.integration.portal.visitor import switch_on, visit
from tests.integration.webhooks.cuts import MODES, cut, every_cut
from tests.integration.world import World


@pytest.fixture(autouse=True)
def no_pauses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from billing.bootstrap import storage

    monkeypatch.setattr(storage.database(), "_pause", lambda _: None)


@pytest.mark.parametrize("mode", MODES)
def test_a_change_is_made_and_charged_once(world: World, mode: str) -> None:
    world.clock.reset()
    tenant = world.tenant()
    switch_on(tenant)

    def once(n: int) -> list[str]:
        customer = tenant.customer()
        subscription = tenant.subscribe(customerId=customer)
        visitor = visit(tenant, customer)
        address = f"/portal/subscriptions/{subscription['id']}/change"
        visitor.get(f"{address}?q.seats=110")
        form = visitor.fields(address)
        with cut(mode, n) as calls:
            visitor.post(address, form)
        world.clock.advance(seconds=11)  # so long a request is somebody's
        assert visitor.post(address, form).status == 303, (n, calls)
        assert visitor.follow().status == 200
        now = tenant.get(f"/v1/subscriptions/{subscription['id']}").data
        billed = tenant.get("/v1/invoices", customer=customer).data
        assert now["itemQuantities"] == {"seats": 110}, (n, calls)
        assert [each["status"] for each in billed] == ["paid", "paid"], (n, calls)
        charged = [each for each in world.charges(tenant) if each["metadata"]["invoice_id"] == billed[0]["id"]]
        assert [each["amount"] for each in charged] == [int(form["due"]) // 1_000], (n, calls)
        return calls

    assert every_cut(mode, once) >= 5
