"""A customer on the wall clock, as they come into the portal."""

import pytest

from tests.integration.world import Json, Tenant


@pytest.fixture
def customer(tenant: Tenant) -> str:
    return tenant.customer()


@pytest.fixture
def subscription(tenant: Tenant, customer: str) -> Json:
    return tenant.subscribe(customerId=customer)
