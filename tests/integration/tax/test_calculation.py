"""GET /tax/calculate and /tax/jurisdictions, and what customers say of their tax."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.world import Answer, Json, Tenant, World

SELLER = {"line1": "Rosenthaler Str. 1", "city": "Berlin", "postalCode": "10119", "country": "DE"}
VAT_ID_FR = "FR40303265045"


@pytest.fixture
def german(world: World) -> Tenant:
    """A seller in Germany with the built-in table."""
    return world.tenant(address=SELLER, taxProvider="builtin", currency="EUR")


def calculate(tenant: Tenant, amount: int | list[int] = 100_000, **query: Any) -> Answer:
    return tenant.get("/v1/tax/calculate", **({"currency": "EUR", "country": "DE", "amount": amount} | query))


def taxes(shown: Json) -> list[tuple[str, str, int]]:
    return [(each["name"], each["ratePercent"], each["amount"]) for each in shown["taxes"]]


# What is due


def test_a_cart_is_taxed_item_by_item_and_as_a_whole(german: Tenant) -> None:
    shown = calculate(german, [100_000, 200_000, 49_000], taxCode=["standard", "reduced", ""]).data
    assert shown == {
        "currency": "EUR",
        "amount": 349_000,
        "tax": 42_000,
        "total": 391_000,
        "taxes": [
            {"name": "VAT", "ratePercent": "19", "amount": 28_000, "inclusive": False},
            {"name": "VAT", "ratePercent": "7", "amount": 14_000, "inclusive": False},
        ],
        "items": [
            _item(100_000, "19", 19_000),
            _item(200_000, "7", 14_000),
            _item(49_000, "19", 9_000),  # 9.31 cents
        ],
        "provider": "builtin",
        "jurisdiction": "DE",
        "reverseCharge": False,
        "notes": [],
    }


def _item(amount: int, rate: str, tax: int) -> Json:
    return {
        "amount": amount,
        "tax": tax,
        "total": amount + tax,
        "taxes": [{"name": "VAT", "ratePercent": rate, "amount": tax, "inclusive": False}],
    }


def test_an_inclusive_price_contains_its_tax(german: Tenant) -> None:
    shown = calculate(german, 119_000, taxBehavior="inclusive").data
    assert (shown["amount"], shown["tax"], shown["total"]) == (119_000, 19_000, 119_000)
    assert shown["taxes"][0]["inclusive"] is True


def test_a_business_abroad_with_a_valid_vat_id_accounts_for_the_tax_itself(german: Tenant) -> None:
    shown = calculate(german, country="FR", taxId=VAT_ID_FR).data
    assert (shown["tax"], shown["reverseCharge"], shown["notes"]) == (0, True, ["Reverse charge"])
    assert shown["jurisdiction"] == "FR"


@pytest.mark.parametrize(
    ("country", "tax_id", "rate"),
    [
        ("FR", "FR40303265046", "20"),  # a digit off
        ("FR", "DE136695976", "20"),  # valid, and another country's
        ("FR", "", "20"),
        ("DE", "DE136695976", "19"),  # at home it is taxed, whoever buys
        ("JP", "T7000012050002", "10"),  # Japan's scheme is not about what anybody can buy
    ],
)
def test_everybody_else_is_taxed(german: Tenant, country: str, tax_id: str, rate: str) -> None:
    query = {"taxId": tax_id} if tax_id else {}
    shown = calculate(german, country=country, currency="USD", **query).data
    assert shown["reverseCharge"] is False
    assert [each["ratePercent"] for each in shown["taxes"]] == [rate]


def test_a_tenant_without_an_address_cannot_be_abroad(world: World) -> None:
    tenant = world.tenant(taxProvider="builtin")
    assert calculate(tenant, country="FR", taxId=VAT_ID_FR).data["tax"] == 20_000


def test_states_may_be_written_as_people_write_them(german: Tenant) -> None:
    for state in ("QC", "qc", "Quebec", "CA-QC"):
        shown = calculate(german, country="CA", state=state, currency="CAD").data
        assert taxes(shown) == [("GST", "5", 5_000), ("QST", "9.975", 10_000)]
        assert shown["jurisdiction"] == "CA-QC"


def test_the_rate_is_that_of_the_day(world: World, german: Tenant) -> None:
    """Estonia: 22 % until 30 June 2025."""
    world.clock.freeze(datetime(2025, 6, 30, 23, 59, tzinfo=UTC))
    assert taxes(calculate(german, country="EE").data)[0][1] == "22"
    world.clock.freeze(datetime(2025, 7, 1, tzinfo=UTC))
    assert taxes(calculate(german, country="EE").data)[0][1] == "24"


def test_a_tenant_without_a_provider_sees_the_built_in_table(tenant: Tenant) -> None:
    shown = calculate(tenant, country="GB", currency="GBP").data
    assert (shown["provider"], shown["tax"]) == ("builtin", 20_000)


@pytest.mark.parametrize("name", ["stripe", "taxjar"])
def test_the_tenants_provider_is_asked(world: World, name: str) -> None:
    tenant = world.tenant(taxProvider=name)
    query = {"country": "US", "state": "CA", "postalCode": "90002", "currency": "USD"}
    shown = calculate(tenant, [10_000_000, 4_999_000], **query).data
    assert shown["provider"] == name
    assert shown["tax"] == 950_000 + sum(each["amount"] for each in shown["items"][1]["taxes"])
    assert shown["items"][0]["tax"] == 950_000


# What cannot be answered


@pytest.mark.parametrize(
    ("name", "path"), [("stripe", "/v1/tax/calculations"), ("taxjar", "/v2/taxes")], ids=["stripe", "taxjar"]
)
def test_a_provider_that_is_down_is_503_with_a_time_to_wait(world: World, name: str, path: str) -> None:
    tenant = world.tenant(taxProvider=name)
    world.stripe_fails("status", path, status=503)
    answer = calculate(tenant, country="FR")
    assert (answer.status, answer.error["code"]) == (503, "service.unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    world.stripe_works()
    assert calculate(tenant, country="FR").status == 200


@pytest.mark.parametrize(
    ("provider", "query"),
    [
        ("builtin", {"country": "BR"}),
        ("builtin", {"country": "US", "state": "PR"}),
        ("builtin", {"country": "US"}),
        ("builtin", {"country": "CA", "state": "Nowhere"}),
        ("stripe", {"country": "CU"}),
        ("taxjar", {"country": "US", "state": "NY", "postalCode": "90002"}),
    ],
)
def test_an_address_without_a_known_tax_is_422(world: World, provider: str, query: dict[str, str]) -> None:
    answer = calculate(world.tenant(taxProvider=provider), **query)
    assert (answer.status, answer.error["code"]) == (422, "billing.tax.jurisdiction_unsupported")


def test_every_bad_field_is_named(german: Tenant) -> None:
    answer = german.get(
        "/v1/tax/calculate",
        currency="EURO",
        country="Germany",
        amount=["ten", "100", "-1000", "500500"],
        taxBehavior="maybe",
        taxCode="a b",
    )
    assert answer.status == 400
    assert answer.bad_fields == {
        "currency": "unknown_currency",
        "country": "invalid_format",
        "amount.0": "must_be_an_integer",
        "amount.1": "sub_minor_unit",
        "amount.2": "too_small",
        "amount.3": "sub_minor_unit",
        "taxBehavior": "not_one_of_the_allowed_values",
        "taxCode.0": "invalid_format",
    }


def test_what_is_missing_is_named(german: Tenant) -> None:
    answer = german.get("/v1/tax/calculate")
    assert answer.bad_fields == dict.fromkeys(("currency", "country", "amount"), "missing_required_field")


def test_codes_are_as_many_as_amounts_or_one_for_all(german: Tenant) -> None:
    assert taxes(calculate(german, [100_000, 100_000], taxCode="reduced").data) == [("VAT", "7", 14_000)]
    answer = calculate(german, [1_000, 1_000, 1_000], taxCode=["reduced", "standard"])
    assert answer.bad_fields == {"taxCode": "must_be_as_many_as_amounts"}


def test_an_amount_that_no_card_can_be_charged_is_named(german: Tenant) -> None:
    """Cards take dinars to two decimals."""
    answer = calculate(german, [5_120_000, 5_125_000], currency="KWD")
    assert answer.bad_fields == {"amount.1": "not_chargeable_in_currency"}


def test_a_calculation_writes_nothing_but_its_audit_row(world: World, german: Tenant) -> None:
    calculate(german)
    world.writes.clear()
    calculate(german)
    assert len(world.writes) == 2  # its count and its audit row


# Jurisdictions


def test_jurisdictions_come_in_pages_by_code(german: Tenant) -> None:
    seen: list[Json] = []
    cursor: str | None = None
    while True:
        query = {"limit": 40} | ({"cursor": cursor} if cursor else {})
        page = german.get("/v1/tax/jurisdictions", **query)
        seen += page.data
        cursor = page.json["meta"]["pagination"]["next_cursor"]
        if cursor is None:
            break
    codes = [each["code"] for each in seen]
    assert codes == sorted(codes)
    assert len(codes) == 97
    assert sum(code.startswith("US-") for code in codes) == 51


def test_a_jurisdiction_has_its_rates_of_today_and_of_other_days(world: World, german: Tenant) -> None:
    world.clock.freeze(datetime(2026, 1, 15, tzinfo=UTC))
    (estonia,) = german.get("/v1/tax/jurisdictions", country="EE").data
    assert (estonia["name"], estonia["state"], estonia["reverseCharge"]) == ("Estonia", None, True)
    standard = [each for each in estonia["rates"] if each["category"] == "standard"]
    assert [(each["percent"], each["validFrom"], each["current"]) for each in standard] == [
        ("20", None, False),
        ("22", "2024-01-01", False),
        ("24", "2025-07-01", True),
    ]


@pytest.mark.parametrize("cursor", ["x", "bm90aGluZw==", "WyJERSIsICJERSJd", "WzEsIDJd", "5"])
def test_a_cursor_of_another_list_is_refused(german: Tenant, cursor: str) -> None:
    answer = german.get("/v1/tax/jurisdictions", cursor=cursor)
    assert answer.bad_fields == {"cursor": "invalid_cursor"}


def test_a_country_that_the_table_lacks_has_no_jurisdictions(german: Tenant) -> None:
    assert german.get("/v1/tax/jurisdictions", country="BR").data == []


# Customers


def test_a_customer_says_whether_it_is_exempt(tenant: Tenant) -> None:
    customer = tenant.customer()
    assert tenant.get(f"/v1/customers/{customer}").data["taxExempt"] == "none"
    changed = tenant.patch(f"/v1/customers/{customer}", {"taxExempt": "reverse"}).data
    assert changed["taxExempt"] == "reverse"
    assert tenant.patch(f"/v1/customers/{customer}", {"name": "Other"}).data["taxExempt"] == "reverse"
    bad = tenant.patch(f"/v1/customers/{customer}", {"taxExempt": "sometimes"})
    assert bad.bad_fields == {"taxExempt": "not_one_of_the_allowed_values"}
    assert tenant.get(f"/v1/customers/{tenant.customer(taxExempt='exempt')}").data["taxExempt"] == "exempt"


@pytest.mark.parametrize(
    ("country", "tax_id", "status"),
    [
        ("FR", VAT_ID_FR, "valid"),
        ("FR", "FR 40 303 265 045", "valid"),
        ("FR", "whatever", "invalid"),
        ("DE", VAT_ID_FR, "invalid"),
        ("US", "12-3456789", "unknown"),
        (None, VAT_ID_FR, "unknown"),
    ],
)
def test_a_tax_id_is_kept_as_it_was_given_and_shown_with_its_status(
    tenant: Tenant, country: str | None, tax_id: str, status: str
) -> None:
    address = {"address": {"country": country}} if country else {}
    shown = tenant.post("/v1/customers", {"name": "Acme", "taxId": tax_id, **address}).data
    assert (shown["taxId"], shown["taxIdStatus"]) == (tax_id, status)


def test_without_a_tax_id_there_is_no_status(tenant: Tenant) -> None:
    assert tenant.get(f"/v1/customers/{tenant.customer()}").data["taxIdStatus"] is None
