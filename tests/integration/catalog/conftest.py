"""A tenant that sells."""

import pytest

from tests.integration.world import Tenant


@pytest.fixture
def shop(tenant: Tenant) -> Tenant:
    """A tenant with a plan."""
    tenant.plan()
    return tenant
