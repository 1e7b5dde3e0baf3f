"""Personal data and secrets: sealed in every table, absent from every log line, at Stripe only where it must be."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.world import Json, Tenant, World

PERSON: Json = {
    "name": "Anneliese Zwickelbauer",
    "email": "anneliese.zwickelbauer@private.example",
    "address": {"line1": "Quittengasse 17b", "city": "Oberzwiesel", "postalCode": "D-94227", "country": "DE"},
    "taxId": "DE811907980",
}
SELLER = {
    "legalName": "Kranichfeder Handels GmbH",
    "email": "rechnung@kranichfeder.example",
    "taxId": "ATU99999999",
    "address": {"line1": "Amselweg 99", "city": "Unterlauf"},
}
PERSONAL = [
    "Anneliese", "Zwickelbauer", "anneliese.zwickelbauer", "Quittengasse", "Oberzwiesel", "D-94227", "DE811907980",
]  # fmt: skip
"""None of them is in an id, a time or a sealed text by chance: long enough, or with a character that those lack."""
CARD = ['"last4"', '"4242"']
_SHORTEST = 8


@dataclass
class Life:
    """A tenant whose customer has been through everything, and what was logged on the way."""

    tenant: Tenant
    log: str


@pytest.fixture(scope="module")
def life(world: World) -> Life:
    """Read, changed, billed, declined, listed, printed, refused."""
    tenant = world.tenant()
    world.logs.clear()
    customer = tenant.post("/v1/customers", PERSON).data["id"]
    tenant.patch(f"/v1/customers/{customer}", {"metadata": {"tier": "gold"}})
    tenant.subscribe(customerId=customer)
    tenant.subscribe("pm_card_chargeCustomerFail", customerId=customer)
    intent = tenant.post("/v1/payments/intents", {"customerId": customer, "amount": 5_000_000, "currency": "USD"}).data
    world.sandbox.post(f"payment_intents/{intent['paymentIntentId']}/pay", payment_method="pm_card_visa")
    setup = tenant.post("/v1/payment-methods/setup", {"customerId": customer}).data
    world.sandbox.post(f"setup_intents/{setup['setupIntentId']}/complete", payment_method="pm_card_visa")
    world.deliver_all(tenant)
    assert tenant.post(f"/v1/payments/{intent['paymentId']}/refund", {"amount": 1_000_000}).status == 201
    world.sandbox.post(f"charges/{intent['paymentIntentId']}/dispute")
    world.deliver_all(tenant)
    for path in ("customers", "disputes", "invoices", "payments", "payment-methods", "subscriptions"):
        assert tenant.get(f"/v1/{path}").status == 200
    assert tenant.get(f"/v1/invoices/{tenant.only_invoice(status='paid')['id']}/pdf").status == 200
    tenant.post("/v1/customers", PERSON | {"email": "zwickelbauer at private"})
    tenant.post("/v1/customers", PERSON | {"Quittengasse": "Zwickelbauer"})
    tenant.get("/v1/customers/anneliese.zwickelbauer@private.example")
    return Life(tenant, world.logs.text)


@pytest.fixture
def lived(life: Life) -> Tenant:
    return life.tenant


def readable(text: str, secret: str) -> bool:
    """Whether a text holds another, as it is, escaped, in base64 at any offset, or in hex.

    Sealed texts are base64 of random bytes: four characters of it are found in 100,000 by chance, eight are not.
    """
    encoded = [secret.encode().hex(), *_in_base64(secret.encode())]
    shapes = [secret, json.dumps(secret)[1:-1], *(each for each in encoded if len(each) >= _SHORTEST)]
    return any(shape in text for shape in shapes)


def _in_base64(raw: bytes) -> Iterator[str]:
    """The characters of base64 that bytes alone decide, wherever they begin: three bytes are four characters."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        shared = 4 if (before + len(raw)) % 3 else 0
        yield encoded[4 if before else 0 : len(encoded) - shared]


@pytest.mark.parametrize("secret", [*PERSONAL, *CARD])
def test_what_is_in_clear_would_be_seen(secret: str) -> None:
    """As it is, in JSON within JSON, in hex, and in base64 (of the shortest: where it begins with a group)."""
    assert readable(json.dumps({"body": json.dumps({"a": secret.strip('"')})}), secret)
    for around in (b"", b"x", b"xy"):
        raw = around + secret.encode() + around
        assert readable(raw.hex(), secret)
        if len(secret) >= _SHORTEST or not around:
            assert readable(base64.b64encode(raw).decode(), secret)


def test_no_item_of_any_table_has_personal_data_in_clear(world: World, lived: Tenant) -> None:
    stored = world.everything_of(lived.id)
    assert lived.id in stored
    for secret in [*PERSONAL, *CARD]:
        assert not readable(stored, secret), secret


def test_the_api_still_reads_it(lived: Tenant) -> None:
    found = next(c for c in lived.get("/v1/customers").data if c["name"] == PERSON["name"])
    assert (found["email"], found["taxId"]) == (PERSON["email"], PERSON["taxId"])
    assert found["address"] == {"line2": None, "state": None, **PERSON["address"]}


def test_no_log_line_has_personal_data_or_a_secret(world: World, life: Life) -> None:
    assert len(life.log.splitlines()) > 10
    secrets = [life.tenant.key, world.platform_key, world.webhook_secret, "sk_test_integration01", "_secret_"]
    for secret in [*PERSONAL, *secrets]:
        assert not readable(life.log, secret), secret


def test_every_request_has_one_log_line_with_its_ids(world: World, tenant: Tenant) -> None:
    world.logs.clear()
    answer = tenant.post("/v1/customers", PERSON)
    (line,) = world.logs.lines
    assert (line["request_id"], line["tenant_id"]) == (answer.headers["X-Request-Id"], tenant.id)
    assert (line["route"], line["status"], line["principal"][:4]) == ("POST /v1/customers", 201, "key_")


def test_an_audit_row_has_no_path_and_no_body(world: World, lived: Tenant) -> None:
    rows = json.dumps(world.rows_of("audit", lived.id))
    assert not any(readable(rows, secret) for secret in PERSONAL)


def test_stripe_learns_ids_and_nothing_personal(world: World, lived: Tenant) -> None:
    page = world.stripe.v1.customers.list({"limit": 100, "created": {"gte": lived.since}})
    (known,) = [text for text in map(str, page.data) if lived.id in text]
    text = known + json.dumps(world.intents(lived))
    assert not any(readable(text, secret) for secret in PERSONAL)


def test_what_is_sealed_for_one_tenant_does_not_open_for_another(world: World, lived: Tenant) -> None:
    """A whole item copied into another tenant: the tenant is bound into the seal."""
    row = next(r for r in world.rows_of("customers", lived.id) if r["id"]["S"] != lived.data["defaultCustomerId"])
    thief = world.tenant()
    stolen = row | {"tenant_id": {"S": thief.id}}
    world.aws("dynamodb").put_item(TableName=world.tables["customers"], Item=stolen)
    world.logs.clear()
    answer = thief.get(f"/v1/customers/{row['id']['S']}")
    assert answer.status == 500
    assert not any(readable(answer.content.decode() + world.logs.text, secret) for secret in PERSONAL)


def test_the_data_key_is_stored_wrapped(world: World, tenant: Tenant) -> None:
    (row,) = [r for r in world.rows_of("tenants", tenant.id) if r["item"]["S"] == "settings"]
    wrapped = json.loads(row["body"]["S"])["data_key"]
    kms = world.aws("kms")
    blob = base64.b64decode(wrapped)
    plain = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"tenant_id": tenant.id})["Plaintext"]
    assert len(plain) == 32
    assert base64.b64encode(plain).decode() not in world.everything_of(tenant.id)
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"tenant_id": "another"})


def test_a_sellers_own_details_are_sealed_on_its_invoices(world: World) -> None:
    tenant = world.tenant(**SELLER)
    tenant.subscribe(quantities={"seats": 1})
    stored = json.dumps(world.rows_of("invoices", tenant.id) + world.rows_of("customers", tenant.id))
    for secret in ("Kranichfeder", "rechnung@", "ATU99999999", "Amselweg"):
        assert not readable(stored, secret), secret
