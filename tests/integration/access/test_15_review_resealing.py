"""Issue 15, item 8: the job that makes the index anew is cut off, and the data key rotated again before it goes on."""

from dataclasses import replace
from typing import Any

import pytest

from billing.bootstrap import resealing as bootstrap
from billing.storage.resealing import Resealing
from tests.integration.access.test_15_data_keys import EMAIL, found, rotate, row_of
from tests.integration.access.test_15_users import joined
from tests.integration.world import Tenant, World


def test_15_an_index_job_that_a_further_rotation_overtook_loses_nobody(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Customers are under the second key and users under the first when the third comes: all are found throughout."""
    job = replace(bootstrap.resealing(0.0), pause=world.clock.sleep)
    joined(world, tenant)
    customers = [tenant.customer(email=EMAIL) for _ in range(2)]
    rotate(tenant)
    with monkeypatch.context() as patch:
        patch.setattr(Resealing, "_users", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            job.index_anew(tenant.id)
    rotate(tenant)
    missing: list[str] = []
    plain = Resealing._replace

    def looking(self: Resealing, stored: Any, item: Any, values: Any) -> bool:
        missing.extend(set(customers) - set(found(tenant)))
        return plain(self, stored, item, values)

    with monkeypatch.context() as patch:
        patch.setattr(Resealing, "_replace", looking)
        job.index_anew(tenant.id)
    assert missing == []
    assert found(tenant) == customers[::-1]
    keys = {row_of(world, tenant, each)["email_key"]["S"] for each in customers}
    assert len(keys) == 1
    assert keys == {row_of(world, tenant, tenant.customer(email=EMAIL))["email_key"]["S"]}
    assert tenant.post("/v1/users", {"email": "ada@example.com", "role": "support"}).status == 409
    claims = [row for row in world.rows_of("access", tenant.id) if row["id"]["S"].startswith("email#")]
    assert len(claims) == 1
    assert job.index_anew(tenant.id) == 0
