"""Issue 15, found by schemathesis: If-Match on a route whose path names nothing, for a tenant has one such thing."""

import pytest

from billing.edge.http import if_match
from tests.integration.kernel.test_versions import refused, sent
from tests.integration.marketplace.connect import PATH, become
from tests.integration.world import Tenant


def test_15_a_providers_account_is_changed_by_its_version(tenant: Tenant) -> None:
    """There it crashed the function, with an answer of the gateway's and no row in the audit log."""
    assert sent(tenant, "PATCH", PATH, {"minimums": {"USD": 1_000_000}}, '"1"').status == 404
    become(tenant)
    read = tenant.get(PATH)
    assert read.headers["ETag"] == f'"{read.data["version"]}"'
    changed = sent(tenant, "PATCH", PATH, {"minimums": {"USD": 1_000_000}}, read.headers["ETag"])
    assert changed.status == 200, changed.json
    refused(sent(tenant, "PATCH", PATH, {"minimums": {"USD": 2_000_000}}, read.headers["ETag"]))
    assert tenant.get(PATH).data["minimums"] == {"USD": 1_000_000}
    assert sent(tenant, "PATCH", PATH, {"minimums": {}}, "1").bad_fields == {"If-Match": "must_be_an_etag"}
    assert sent(tenant, "PATCH", PATH, {"minimums": {}}, "*").status == 200


def test_15_whatever_fails_before_a_caller_is_let_in_is_answered_by_us(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a 500 in the API's shape, and a row; the next call goes on as ever."""

    def fails(_: str) -> None:
        raise StopIteration

    customer = tenant.customer()
    monkeypatch.setattr(if_match, "versions", fails)
    answer = sent(tenant, "PATCH", f"/v1/customers/{customer}", {"name": "One"}, '"1"')
    assert (answer.status, answer.error["code"]) == (500, "internal.error")
    assert answer.error["request_id"] == answer.headers["X-Request-Id"]
    rows = [row for row in tenant.world.rows_of("audit", tenant.id) if row["status"]["N"] == "500"]
    assert [row["route"]["S"] for row in rows] == ["PATCH /v1/customers/{customer_id}"]
    monkeypatch.undo()
    assert sent(tenant, "PATCH", f"/v1/customers/{customer}", {"name": "One"}, '"1"').status == 200
