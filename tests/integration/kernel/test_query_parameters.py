"""Issue 11, number 21: an unknown query parameter is refused by name, and never answered with the whole list."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.described import DOCUMENT, FOR_PEOPLE, OF_PLATFORM
from tests.integration.world import Answer, Tenant, World, http_event, request

ROUTES = [
    (method.upper(), path, frozenset(p["name"] for p in operation.get("parameters", []) if p.get("in") == "query"))
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in ("get", "post", "patch", "delete") and not path.startswith(("/webhooks", "/.well-known/", *FOR_PEOPLE))
]
"""Of OAuth's routes RFC 6749, 3.1 wants the opposite: what is not known there is ignored; and mail programs add their
own to a payer's links."""


@pytest.fixture(scope="module")
def seller(world: World) -> Tenant:
    """A tenant with invoices in two currencies, of two plans."""
    tenant = world.tenant()
    tenant.plan()
    euros = tenant.customer(currency="EUR")
    tenant.plan(id="business-euro", currency="EUR")
    tenant.data |= {"dollars": tenant.customer(), "euros": euros}
    for customer, plan in ((tenant.data["dollars"], "business-monthly"), (euros, "business-euro")):
        tenant.subscribe(customerId=customer, planId=plan)
    return tenant


def sent(tenant: Tenant, method: str, path: str, query: str) -> Answer:
    key = tenant.world.platform_key if path.endswith(OF_PLATFORM) else tenant.key
    path = re.sub(r"\{[^}]*\}", "x", path.replace("{tid}", tenant.id))
    return request(http_event(method, path, key=key, idempotency_key="query", query=query))


@pytest.mark.parametrize(("method", "path", "known"), ROUTES)
def test_every_route_refuses_what_it_has_not_and_names_it(
    seller: Tenant, method: str, path: str, known: frozenset[str]
) -> None:
    """Two at once, one of them empty, beside what else is wrong; under the other spelling of the path, too."""
    for root in ("", "/api") if path.startswith("/v1") else ("",):
        answer = sent(seller, method, root + path, "staus=void&x_y=")
        assert answer.status == 400
        bad = answer.bad_fields
        assert (bad.pop("staus"), bad.pop("x_y")) == ("unknown_parameter", "unknown_parameter")
        assert set(bad) <= {"body", *known, *_required_fields(method, path)}


def _required_fields(method: str, path: str) -> list[str]:
    body = DOCUMENT["paths"][path][method.lower()].get("requestBody", {})
    reference = body.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    return list(DOCUMENT["components"]["schemas"].get(reference.rpartition("/")[2], {}).get("required", []))


@pytest.mark.parametrize(("method", "path", "known"), [route for route in ROUTES if route[2]])
def test_no_route_refuses_what_the_document_has(seller: Tenant, method: str, path: str, known: frozenset[str]) -> None:
    bad = sent(seller, method, path, "&".join(f"{name}=%00" for name in sorted(known))).json
    assert not any(each["reason"] == "unknown_parameter" for each in bad.get("error", {}).get("details", []))


def test_a_stranger_learns_nothing_of_parameters() -> None:
    answer = request(http_event("GET", "/v1/invoices", key="llk_nobody", query="staus=void"))
    assert (answer.status, answer.error["details"]) == (401, [])


@pytest.mark.parametrize(
    ("path", "query"),
    [("/v1/customers", {"email": ""}), ("/v1/invoices", {"customer": ""}), ("/v1/invoices", {"number": ""}),
     ("/v1/payments", {"order": ""}), ("/v1/subscriptions", {"plan": ""}), ("/v1/disputes", {"payment": ""})],
)  # fmt: skip
def test_an_empty_filter_is_not_everything(seller: Tenant, path: str, query: dict[str, str]) -> None:
    assert seller.get(path, **query).bad_fields == dict.fromkeys(query, "too_short")


@pytest.mark.parametrize(
    ("path", "query"),
    [("/v1/invoices", {"status": "viod"}), ("/v1/payments", {"status": "paid"}), ("/v1/disputes", {"status": "open"}),
     ("/v1/subscriptions", {"state": "cancelled"}), ("/v1/tenants/{tid}/subscriptions", {"state": "ACTIVE"})],
)  # fmt: skip
def test_a_state_that_does_not_exist_is_refused(seller: Tenant, path: str, query: dict[str, str]) -> None:
    answer = seller.get(path.replace("{tid}", seller.id), **query)
    assert answer.bad_fields == dict.fromkeys(query, "not_one_of_the_allowed_values")


def test_a_parameter_that_is_there_twice_is_refused(seller: Tenant) -> None:
    assert seller.get("/v1/invoices", customer=["a", "b"]).bad_fields == {"customer": "must_be_a_string"}


# The filters


def ids(answer: Answer) -> list[str]:
    return [each["id"] for each in answer.data]


@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/tenants/{tid}/invoices"])
def test_invoices_are_found_by_their_number(seller: Tenant, path: str) -> None:
    path = path.replace("{tid}", seller.id)
    for invoice in seller.get(path).data:
        assert ids(seller.get(path, number=invoice["number"])) == [invoice["id"]]
        assert ids(seller.get(path, number=invoice["number"], customer=invoice["customerId"])) == [invoice["id"]]
        assert ids(seller.get(path, number=invoice["number"], status="void")) == []
    assert ids(seller.get(path, number="ACME-999999")) == []


def test_anothers_number_is_nobodys(world: World, seller: Tenant) -> None:
    (first, *_) = seller.get("/v1/invoices").data
    assert ids(world.tenant().get("/v1/invoices", number=first["number"])) == []


@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/payments", "/v1/customers"])
def test_lists_are_filtered_by_currency(seller: Tenant, path: str) -> None:
    every = seller.get(path).data
    for currency in ("USD", "EUR"):
        found = seller.get(path, currency=currency).data
        assert found == [each for each in every if each["currency"] == currency]
        assert found
    assert seller.get(path, currency="JPY").data == []
    assert seller.get(path, currency="euro").bad_fields == {"currency": "unknown_currency"}


def test_subscriptions_are_filtered_by_plan(seller: Tenant) -> None:
    (euro,) = seller.get("/v1/subscriptions", plan="business-euro").data
    assert (euro["planId"], euro["customerId"]) == ("business-euro", seller.data["euros"])
    assert seller.get("/v1/subscriptions", plan="business-euro", customer=seller.data["dollars"]).data == []
    assert seller.get("/v1/subscriptions", plan="none").data == []


def _bounds(at: str) -> tuple[str, str]:
    moment = datetime.fromisoformat(at)
    return moment.isoformat(), (moment + timedelta(microseconds=1)).isoformat()


def test_lists_are_filtered_by_the_time_of_creation(seller: Tenant) -> None:
    payment = seller.get("/v1/payments").data[0]
    seller.post(f"/v1/payments/{payment['id']}/refund", {"amount": 1_000_000})
    seller.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"})
    lists = ["/v1/customers", "/v1/subscriptions", "/v1/invoices", "/v1/payments", "/v1/test-clocks",
             f"/v1/payments/{payment['id']}/refunds", f"/v1/invoices/{payment['invoiceId']}/credit-notes"]  # fmt: skip
    for path in lists:
        every: list[Any] = seller.get(path).data
        assert every, path
        for each in every:
            start, after = _bounds(each["createdAt"])
            assert each in seller.get(path, from_=start, to=after).data, path
            assert each not in seller.get(path, from_=after).data, path
            assert each not in seller.get(path, to=start).data, path
        assert seller.get(path, from_="2026-11-22 00:00:00Z").bad_fields == {"from": "must_be_a_time"}


def test_a_filter_is_a_part_of_the_cursor(seller: Tenant) -> None:
    cursor = seller.get("/v1/invoices", limit=1).json["meta"]["pagination"]["next_cursor"]
    assert seller.get("/v1/invoices", limit=1, cursor=cursor).status == 200
    assert seller.get("/v1/invoices", limit=1, currency="EUR", cursor=cursor).bad_fields == {"cursor": "invalid_cursor"}
