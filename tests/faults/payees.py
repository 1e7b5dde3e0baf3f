"""Providers that can be paid out, made beside the API: what onboarding is about has tests of its own.

Of a driver's process, which runs the product.
"""

from __future__ import annotations

from billing.bootstrap import connect, storage
from billing.domain.marketplace.provider import AccountOwner, PayoutInterval, PayoutSchedule, ProviderAccount
from billing.services.marketplace.payout_processor import NewAccount
from tests.faults import at_stripe


def onboarded(tenant_id: str) -> str:
    """Give a provider an account at Stripe that is ready, paid on request only; its id."""
    gateway = connect.connect_gateway()
    made = gateway.create_account(NewAccount(tenant_id, "US", "x@example.com", f"{tenant_id}:account"))
    assert at_stripe.control("POST", f"accounts/{made.id}/onboard", {}) == 200
    unit = storage.units().begin(tenant_id)
    on_request = PayoutSchedule(PayoutInterval.MANUAL)
    unit.save(ProviderAccount(tenant_id, "US", unit.now, account=gateway.account(made.id), schedule=on_request))
    unit.save(AccountOwner(made.id, tenant_id, unit.now))
    unit.commit()
    return made.id
