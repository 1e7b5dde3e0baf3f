"""Issue 15, item 8: a tenant that was stored when it had one data key is read with that one, and keeps it."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from billing.domain.kernel.errors import InvalidState
from billing.domain.tenant import MOST_DATA_KEYS, Tenant
from billing.storage.codec import decode, encode
from billing.storage.packing import unpack
from tests.support.engine import TENANT
from tests.support.invoices import AT
from tests.unit.storage.test_codec import FakeSealer

SEALER = FakeSealer()


def test_15_an_old_tenant_has_the_key_that_it_had() -> None:
    body = json.loads(unpack(encode(TENANT, SEALER, TENANT.id, "settings")))
    del body["later_keys"]
    old = decode(Tenant, json.dumps(body), SEALER, TENANT.id, "settings")
    assert old == TENANT
    assert old.data_keys == (TENANT.data_key,)


def test_15_a_rotated_tenant_comes_back_with_all_its_keys_in_their_order() -> None:
    rotated = TENANT.rotated("second", AT).rotated("third", AT + timedelta(days=1))
    stored = encode(rotated, SEALER, TENANT.id, "settings")
    assert decode(Tenant, stored, SEALER, TENANT.id, "settings") == rotated
    assert rotated.data_keys == (TENANT.data_key, "second", "third")
    assert replace(rotated, later_keys=()) == TENANT


def test_15_a_tenant_has_so_many_keys_that_its_item_stays_small() -> None:
    """A key as KMS wraps it is 250 characters: a hundred are 30 KB of the 400 that an item may have."""
    tenant = TENANT
    for _ in range(MOST_DATA_KEYS - 1):
        tenant = tenant.rotated("k" * 250, AT)
    assert len(encode(tenant, SEALER, TENANT.id, "settings")) < 40_000
    with pytest.raises(InvalidState, match="data key 100"):
        tenant.rotated("k", AT)
