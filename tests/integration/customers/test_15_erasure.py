"""Issue 15, item 8: a customer is erased; the books stay, and so do documents, for as long as the law wants them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from billing.bootstrap import storage
from tests.integration.access.test_privacy import readable
from tests.integration.world import Json, Tenant, World
from tests.support.tables import is_of_tenants

PERSON: Json = {
    "name": "Anneliese Zwickelbauer",
    "email": "anneliese.zwickelbauer@private.example",
    "address": {"line1": "Quittengasse 17b", "city": "Oberzwiesel", "postalCode": "D-94227", "country": "DE"},
    "taxId": "DE811907980",
    "metadata": {"note": "likes Schlehenfeuer"},
    "poNumber": "PO-Kranewitt-9",
    "customFields": [{"name": "Contact", "value": "Waldtraut Hinterseher"}],
}
ON_DOCUMENTS = [
    "Anneliese", "Zwickelbauer", "anneliese.zwickelbauer", "Quittengasse", "Oberzwiesel", "D-94227", "DE811907980",
    "PO-Kranewitt", "Hinterseher",
]  # fmt: skip
NEVER_THERE = ["Schlehenfeuer", "Holunderbusch", "Brombeerhecke", "Mispelbaum", '"4242"', "Vogelbeere"]
"""Notes about the person, and the card."""


@pytest.fixture(scope="module")
def tenant(world: World) -> Tenant:
    world.clock.reset()
    made = world.tenant()
    world.made.clear()  # shared by the module's tests
    return made


def lived(world: World, tenant: Tenant) -> str:
    """A customer who bought, was refunded, got a credit note and an order, and is done with all of it."""
    customer: str = tenant.post("/v1/customers", PERSON).data["id"]
    subscription = tenant.subscribe(customerId=customer, metadata={"note": "Holunderbusch"})
    body = {"customerId": customer, "amount": 5_000_000, "currency": "USD", "metadata": {"note": "Brombeerhecke"}}
    paid = tenant.post("/v1/payments", body).data
    assert paid["status"] == "succeeded"
    assert tenant.post(f"/v1/payments/{paid['id']}/refund", {"amount": 1_000_000, "reason": "Mispelbaum"}).status == 201
    invoice = tenant.get("/v1/invoices", customer=customer).data[0]
    credited = tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 1_000_000, "reason": "goodwill"})
    assert credited.status == 201, credited.json
    tenant.post(f"/v1/subscriptions/{subscription['id']}/cancel", {"atPeriodEnd": False})
    world.deliver_all(tenant)
    return customer


def opened(world: World, tenant: Tenant, *, but: tuple[str, ...] = ()) -> str:
    """Everything that the tables hold of a tenant, every sealed text opened: what a thief with all keys would read."""
    vault = storage.vault()
    tables = [each for each in world.tables if each not in but]
    rows: list[Json] = []
    for table in tables:
        if is_of_tenants(table):
            rows += world.rows_of(table, tenant.id)
        else:
            rows += [row for row in world.rows(table) if tenant.id in json.dumps(row) and not _of_platform(row)]
    return json.dumps([*rows, *_texts(vault, tenant.id, rows)], ensure_ascii=False)


def _of_platform(row: Json) -> bool:
    """The answer that made the tenant: before there was any customer."""
    return bool(row.get("record_id", {}).get("S", "").startswith("platform#"))


def _texts(vault: Any, tenant_id: str, rows: list[Json]) -> Iterator[str]:
    from billing.storage.packing import unpack

    for row in rows:
        body = row.get("body", {}).get("S")
        if body is None:
            continue
        if "record_id" in row:
            yield vault.open(tenant_id, f"idempotency/{row['record_id']['S']}", body)
        elif "object_id" in row:
            yield unpack(vault.open(tenant_id, f"event/{row['id']['S']}", body))
        else:
            yield from _fields(vault, tenant_id, row, json.loads(unpack(body)))


def _fields(vault: Any, tenant_id: str, row: Json, body: Json) -> Iterator[str]:
    from billing.storage.registry import REGISTRY

    range_key = next(row[name]["S"] for name in ("id", "item", "moved") if name in row)
    for name, value in body.items():
        if not (isinstance(value, str) and value.startswith("v3.")):
            continue
        for kind in REGISTRY:
            try:
                yield vault.open(tenant_id, f"{kind.entity_name}/{range_key}/{name}", value)  # type: ignore[attr-defined]
                break
            except ValueError:
                continue


def balances(tenant: Tenant) -> Json:
    found: Json = tenant.get("/v1/reports/trial-balance").data
    return {name: value for name, value in found.items() if name != "asOf"}


def erase(world: World, tenant: Tenant, customer: str) -> Json:
    """Deleted, and what the worker does of it until it waits or is done."""
    answer = tenant.delete(f"/v1/customers/{customer}")
    assert answer.status == 202, answer.json
    world.clock.advance(seconds=61)
    work(world)
    found: Json = tenant.get(f"/v1/customers/{customer}").data
    return found


def work(world: World) -> None:
    assert world.work(*(f"{n:02d}" for n in range(16))) == {"batchItemFailures": []}


def test_15_nothing_personal_is_left_but_documents_and_after_the_laws_time_not_they_either(
    world: World, tenant: Tenant
) -> None:
    """Every sealed text of every table is opened and searched: events, kept answers, payments, notes."""
    customer = lived(world, tenant)
    before = opened(world, tenant)
    for secret in [*ON_DOCUMENTS, *NEVER_THERE[:-1]]:
        assert readable(before, secret), secret
    assert len(world.stripe_customers(tenant)) == 1
    books = balances(tenant)
    document = tenant.get("/v1/invoices", customer=customer, status="paid").data[-1]

    shown = erase(world, tenant, customer)
    assert (shown["name"], shown["email"], shown["address"], shown["metadata"]) == ("", None, None, {})
    assert shown["erasedAt"] is not None
    assert shown["documentsKeptUntil"][4:] == "-01-01T00:00:00Z"
    left = opened(world, tenant, but=("invoices", "credit_notes"))
    for secret in [*ON_DOCUMENTS, *NEVER_THERE]:
        assert not readable(left, secret), secret
    with_documents = opened(world, tenant)
    for secret in NEVER_THERE:
        assert not readable(with_documents, secret), secret
    assert all(readable(with_documents, secret) for secret in ON_DOCUMENTS)

    # The books are as they were, and the document says what its buyer read.
    assert balances(tenant) == books
    kept = tenant.get(f"/v1/invoices/{document['id']}").data
    assert (kept["buyer"], kept["total"], kept["lines"]) == (document["buyer"], document["total"], document["lines"])
    assert tenant.get("/v1/customers", email=PERSON["email"]).data == []
    assert world.stripe_customers(tenant) == set()
    (told,) = [row for row in world.rows_of("events", tenant.id) if row["type"]["S"] == "customer.deleted"]
    assert told["object_id"]["S"] == customer

    world.clock.advance(days=366 * 11)
    work(world)
    for secret in [*ON_DOCUMENTS, *NEVER_THERE]:
        assert not readable(opened(world, tenant), secret), secret
    assert balances(tenant) == books
    assert tenant.get(f"/v1/customers/{customer}").data["documentsKeptUntil"] == shown["documentsKeptUntil"]


def test_15_nobody_is_erased_while_something_is_under_way(world: World, tenant: Tenant) -> None:
    """A subscription, an open invoice, a form: each is named. The tenant itself is never erased. Nothing is changed."""
    customer = tenant.customer()
    running = tenant.subscribe(customerId=customer)
    path = f"/v1/customers/{customer}"
    refused = tenant.delete(path)
    assert (refused.status, refused.error["code"]) == (409, "customer.invalid_state")
    assert running["id"] in refused.error["message"]
    tenant.post(f"/v1/subscriptions/{running['id']}/cancel", {"atPeriodEnd": False})
    lines = [{"description": "Consulting", "amount": 1_000_000}]
    invoice = tenant.post("/v1/invoices", {"customerId": customer, "lines": lines, "autoCharge": False}).data
    assert invoice["id"] in tenant.delete(path).error["message"]
    tenant.post(f"/v1/invoices/{invoice['id']}/finalize")
    assert invoice["id"] in tenant.delete(path).error["message"]
    assert tenant.post(f"/v1/invoices/{invoice['id']}/void").status == 200
    intent = tenant.post("/v1/payments/intents", {"customerId": customer, "amount": 5_000_000, "currency": "USD"}).data
    assert intent["paymentId"] in tenant.delete(path).error["message"]
    assert tenant.get(path).data["name"] == "Zo\u00eb \u00d6lmez"
    assert tenant.delete(f"/v1/customers/{tenant.data['defaultCustomerId']}").status == 409
    assert tenant.delete("/v1/customers/cus_unknown").status == 404


def test_15_an_open_dispute_keeps_who_it_is_about(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    intent = tenant.post("/v1/payments/intents", {"customerId": customer, "amount": 5_000_000, "currency": "USD"}).data
    world.sandbox.post(f"payment_intents/{intent['paymentIntentId']}/pay", payment_method="pm_card_visa")
    world.sandbox.post(f"charges/{intent['paymentIntentId']}/dispute")
    world.deliver_all(tenant)
    assert "dispute" in tenant.delete(f"/v1/customers/{customer}").error["message"]


def test_15_nothing_begins_for_a_customer_that_was_deleted(world: World, tenant: Tenant) -> None:
    """What is of the past goes on: a payment of before is refunded."""
    customer = tenant.customer()
    method = tenant.subscribe(customerId=customer)
    tenant.post(f"/v1/subscriptions/{method['id']}/cancel", {"atPeriodEnd": False})
    body = {"customerId": customer, "amount": 5_000_000, "currency": "USD"}
    paid = tenant.post("/v1/payments", body).data
    setup = tenant.post("/v1/payment-methods/setup", {"customerId": customer}).data
    assert tenant.delete(f"/v1/customers/{customer}").status == 202
    world.sandbox.post(f"setup_intents/{setup['setupIntentId']}/complete", payment_method="pm_card_mastercard")
    world.deliver_all(tenant)
    lines = [{"description": "Consulting", "amount": 1_000_000}]
    for path, wanted in (
        ("/v1/subscriptions", {"customerId": customer, "planId": "business-monthly", "quantities": {"seats": 1}}),
        ("/v1/invoices", {"customerId": customer, "lines": lines}),
        ("/v1/payments", body),
        ("/v1/payments/intents", body),
        ("/v1/payment-methods/setup", {"customerId": customer}),
    ):
        answer = tenant.post(path, wanted)
        assert (answer.status, answer.error["code"]) == (409, "customer.invalid_state"), path
    assert tenant.patch(f"/v1/customers/{customer}", {"name": "Ada"}).status == 409
    assert tenant.post(f"/v1/payments/{paid['id']}/refund", {"amount": 1_000_000}).status == 201
    world.clock.advance(seconds=61)
    work(world)
    assert tenant.get("/v1/payment-methods", customer=customer).data == []


def test_15_an_answer_that_is_given_again_has_nothing_personal(world: World, tenant: Tenant) -> None:
    """The same request within its 24 hours: the same answer, but for the person."""
    first = tenant.post("/v1/customers", PERSON, idempotency_key="again")
    erase(world, tenant, first.data["id"])
    again = tenant.post("/v1/customers", PERSON, idempotency_key="again")
    assert (again.status, again.data["id"]) == (201, first.data["id"])
    assert not any(readable(again.content.decode(), secret) for secret in [*ON_DOCUMENTS, *NEVER_THERE])
    twice = [tenant.delete(f"/v1/customers/{first.data['id']}") for _ in range(2)]
    assert [each.status for each in twice] == [202, 202]
    told = [each for each in world.rows_of("events", tenant.id) if each["type"]["S"] == "customer.deleted"]
    assert len([each for each in told if each["object_id"]["S"] == first.data["id"]]) == 1
    assert tenant.get(f"/v1/customers/{first.data['id']}").data["documentsKeptUntil"] is None


def test_15_an_erasure_waits_while_stripe_is_down_and_goes_on_after_it_was_given_up(
    world: World, tenant: Tenant
) -> None:
    """What is ours is gone meanwhile. Parked after a day, it tells; deleting the customer again tries again."""
    customer = tenant.customer(email="stripe-is-down@private.example")
    tenant.post("/v1/payment-methods/setup", {"customerId": customer})
    world.stripe_fails("status", "^/v1/customers/", method="DELETE", status=500)
    shown = erase(world, tenant, customer)
    assert shown["erasedAt"] is None
    assert not readable(opened(world, tenant), "stripe-is-down@")
    for _ in range(32):
        world.clock.advance(hours=1, seconds=1)
        work(world)
    assert [each for each in world.rows_of("events", tenant.id) if each["type"]["S"] == "customer.parked"]
    world.stripe_works()
    assert erase(world, tenant, customer)["erasedAt"] is not None


def test_15_what_began_in_the_moment_of_the_deletion_holds_the_erasure_up(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its request had read the customer before. It is billed until somebody ends it; then the erasure goes on."""
    customer = tenant.customer()
    running = tenant.subscribe(customerId=customer)
    with monkeypatch.context() as patch:
        patch.setattr("billing.services.erasure.requests.require_done", lambda *_: None)
        assert tenant.delete(f"/v1/customers/{customer}").status == 202
    world.clock.advance(seconds=61)
    work(world)
    assert tenant.get(f"/v1/customers/{customer}").data["erasedAt"] is None
    assert [each["customerId"] for each in tenant.get("/v1/payment-methods", customer=customer).data] == [customer]
    assert tenant.post(f"/v1/subscriptions/{running['id']}/cancel", {"atPeriodEnd": False}).status == 200
    world.clock.advance(minutes=5)
    work(world)
    assert tenant.get(f"/v1/customers/{customer}").data["erasedAt"] is not None


def test_15_a_turn_that_is_cut_off_anywhere_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each single page the worker dies before its commit: the next turn does that page again, and goes on."""
    from billing.services.erasure.steps import Eraser

    tenant = world.tenant()  # customers of the module's tenant have their cards
    customer = lived(world, tenant)
    assert tenant.delete(f"/v1/customers/{customer}").status == 202
    plain, dead = Eraser._turn, set()

    def dies(self: Eraser, work: Any, customer: Any, erasure: Any) -> Any:
        done = plain(self, work, customer, erasure)
        if erasure not in dead:
            dead.add(erasure)
            raise TimeoutError
        return done

    monkeypatch.setattr(Eraser, "_turn", dies)
    for _ in range(60):
        world.clock.advance(seconds=61)
        work(world)
        if tenant.get(f"/v1/customers/{customer}").data["erasedAt"] is not None:
            break
    assert len(dead) >= 10
    left = opened(world, tenant, but=("invoices", "credit_notes"))
    assert not any(readable(left, secret) for secret in [*ON_DOCUMENTS, *NEVER_THERE])
