"""One key, one thing: a repeat gets the first answer and does nothing."""

import json
from typing import Any

import pytest

from tests.integration.world import Answer, Tenant, World, http_event, request

ADA = {"name": "Ada"}


def customers(tenant: Tenant) -> int:
    return len(tenant.get("/v1/customers", limit=100).data) - 1  # the tenant's own is there from the start


def test_a_repeat_gets_the_same_body_and_does_nothing(tenant: Tenant) -> None:
    first = tenant.post("/v1/customers", ADA, idempotency_key="k")
    again = tenant.post("/v1/customers", ADA, idempotency_key="k")
    assert (again.status, again.content) == (first.status, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert customers(tenant) == 1


def test_a_repeat_charges_nothing_and_asks_stripe_nothing(world: World, tenant: Tenant) -> None:
    tenant.plan()
    body = {"planId": "business-monthly", "quantities": {"seats": 100}, "paymentMethodId": "pm_card_visa"}
    first = tenant.post("/v1/subscriptions", body, idempotency_key="k")
    calls = len(world.sandbox.get("requests")["data"])
    again = tenant.post("/v1/subscriptions", body, idempotency_key="k")
    assert (again.status, again.content) == (201, first.content)
    assert len(world.sandbox.get("requests")["data"]) == calls
    assert len(world.intents(tenant)) == len(tenant.get("/v1/invoices").data) == 1


def test_the_clients_key_goes_to_stripe_as_a_prefix(world: World, tenant: Tenant) -> None:
    """The charge carries the key that the client chose, so that both sides can find it by that."""
    tenant.plan()
    body = {"planId": "business-monthly", "quantities": {"seats": 1}, "paymentMethodId": "pm_card_visa"}
    tenant.post("/v1/subscriptions", body, idempotency_key="order-17")
    (charged,) = [c for c in world.sandbox.calls("POST", "/v1/payment_intents") if tenant.id in c["idempotency_key"]]
    assert charged["idempotency_key"].startswith(f"order-17:{tenant.id}:invoice:")


def test_the_spelling_of_the_json_does_not_make_another_request(tenant: Tenant) -> None:
    first = tenant.post("/v1/customers", '{"name":"Ada","currency":"USD"}', idempotency_key="k")
    again = tenant.post("/v1/customers", '{ "currency": "USD",\n "name": "A\\u0064a" }', idempotency_key="k")
    assert again.content == first.content


@pytest.mark.parametrize("other", [{"name": "Grace"}, ADA | {"currency": "EUR"}])
def test_another_request_under_the_same_key_is_refused(tenant: Tenant, other: dict[str, str]) -> None:
    tenant.post("/v1/customers", ADA, idempotency_key="k")
    answer = tenant.post("/v1/customers", other, idempotency_key="k")
    assert (answer.status, answer.error["code"]) == (422, "idempotency.key_reused")
    assert customers(tenant) == 1


def test_a_key_belongs_to_its_route(tenant: Tenant) -> None:
    assert tenant.post("/v1/customers", ADA, idempotency_key="k").status == 201
    assert tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"}, idempotency_key="k").status == 201


def test_a_key_belongs_to_its_tenant(world: World, tenant: Tenant) -> None:
    other = world.tenant()
    first = tenant.post("/v1/customers", ADA, idempotency_key="k")
    second = other.post("/v1/customers", ADA, idempotency_key="k")
    assert (first.status, second.status) == (201, 201)
    assert first.data["id"] != second.data["id"]


@pytest.mark.parametrize("key", ["a", "~" * 255, "!order/17?"])
def test_visible_ascii_up_to_255_characters_is_a_key(tenant: Tenant, key: str) -> None:
    assert tenant.post("/v1/customers", ADA, idempotency_key=key).status == 201


@pytest.mark.parametrize(("hours", "fresh"), [(23.99, False), (24, True)])
def test_after_24_hours_a_key_is_new_again(world: World, tenant: Tenant, hours: float, fresh: bool) -> None:
    first = tenant.post("/v1/customers", ADA, idempotency_key="k")
    world.clock.advance(hours=hours)
    again = tenant.post("/v1/customers", ADA, idempotency_key="k")
    assert again.status == 201
    assert (again.data["id"] != first.data["id"]) is fresh
    assert ("Idempotent-Replayed" in again.headers) is not fresh


def test_an_error_of_the_use_case_is_not_stored(tenant: Tenant) -> None:
    """The plan may be there next time: nothing was decided."""
    body = {"planId": "business-monthly", "quantities": {"seats": 1}, "trialDays": 1}
    assert tenant.post("/v1/subscriptions", body, idempotency_key="k").status == 404
    tenant.plan()
    assert tenant.post("/v1/subscriptions", body, idempotency_key="k").status == 201


# A request that died between its two commits, and its retry


class Died(BaseException):
    """The worker was killed."""


def killed_before_the_charge(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, body: Any) -> None:
    """Commit 1 stands, Stripe was never asked."""
    from billing.integrations.stripe.gateway import StripeGateway

    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(StripeGateway, "charge", die)
        with pytest.raises(Died):
            tenant.post("/v1/subscriptions", body, idempotency_key="k")


@pytest.fixture
def died(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    world.clock.freeze(world.clock())  # a busy machine must not use up the lease
    tenant.plan()
    body = {"planId": "business-monthly", "quantities": {"seats": 2}, "paymentMethodId": "pm_card_visa"}
    killed_before_the_charge(world, tenant, monkeypatch, body)
    assert tenant.only_payment()["status"] == "pending"
    assert world.charges(tenant) == []
    return body


def test_a_retry_goes_on_from_the_first_commit(world: World, tenant: Tenant, died: dict[str, Any]) -> None:
    world.clock.advance(seconds=11)  # the dead run's lease is over
    answer = tenant.post("/v1/subscriptions", died, idempotency_key="k")
    assert (answer.status, answer.data["state"]) == (201, "active")
    assert len(world.charges(tenant)) == 1
    assert len(tenant.get("/v1/subscriptions").data) == len(tenant.get("/v1/payments").data) == 1
    assert tenant.post("/v1/subscriptions", died, idempotency_key="k").content == answer.content


def test_a_twin_of_a_run_that_is_undecided_waits_and_then_goes_on(
    world: World, tenant: Tenant, died: dict[str, Any]
) -> None:
    """The record's lease is 10 s: a twin waits 8 s for the first run, then says that it is at work."""
    answer = tenant.post("/v1/subscriptions", died, idempotency_key="k")
    assert (answer.status, answer.error["code"]) == (409, "idempotency.in_progress")
    assert int(answer.headers["Retry-After"]) > 0
    assert world.charges(tenant) == []
    world.clock.advance(seconds=int(answer.headers["Retry-After"]))
    assert tenant.post("/v1/subscriptions", died, idempotency_key="k").data["state"] == "active"


def test_another_request_under_the_key_of_an_undecided_one_is_refused(tenant: Tenant, died: dict[str, Any]) -> None:
    answer = tenant.post("/v1/subscriptions", died | {"quantities": {"seats": 3}}, idempotency_key="k")
    assert (answer.status, answer.error["code"]) == (422, "idempotency.key_reused")


def test_a_twin_that_commits_first_gives_both_the_same_answer(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests between load and commit at once: the second's condition fails, and it gets the first's answer."""
    from billing.services.catalog import plans

    answers: list[Answer] = []
    body = {
        "id": "p",
        "name": "P",
        "currency": "USD",
        "interval": "month",
        "components": [{"key": "base", "type": "flat", "unitAmount": 1000}],
    }
    slow = plans.create

    def twin_meanwhile(work: Any, new: Any) -> Any:
        made = slow(work, new)
        if not answers:
            monkeypatch.setattr(plans, "create", slow)
            answers.append(_nested(tenant, "/v1/plans", body))
        return made

    monkeypatch.setattr(plans, "create", twin_meanwhile)
    outer = tenant.post("/v1/plans", body, idempotency_key="k")
    assert (outer.status, outer.content) == (answers[0].status, answers[0].content) == (201, answers[0].content)
    assert outer.headers["Idempotent-Replayed"] == "true"


def _nested(tenant: Tenant, path: str, body: Any) -> Answer:
    """A request of another worker, while this one's is on its way."""
    from billing.edge.http import api

    mine = api._current.call
    try:
        return request(http_event("POST", path, key=tenant.key, idempotency_key="k", body=json.dumps(body)))
    finally:
        api._current.call = mine
