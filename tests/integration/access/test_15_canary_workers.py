"""Issue 15, item 10: workers, webhooks and the token endpoint, while something that they need fails and quotes them."""

import json
from contextlib import AbstractContextManager

import pytest

from tests.integration import lambdas
from tests.integration.access import outages
from tests.integration.access.canaries import FIELD, OUTSIDE, SECRET, field, listening, says, secret, whole
from tests.integration.access.oauth import app, ok, user
from tests.integration.access.test_15_canaries import OUTAGES, Outage
from tests.integration.world import Tenant, World

SHARDS = [f"{shard:02d}" for shard in range(16)]
REFUSED = ["busy", "refuses to write", "refuses to read", "no keys", "Stripe is down", "Stripe refuses"]


def fails(outage: str) -> AbstractContextManager[None]:
    """An outage by its name."""
    made: Outage = OUTAGES[outage]
    return made()


@pytest.mark.parametrize("outage", REFUSED)
def test_15_a_worker_says_nothing_of_what_it_could_not_do(world: World, tenant: Tenant, outage: str) -> None:
    """A renewal is due; its customer, invoice and card are full of canaries. What failed is told by id."""
    customer = tenant.post("/v1/customers", {"name": field(), "email": field("email"), "metadata": {"a": field()}})
    tenant.subscribe(customerId=customer.data["id"], metadata={"note": field()})
    with listening(world) as heard:
        world.clock.advance(days=32)
        outages.FELT.clear()
        with fails(outage):
            for shard in SHARDS:
                try:
                    answer = json.dumps(world.work(shard))
                except Exception as error:  # noqa: BLE001 - Lambda prints the text of what a handler lets out
                    answer = str(error)
                assert not says(answer, FIELD, OUTSIDE)
        assert outages.FELT.total(), "the outage was not felt"
        heard.silent(FIELD, OUTSIDE)


@pytest.mark.parametrize("outage", ["busy", "refuses to write", "refuses to read", "no keys"])
def test_15_a_webhook_says_nothing_of_what_it_could_not_write(world: World, tenant: Tenant, outage: str) -> None:
    """The processor sends it again; until then nobody reads of it."""
    tenant.subscribe(customerId=tenant.customer())
    (*_, sent) = world.stripe_events(tenant, "payment_intent.succeeded")
    sent["data"]["object"] |= {"description": field(), "client_secret": secret("pi_1_secret_")}
    with listening(world) as heard:
        with fails(outage):
            answer = world.deliver(sent)
        assert not says(json.dumps(answer), FIELD, SECRET, OUTSIDE)
        heard.silent(FIELD, SECRET, OUTSIDE)


@pytest.mark.parametrize("outage", ["busy", "busy after the caller is known", "refuses to write", "no keys"])
def test_15_the_token_endpoint_says_nothing_of_a_genuine_token(world: World, outage: str) -> None:
    """A code, a verifier, a secret, a refresh token: used while the database or the key service is down."""
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    code, verifier = client.code(ada)
    spent = client.tokens(ada)
    told = [code, verifier, client.who["client_secret"], spent["refresh_token"], spent["access_token"]]
    with listening(world) as heard:
        with fails(outage):
            answers = [client.redeem(code, verifier), client.refresh(spent["refresh_token"])]
            called = client.bearer(spent["access_token"]).get("/v1/customers")
        assert {answer.status for answer in answers} <= {500, 503}
        text = heard.everything() + "".join(whole(answer) for answer in [*answers, called])
        assert not [each for each in told if each in text]
        assert not says(text, OUTSIDE)
    assert ok(client.refresh(spent["refresh_token"]))


def test_15_the_sweep_sends_ids_alone(world: World, tenant: Tenant) -> None:
    """What is in the workers' queue, and in its dead letters: the name of a shard."""
    customer = tenant.post("/v1/customers", {"name": field(), "email": field("email")}).data["id"]
    tenant.subscribe(customerId=customer)
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data["id"]
    tenant.subscribe(customerId=tenant.customer(testClockId=clock, name=field()))
    world.clock.advance(days=32)
    with listening(world) as heard:
        lambdas.invoke("billing_sweep", lambdas.event("schedule_billing_sweep"))
        tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": "2027-03-02T00:00:00Z"})
        messages = heard.messages()
        assert messages
        assert not says("\n".join(messages), FIELD)
