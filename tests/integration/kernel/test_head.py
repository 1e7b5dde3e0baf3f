"""Issue 11, number 23: HEAD answers as GET does, without a body; ``documentation_url`` leads to the stack's page."""

import re

import pytest

from tests.integration.described import DOCUMENT, FOR_PEOPLE, OF_PLATFORM
from tests.integration.world import Answer, Tenant, World, http_event, request

READS = [path for path, item in DOCUMENT["paths"].items() if "get" in item and not path.endswith(("/pdf", "/xml"))]
QUERY = {
    "/v1/tax/calculate": "currency=EUR&country=EE&amount=1000",
    "/v1/usage": "subscription=sub_1",
    "/v1/search": "q=ada",
}
QUERY |= {f"/v1/commerce/reports/providers{ext}": "year=2026" for ext in ("", ".csv")}


@pytest.fixture(scope="module")
def shop(world: World) -> Tenant:
    tenant = world.tenant()
    tenant.subscribe()
    tenant.data |= {"invoice_id": tenant.only_invoice()["id"], "payment_id": tenant.only_payment()["id"]}
    tenant.data |= {"tid": tenant.id, "customer_id": tenant.customer(), "plan_id": "business-monthly"}
    return tenant


def both(tenant: Tenant, path: str) -> tuple[Answer, Answer]:
    query = QUERY.get(path, "")
    for name in re.findall(r"{(\w+)}", path):
        path = path.replace(f"{{{name}}}", tenant.data.get(name, "nothing-1"))
    key = tenant.world.platform_key if path in OF_PLATFORM else tenant.key
    clock = tenant.world.clock
    clock.freeze(clock())  # names of files say the second, and a PDF when it was made
    get, head = (request(http_event(method, path, key=key, query=query)) for method in ("GET", "HEAD"))
    clock.reset()
    return get, head


@pytest.mark.parametrize("path", READS)
def test_head_has_the_status_and_the_headers_of_get_and_no_body(shop: Tenant, path: str) -> None:
    get, head = both(shop, path)
    # A page of which nothing is asked for, or by somebody who is nobody, says so.
    assert get.status in ((200, 400, 403, 404) if path.startswith(FOR_PEOPLE) else (200, 404))
    assert (head.status, head.content) == (get.status, b"")
    differ = {"X-Request-Id", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
    assert {n: v for n, v in head.headers.items() if n not in differ} == {
        n: v for n, v in get.headers.items() if n not in differ
    }


def test_head_is_refused_as_get_is(shop: Tenant) -> None:
    for path, query, key, status in (
        ("/v1/customers", "staus=x", shop.key, 400),
        ("/v1/customers", "", "llk_nobody", 401),
        ("/v1/tenants/other", "", shop.key, 403),
        ("/v1/nothing", "", shop.key, 404),
    ):
        answer = request(http_event("HEAD", path, key=key, query=query))
        assert (answer.status, answer.content) == (status, b"")


def test_head_is_counted_and_audited_under_its_own_name(world: World, shop: Tenant) -> None:
    answer = request(http_event("HEAD", "/v1/customers", key=shop.key))
    rows = [row for row in world.rows_of("audit", shop.id) if row["request_id"]["S"] == answer.headers["X-Request-Id"]]
    assert [(row["method"]["S"], row["route"]["S"], row["status"]["N"]) for row in rows] == [
        ("HEAD", "GET /v1/customers", "200")
    ]


def test_an_error_leads_to_the_stacks_own_page(shop: Tenant) -> None:
    """Under the name that was called; the page has a row with that id for every error of the catalogue."""
    made = http_event("GET", "/v1/customers/none", key=shop.key)
    made["requestContext"]["domainName"] = "billing.example.com"
    url = request(made).error["documentation_url"]
    assert url == "https://billing.example.com/docs#errors_resourcenot_found"
    page = request(http_event("GET", "/docs")).content
    assert b"docs/main.js" in page  # which shows the errors of the description, each under its anchor
    served = request(http_event("GET", "/openapi.json")).json
    assert "errors_resourcenot_found" in [each["anchor"] for each in served["x-errors"]]


def test_every_error_has_a_row_of_its_own() -> None:
    anchors = [each["anchor"] for each in DOCUMENT["x-errors"]]
    assert len(anchors) == len(set(anchors)) > 30
    assert all(re.fullmatch(r"errors_[a-z_]+", anchor) for anchor in anchors)
