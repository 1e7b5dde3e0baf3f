"""Issue 18: one payment and one dispute with the customer, in one call."""

import pytest

from tests.integration.payments.test_disputes import billed, dispute, only
from tests.integration.world import Tenant, World


@pytest.mark.parametrize("kind", ["payments", "disputes"])
def test_one_has_its_customer_where_that_is_asked_for(world: World, tenant: Tenant, kind: str) -> None:
    payment = billed(tenant)
    dispute(world, payment)
    world.deliver_all(tenant)
    found = payment if kind == "payments" else only(tenant)
    path = f"/v1/{kind}/{found['id']}"
    plain = tenant.get(path).data
    assert "customer" not in plain
    customer = tenant.get(f"/v1/customers/{found['customerId']}").data
    assert tenant.get(path, expand="customer").data == plain | {"customer": customer}
    assert tenant.get(f"/v1/{kind}", expand="customer").data == [plain | {"customer": customer}]
    assert tenant.get(path, expand="invoice").status == 400
