"""Issue 16: fifty endpoints and never fifty-one; which stacks let events go to a bus, or to their own machine."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.webhooks.receivers import URL, endpoint, names_known
from tests.integration.world import Tenant, World

BUS = "arn:aws:events:us-east-1:111122223333:event-bus/ledgerline"
OURS = "999988887777"


@pytest.fixture(scope="module")
def acme(world: World) -> Iterator[Tenant]:
    with names_known():
        yield world.tenant()


def roster(tenant: Tenant) -> tuple[Any, Any]:
    """A unit of work of a tenant's, and the roster that it loaded."""
    from billing.bootstrap import storage
    from billing.domain.webhooks.endpoint import ROSTER_ID, WebhookRoster
    from billing.services.kernel.work import Ref

    work = storage.units().begin(tenant.id)
    ref = Ref(WebhookRoster, tenant.id, ROSTER_ID)
    return work, work.load(ref).require(ref)


def test_16_a_tenant_has_fifty_endpoints_and_never_fifty_one(acme: Tenant) -> None:
    """The last place is taken by one of two that were made at once; the other finds none left."""
    from billing.domain.kernel.errors import EndpointLimitReached, LostRace
    from billing.services.webhooks.endpoints import NewEndpoint
    from functions.webhooks.handler import endpoints

    made = endpoint(acme)
    work, found = roster(acme)
    work.save(replace(found, endpoint_ids=(made["id"], *(f"we_{n}" for n in range(48)))))
    work.commit()
    one, other = (roster(acme)[0] for _ in range(2))
    new = NewEndpoint(event_types=("*",), url="https://8.8.8.8/")
    for each in (one, other):
        endpoints.create(each, new, "1.0")
    one.commit()
    with pytest.raises(LostRace):
        other.commit()
    other.restart()
    with pytest.raises(EndpointLimitReached):
        endpoints.create(other, new, "1.0")
    refused = acme.post("/v1/webhook-endpoints", {"url": URL, "eventTypes": ["*"]})
    assert (refused.status, refused.error["code"]) == (422, "webhook_endpoint.limit_reached")
    assert acme.delete(f"/v1/webhook-endpoints/{made['id']}").status == 200
    assert acme.post("/v1/webhook-endpoints", {"url": URL, "eventTypes": ["*"]}).status == 201


def test_16_an_endpoint_that_is_deleted_meanwhile_is_not_written_again(world: World) -> None:
    """A change, a test and a second deletion that loaded it before: none of them brings it back."""
    from billing.bootstrap import storage
    from billing.domain.kernel.errors import LostRace, NotFound
    from functions.webhooks.handler import endpoints

    with names_known():
        tenant = world.tenant()
        made = endpoint(tenant)
        late = [storage.units().begin(tenant.id) for _ in range(2)]
        endpoints.update(late[0], made["id"], {"description": "late"})
        endpoints.delete(late[1], made["id"])
        assert tenant.delete(f"/v1/webhook-endpoints/{made['id']}").status == 200
    for each in late:
        with pytest.raises(LostRace):
            each.commit()
        each.restart()
        with pytest.raises(NotFound):
            endpoints.delete(each, made["id"])
    assert tenant.get("/v1/webhook-endpoints").data == []


def test_16_a_bus_is_refused_where_the_stack_has_none(world: World) -> None:
    answer = world.tenant().post("/v1/webhook-endpoints", {"eventBusArn": BUS, "eventTypes": ["*"]})
    assert (answer.status, answer.bad_fields) == (400, {"eventBusArn": "not_enabled"})


def test_16_scenario_42_a_bus_of_another_account_is_taken_and_ours_is_not(world: World) -> None:
    tenant = world.tenant()
    with names_known(event_buses=True, own_account=OURS, region="us-east-1"):
        made = tenant.post("/v1/webhook-endpoints", {"eventBusArn": BUS, "eventTypes": ["*"]}).data
        assert (made["eventBusArn"], made["url"], made["secret"]) == (BUS, None, None)
        ours = BUS.replace("111122223333", OURS)
        path = f"/v1/webhook-endpoints/{made['id']}"
        again = tenant.post("/v1/webhook-endpoints", {"eventBusArn": ours, "eventTypes": ["*"]})
        for answer in (again, tenant.patch(path, {"eventBusArn": ours})):
            assert answer.bad_fields == {"eventBusArn": "own_account"}
        far = BUS.replace("us-east-1", "eu-west-1")
        assert tenant.patch(path, {"eventBusArn": far}).bad_fields == {"eventBusArn": "other_region"}
        assert tenant.patch(path, {"url": URL}).bad_fields == {"url": "other_kind"}
        assert tenant.post(path + "/rotate-secret").error["code"] == "webhook_endpoint.invalid_state"
    # Switched off later: what is there can be disabled and deleted, and is sent nowhere new.
    with names_known():
        assert tenant.patch(path, {"status": "disabled"}).status == 200
        assert tenant.patch(path, {"eventBusArn": BUS + "2"}).bad_fields == {"eventBusArn": "not_enabled"}


@pytest.mark.parametrize(
    ("mode", "loopback", "status"),
    [("test", True, 201), ("test", False, 400), ("live", True, 400), ("live", False, 400)],
)
def test_16_this_machine_gets_events_of_test_tenants_on_a_stack_of_ones_own(
    world: World, mode: str, loopback: bool, status: int
) -> None:
    tenant = world.tenant(mode=mode)
    with names_known(loopback=loopback) as names:
        names.known = {"localhost": ("127.0.0.1", "::1"), "inside.example.com": ("127.0.0.1", "10.0.0.1")}
        for url in ("http://127.0.0.1:9000/in", "http://localhost:9000/in"):
            assert tenant.post("/v1/webhook-endpoints", {"url": url, "eventTypes": ["*"]}).status == status
        for url in ("http://example.com/", "https://inside.example.com/", "http://10.0.0.1/"):
            assert tenant.post("/v1/webhook-endpoints", {"url": url, "eventTypes": ["*"]}).status == 400


def test_16_no_stack_of_aws_lets_events_go_to_its_own_machine() -> None:
    """There, 127.0.0.1:9001 is the Lambda runtime's own."""
    from billing.config import Settings
    from local.stack.settings import ROOT

    assert Settings.from_environment({"KMS_KEY_ID": "k"}).webhook_loopback is False
    assert "WEBHOOK_LOOPBACK" not in (ROOT / "template.yaml").read_text()
    assert Settings.from_environment({"KMS_KEY_ID": "k", "WEBHOOK_LOOPBACK": "1"}).webhook_loopback is True
