"""A walk through the reports, and the worker's comparison of Stripe's account with the ledger."""

from billing.bootstrap import storage
from billing.domain.tenant import PLATFORM
from billing.services.reports import reconciliation
from tests.integration.payer import intent, open_invoice, pay
from tests.integration.world import Tenant, World


def walk_reports(world: World, tenant: Tenant) -> None:
    """A payment that no webhook tells of, a payout of the platform's, and what is read of both."""
    unit = storage.units().begin(PLATFORM)
    reconciliation.found(unit, "00")
    unit.commit()
    # What the platform pays out has to be there, whatever the walks before have left.
    assert pay(world, intent(tenant, amount=5_000_000_000), "pm_card_bypassPending") == 200
    assert world.platform().get("/v1/reports/reconciliation").data["finishedAt"] is None
    world.stripe.v1.payouts.create({"amount": 1_000, "currency": "usd"})
    for _ in range(5):
        world.clock.advance(hours=3)
        world.work("00")
    assert world.platform().get("/v1/reports/reconciliation").data["finishedAt"] is not None
    assert tenant.get("/v1/reports/trial-balance").data["outOfBalance"] == {}
    assert tenant.get("/v1/reports/mrr").status == 200
    open_invoice(tenant)
    world.clock.advance(seconds=1)
    assert len(tenant.get("/v1/reports/aging").data["rows"]) == 1
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data["id"]
    assert tenant.get("/v1/reports/aging", testClock=clock).data["rows"] == []
