"""Issue 14, number 6: a tenant's trial balance is read from its own ledger alone, page by page, and has a bound."""

from datetime import timedelta

import pytest

from billing.bootstrap import storage
from billing.domain.kernel.errors import Unprocessable
from billing.domain.trial_balance import TrialBalance
from billing.services.reports import trial_balance as reports
from tests.integration.payer import sale
from tests.integration.world import Tenant, World


def of(tenant: Tenant, most: int = reports.MOST_ENTRIES) -> TrialBalance:
    work = storage.units().begin(tenant.id)
    return reports.trial_balance(work, work.now + timedelta(seconds=1), most)


def test_a_sale_with_its_fee(tenant: Tenant) -> None:
    sale(tenant)
    found = of(tenant)
    assert {each.account.value: each.balance.micros for each in found.accounts} == {
        "receivable": 0, "revenue": -4_999_000, "cash": 4_999_000 - 175_000, "processing_fees": 175_000,
    }  # fmt: skip
    assert found.out_of_balance == {}


def test_another_tenant_sees_nothing_of_it(world: World, tenant: Tenant) -> None:
    sale(tenant)
    assert of(world.tenant()).accounts == ()


def test_pages_are_read_to_the_end(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    sale(tenant)
    sale(tenant)
    whole = of(tenant)
    monkeypatch.setattr(reports, "_PAGE", 1)
    assert (of(tenant).accounts, whole.entries) == (whole.accounts, 6)


def test_too_many_entries_are_refused_rather_than_added_up_in_part(tenant: Tenant) -> None:
    sale(tenant)
    assert of(tenant, most=3).entries == 3
    with pytest.raises(Unprocessable):
        of(tenant, most=2)
