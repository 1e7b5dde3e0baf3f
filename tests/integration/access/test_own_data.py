"""The tenant's own personal data."""

import json

from tests.integration.access.test_privacy import readable
from tests.integration.world import Json, World

SELLER: Json = {
    "legalName": "Kranichfeder Handelsgesellschaft",
    "address": {"line1": "Amselweg 99", "city": "Unterlaufingen", "postalCode": "94229", "country": "AT"},
    "taxId": "ATU12345678",
    "email": "rechnungen@kranichfeder.example",
}


def test_the_tenants_own_personal_data_is_in_no_table_in_clear(world: World) -> None:
    tenant = world.tenant(**SELLER)
    shown = tenant.get(f"/v1/tenants/{tenant.id}").data
    tenant.subscribe()
    stored = json.dumps({table: world.rows(table) for table in world.tables}, ensure_ascii=False)
    assert tenant.id in stored
    for secret in ("Kranichfeder", "Amselweg", "Unterlaufingen", "ATU12345678", "rechnungen@", "kranichfeder.example"):
        assert not readable(stored, secret), secret
    assert {name: shown[name] for name in ("legalName", "taxId", "email")} == {
        name: SELLER[name] for name in ("legalName", "taxId", "email")
    }
    assert shown["address"] == {"line2": None, "state": None, **SELLER["address"]}
    assert tenant.only_invoice()["seller"]["name"] == SELLER["legalName"]
