"""A walk through search: a text of every form that it knows."""

from tests.integration.world import Tenant


def walk_search(tenant: Tenant) -> None:
    """Each form of a text, found; and what else reads no tenant's table."""
    customer = tenant.customer(externalId="crm-1")
    subscription = tenant.subscribe(customerId=customer, externalId="ws-1")
    invoice, payment = tenant.only_invoice(), tenant.only_payment()
    note = tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 1_000_000, "reason": "goodwill"}).data
    found = (
        invoice["number"], note["number"], "crm-1", "ws-1", payment["paymentIntentId"], payment["paymentMethodId"],
        "zoe@example.com", "example.com", "zoe", "business-monthly", payment["id"],
        *(each[:-3] for each in (customer, subscription["id"], invoice["id"], note["id"], payment["id"])),
    )  # fmt: skip
    for text in found:
        assert tenant.get("/v1/search", q=text).data != [], text
    for text in ("re_0000000", "dp_0000000", "ord_0000000", "cus_NffrFeUfNV2Hib", "4711"):
        assert tenant.get("/v1/search", q=text).data == []
    for kind in ("re", "dp", "ord"):
        assert tenant.get("/v1/search", q=f"{kind}_01ARZ3NDEKTSV4RRFFQ69G5FAV").data == []
    assert tenant.get("/v1/currencies").status == 200
