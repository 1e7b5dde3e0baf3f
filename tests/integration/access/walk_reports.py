"""A walk through the reports, and the worker's comparison of Stripe's account with the ledger."""

import json
from typing import Any, get_args

import pytest

from billing.bootstrap import storage
from billing.domain.tenant import PLATFORM
from billing.schemas.reports.exports import ExportIn
from billing.services.reports import reconciliation
from tests.integration.payer import intent, open_invoice, pay
from tests.integration.reports.runs import at_most, steps_of
from tests.integration.reports.runs import work as work_reports
from tests.integration.world import Tenant, World
from tests.support.stripe_account import account


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
    _walk_runs(world, tenant)


def _walk_runs(world: World, tenant: Tenant) -> None:
    """Every report as a run and every export, in parts; the files of both, until they are taken away."""
    tenant.get("/v1/ledger/entries")
    world.clock.advance(days=40)
    tenant.subscribe()
    world.clock.advance(minutes=1)
    reports = ("reports/trial-balance", "reports/trial-balance.csv", "ledger/entries.csv")
    kinds: Any = ExportIn.model_fields["kind"].annotation
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
        patch.setattr("billing.services.reports.kept._WORTH_KEEPING", 1)
        at_most(patch, -1)
        made = [tenant.get(f"/v1/{name}").headers["Location"] for name in reports]
        made += [f"/v1/exports/{tenant.post('/v1/exports', {'kind': kind}).data['id']}" for kind in get_args(kinds)]
        world.clock.advance(seconds=1)
        with steps_of(patch, step_records=2, fold_records=2, part_bytes=200):
            for path in made:
                work_reports(world, path.rpartition("/")[2])
                assert tenant.get(path).data["state"] == "done"
                tenant.get(f"{path}/file")
    _walk_imports(world, tenant)
    tenant.get("/v1/reports/trial-balance")  # from what was kept
    world.clock.advance(days=8)
    work_reports(world, made[0].rpartition("/")[2])


def _walk_imports(world: World, tenant: Tenant) -> None:
    """A dry run of a text and of a file that is uploaded; the import, its file, until that is taken away."""
    tenant.post("/v1/imports", {"source": "stripe", "upload": True})
    text = "\n".join(json.dumps(each) for each in account(world.clock(), 4))
    dry = tenant.post("/v1/imports", {"source": "stripe", "data": text}).data["id"]
    world.clock.advance(seconds=1)
    work_reports(world, dry)
    made = tenant.post("/v1/imports", {"dryRun": False, "dryRunId": dry}).data["id"]
    world.clock.advance(seconds=1)
    work_reports(world, made)
    assert tenant.get(f"/v1/imports/{made}").data["verdicts"]["created"] == 4 + 5 + 4
    tenant.get(f"/v1/imports/{made}/file")
    _walk_saved_cards(world, tenant)
    world.clock.advance(days=2)
    work_reports(world, made)


def _walk_saved_cards(world: World, tenant: Tenant) -> None:
    """A customer of the account's own at Stripe, who is said to be this tenant's, and whose card comes along."""
    there = world.stripe.v1.customers.create({"metadata": {"ledgerline_tenant": tenant.id}, "email": "ada@example.com"})
    world.stripe.v1.payment_methods.attach("pm_card_visa", {"customer": there.id})
    text = json.dumps(there.to_dict())
    dry = tenant.post("/v1/imports", {"source": "stripe", "data": text, "savedCards": True}).data["id"]
    world.clock.advance(seconds=1)
    work_reports(world, dry)
    made = tenant.post("/v1/imports", {"dryRun": False, "dryRunId": dry}).data["id"]
    world.clock.advance(seconds=1)
    work_reports(world, made)
    assert tenant.get(f"/v1/imports/{made}").data["customersWithCards"] == 1
