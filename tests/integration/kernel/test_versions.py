"""Issue 11, number 23: two callers who change the same thing do not undo each other's change unseen (If-Match)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.customers.customer import Customer
from billing.services.kernel.work import Ref
from billing.storage.unit_of_work import UnitOfWork
from tests.integration.world import Answer, Json, Tenant, World

CHANGES: dict[str, tuple[str, Json, Json]] = {
    "customer": ("/v1/customers/{customer}", {"name": "One"}, {"email": "two@example.com"}),
    "plan": ("/v1/plans/business-monthly", {"name": "One"}, {"name": "Two"}),
    "meter": ("/v1/meters/api_calls", {"name": "One"}, {"name": "Two"}),
    "tenant": ("/v1/tenants/{tenant}", {"name": "One"}, {"name": "Two"}),
    "subscription": (
        "/v1/subscriptions/{subscription}",
        {"quantities": {"seats": 120}, "prorationBehavior": "invoice_now"},
        {"metadata": {"two": "x"}},
    ),
    "invoice": ("/v1/invoices/{invoice}", {"metadata": {"one": "x"}}, {"metadata": {"two": "x"}}),
}


@pytest.fixture
def shop(tenant: Tenant) -> Tenant:
    """A tenant with one of each thing that can be changed."""
    tenant.plan()
    tenant.meter()
    customer = tenant.customer()
    draft = tenant.post("/v1/invoices", {"customerId": customer, "lines": [{"description": "Work", "amount": 5000}]})
    subscription = tenant.subscribe(customerId=customer)
    tenant.data |= {"customer": customer, "invoice": draft.data["id"], "subscription": subscription["id"]}
    tenant.data["tenant"] = tenant.id
    return tenant


def sent(tenant: Tenant, method: str, path: str, body: Any, if_match: str, key: str | None = None) -> Answer:
    headers = {"if-match": if_match}
    if method == "PATCH":
        return tenant._write("PATCH", path, body, key, headers)
    return tenant.post(path, body, idempotency_key=key, headers=headers)


def refused(answer: Answer) -> None:
    assert (answer.status, answer.error["code"]) == (412, "resource.version_mismatch"), answer.json
    assert "ETag" not in answer.headers


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_an_old_version_is_refused_and_changes_nothing(world: World, shop: Tenant, what: str) -> None:
    template, first, second = CHANGES[what]
    path = template.format_map(shop.data)
    read = shop.get(path)
    assert read.headers["ETag"] == f'"{read.data["version"]}"'
    changed = sent(shop, "PATCH", path, first, read.headers["ETag"])
    assert changed.status == 200, changed.json
    assert changed.headers["ETag"] == f'"{changed.data["version"]}"' == shop.get(path).headers["ETag"]
    assert changed.headers["ETag"] != read.headers["ETag"]
    kept, charges = shop.get(path).data, len(world.intents(shop))
    world.writes.clear()
    refused(sent(shop, "PATCH", path, second, read.headers["ETag"]))
    assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]
    assert shop.get(path).data == kept
    assert len(world.intents(shop)) == charges
    assert sent(shop, "PATCH", path, second, changed.headers["ETag"]).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/subscriptions/{subscription}/cancel", {}), ("/v1/subscriptions/{subscription}/preview", {"quantities": {}}),
     ("/v1/invoices/{invoice}/finalize", None), ("/v1/invoices/{invoice}/void", None),
     ("/v1/plans/business-monthly/archive", None)],
)  # fmt: skip
def test_so_is_what_else_is_done_to_it(shop: Tenant, path: str, body: Any) -> None:
    path = path.format_map(shop.data)
    refused(sent(shop, "POST", path, body, '"999"'))
    thing = path.rpartition("/")[0]
    assert sent(shop, "POST", path, body, shop.get(thing).headers["ETag"]).status in (200, 400)


@pytest.mark.parametrize("tag", ["*", '"{v}"', '"999", "{v}"', ' "{v}" ,"1000"'])
def test_any_of_several_tags_will_do(shop: Tenant, tag: str) -> None:
    path = f"/v1/customers/{shop.data['customer']}"
    version = shop.get(path).data["version"]
    assert sent(shop, "PATCH", path, {"name": "A"}, tag.replace("{v}", str(version))).status == 200


@pytest.mark.parametrize("tag", ['W/"{v}"', '"0{v}"', '"+{v}"', '"{v}.0"', '""', '"x"', '"999"'])
def test_a_weak_tag_and_one_that_is_no_version_match_nothing(shop: Tenant, tag: str) -> None:
    path = f"/v1/customers/{shop.data['customer']}"
    version = shop.get(path).data["version"]
    refused(sent(shop, "PATCH", path, {"name": "A"}, tag.replace("{v}", str(version))))


@pytest.mark.parametrize("tag", ["5", "", ",", '"5', "'5'", 'w/"5"', '"5" "6"', '"5",'])
def test_what_is_no_tag_is_refused_by_name(shop: Tenant, tag: str) -> None:
    path = f"/v1/customers/{shop.data['customer']}"
    assert sent(shop, "PATCH", path, {"name": "A"}, tag).bad_fields == {"If-Match": "must_be_an_etag"}


def test_a_route_that_does_not_look_at_it_says_so(shop: Tenant) -> None:
    answer = sent(shop, "POST", "/v1/customers", {"name": "A"}, '"1"')
    assert answer.bad_fields == {"If-Match": "not_on_this_route"}


def test_what_is_not_there_is_not_found(shop: Tenant) -> None:
    assert sent(shop, "PATCH", "/v1/customers/cus_0", {"name": "A"}, '"1"').status == 404


def test_a_replay_is_the_first_answer_with_its_tag(shop: Tenant) -> None:
    """The version has moved on by then; what was done once under a key is not done again, and not refused either."""
    path = f"/v1/customers/{shop.data['customer']}"
    tag = shop.get(path).headers["ETag"]
    first = sent(shop, "PATCH", path, {"name": "A"}, tag, key="once")
    assert shop.patch(path, {"name": "B"}).status == 200
    again = sent(shop, "PATCH", path, {"name": "A"}, tag, key="once")
    assert (again.status, again.content, again.headers["ETag"]) == (200, first.content, first.headers["ETag"])
    assert again.headers["Idempotent-Replayed"] == "true"
    for other in ('"999"', "*"):
        answer = sent(shop, "PATCH", path, {"name": "A"}, other, key="once")
        assert (answer.status, answer.error["code"]) == (422, "idempotency.key_reused")


def test_who_loses_a_race_under_it_is_refused_and_not_run_again(
    world: World, shop: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both read version n; the second loses at the commit, loads n + 1, and is told instead of overwriting it."""
    path = f"/v1/customers/{shop.data['customer']}"
    tag = shop.get(path).headers["ETag"]
    commit: Callable[..., None] = UnitOfWork.commit
    ref = Ref(Customer, shop.id, shop.data["customer"])
    raced: list[int] = []

    def late(unit: UnitOfWork, *args: Any) -> None:
        if not raced:
            raced.append(1)
            other = storage.units().begin(shop.id)
            other.save(replace(other.load(ref).require(ref), name="First"))
            commit(other)
        commit(unit, *args)

    monkeypatch.setattr(UnitOfWork, "commit", late)
    refused(sent(shop, "PATCH", path, {"name": "Second"}, tag))
    assert shop.get(path).data["name"] == "First"


def test_the_platforms_tag_is_of_the_tenant_that_it_changes(world: World, shop: Tenant) -> None:
    path = f"/v1/tenants/{shop.id}"
    tag = shop.get(path).headers["ETag"]
    assert sent(world.platform(), "PATCH", path, {"tier": "enterprise"}, tag).status == 200
    refused(sent(world.platform(), "PATCH", path, {"tier": "standard"}, tag))


def test_lists_and_refusals_have_no_tag(shop: Tenant) -> None:
    for answer in (shop.get("/v1/customers"), shop.get("/v1/customers/cus_0"), shop.patch("/v1/customers/cus_0", {})):
        assert "ETag" not in answer.headers
