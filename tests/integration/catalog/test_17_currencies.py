"""Issue 17, item 5: the digits of a currency are told, so that no browser has to guess them."""

from tests.integration.world import Tenant


def test_17_every_currency_is_there_once_with_its_digits(tenant: Tenant) -> None:
    """Chromium shows HUF and 15 others without decimals, and IQD too: 10.50 would be typed as 11."""
    answer = tenant.get("/v1/currencies")
    rows = {each["code"]: each for each in answer.data}
    assert list(rows) == sorted(rows)
    assert len(rows) == len(answer.data) > 150
    digits = {code: rows[code]["minorDigits"] for code in ("USD", "JPY", "HUF", "IQD", "KWD", "CLF")}
    assert digits == {"USD": 2, "JPY": 0, "HUF": 2, "IQD": 3, "KWD": 3, "CLF": 4}
    assert rows["USD"] == {
        "code": "USD", "minorDigits": 2, "chargeable": True, "chargeStep": 1_000, "chargeMinimum": 50_000,
    }  # fmt: skip
    assert (rows["KWD"]["chargeStep"], rows["MGA"]["chargeStep"]) == (10_000, 100_000)
    assert (rows["CLF"]["chargeable"], rows["CLF"]["chargeMinimum"]) == (False, 0)
    assert answer.json["meta"]["pagination"] == {"next_cursor": None, "has_more": False, "limit": len(rows)}


def test_17_each_is_one_that_a_customer_can_have(tenant: Tenant) -> None:
    for code in ("AED", "HUF", "ZWG"):
        assert tenant.post("/v1/customers", {"name": "A", "currency": code}).status == 201
    assert tenant.get("/v1/currencies", code="USD").status == 400
