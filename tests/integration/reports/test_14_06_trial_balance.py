"""Issue 14, number 6: the trial balance is made of the tenant's own ledger alone, to its end, and has a bound."""

import csv
import io
from dataclasses import replace

from billing.bootstrap import reports, storage, sweep
from billing.domain.reports.trial_balance import TrialBalance
from billing.services.reports.sources import Asked
from billing.services.reports.trial_balance import TrialBalanceReport
from tests.integration.payer import sale
from tests.integration.world import Json, Tenant, World

PATH = "/v1/reports/trial-balance"


def of(tenant: Tenant) -> Json:
    found: Json = tenant.get(PATH).data
    return found


def within(tenant: Tenant, most: int) -> TrialBalance | None:
    work, report = storage.units().begin(tenant.id), TrialBalanceReport()
    asked = Asked(work.now, "UTC")
    return replace(reports.reports(sweep.alarm()), most=most).read(work, asked, lambda read: report.found(asked, read))


def test_a_sale_with_its_fee(tenant: Tenant, world: World) -> None:
    sale(tenant)
    world.clock.advance(seconds=1)
    found = of(tenant)
    assert {each["account"]: each["balance"] for each in found["accounts"]} == {
        "receivable": 0, "revenue": -4_999_000, "cash": 4_999_000 - 175_000, "processing_fees": 175_000,
    }  # fmt: skip
    assert found["outOfBalance"] == {}


def test_what_is_posted_later_is_not_in_it(tenant: Tenant, world: World) -> None:
    world.clock.advance(seconds=1)
    before = world.clock()
    world.clock.advance(seconds=1)
    sale(tenant)
    world.clock.advance(seconds=1)
    assert tenant.get(PATH, asOf=before.isoformat()).data["accounts"] == []
    assert of(tenant)["entries"] == 3


def test_a_month_later_it_is_all_there_still(tenant: Tenant, world: World) -> None:
    sale(tenant)
    world.clock.advance(days=70)
    sale(tenant)
    world.clock.advance(seconds=1)
    assert of(tenant)["entries"] == 6


def test_another_tenant_sees_nothing_of_it(world: World, tenant: Tenant) -> None:
    sale(tenant)
    world.clock.advance(seconds=1)
    assert of(world.tenant())["accounts"] == []


def test_as_csv_amounts_are_decimals_of_their_currency(tenant: Tenant, world: World) -> None:
    sale(tenant)
    world.clock.advance(seconds=1)
    answer = tenant.get(f"{PATH}.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["account"], row["currency"], row["debit"], row["credit"], row["balance"]) for row in rows] == [
        ("receivable", "USD", "49.99", "49.99", "0.00"),
        ("revenue", "USD", "0.00", "49.99", "-49.99"),
        ("cash", "USD", "49.99", "1.75", "48.24"),
        ("processing_fees", "USD", "1.75", "0.00", "1.75"),
    ]


def test_too_many_entries_are_never_added_up_in_part(tenant: Tenant, world: World) -> None:
    sale(tenant)
    world.clock.advance(seconds=1)
    found = within(tenant, most=3)
    assert found is not None
    assert found.entries == 3
    assert within(tenant, most=2) is None
