"""Issue 21: the operator's commands on the deployed stack, as a process of their own, with AWS credentials alone."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import pytest
import requests
from jose import jwt

from billing.storage.packing import unpack
from local.client import Client
from tests.e2e.conftest import TEAM, Seller, Stack, charges, soon, subscribe
from tests.e2e.operating import audited, operate


@pytest.fixture(scope="module")
def seller(stack: Stack) -> Seller:
    """A tenant of its own, with a plan."""
    made = Seller.new(stack, "Operated")
    made.client.post("/v1/plans", TEAM)
    return made


@dataclass(frozen=True)
class Machine:
    """A program that calls with tokens."""

    stack: Stack
    client_id: str
    secret: str

    @classmethod
    def of(cls, stack: Stack, seller: Seller) -> "Machine":
        wanted = {"name": "Machine", "type": "confidential", "grantTypes": ["client_credentials"]}
        made = seller.client.post("/v1/oauth-clients", {**wanted, "scopes": ["billing:read"]})
        return cls(stack, made["id"], made["secret"])

    def token(self) -> str:
        """A fresh access token."""
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.secret}
        answer = requests.post(f"{self.stack.api_url}/oauth2/token", data=form, timeout=60)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def calls(self, token: str) -> int:
        """The status of a call with a token."""
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.stack.api_url}/v1/invoices", headers=headers, timeout=60).status_code


def kid(token: str) -> str:
    """The key that signed a token."""
    return str(jwt.get_unverified_header(token)["kid"])


@dataclass(frozen=True)
class Rotation:
    """What a rotation at once began with: a token that it ends, and the keys that were published before it."""

    machine: Machine
    token: str
    published: list[str]


def said_kids(said: str) -> list[str]:
    """The keys that `rotate-keys signing` says are published."""
    return said.strip().removeprefix("published: ").split(", ")


@pytest.fixture(scope="module")
def rotation(stack: Stack, seller: Seller) -> Rotation:
    """A signing key that waits for its time. Workers keep the keys for a minute: what comes of it is looked at last."""
    machine = Machine.of(stack, seller)
    token = machine.token()
    published = said_kids(operate(stack, "rotate-keys", "signing"))
    assert published[-2] == kid(token)
    return Rotation(machine, token, published)


def test_21_a_signing_key_that_waits_for_its_time_ends_no_token_and_is_followed_by_no_other(
    stack: Stack, rotation: Rotation
) -> None:
    keys = len(stack.aws("kms").list_keys()["Keys"])
    for _ in range(2):
        assert "waiting for its time" in operate(stack, "rotate-keys", "signing", code=1)
    assert len(stack.aws("kms").list_keys()["Keys"]) == keys + 1  # the first one's is the second one's, too
    assert rotation.machine.calls(rotation.token) == 200
    fresh = rotation.machine.token()
    assert (kid(fresh), rotation.machine.calls(fresh)) == (kid(rotation.token), 200)


@pytest.fixture(scope="module")
def replaced(stack: Stack, rotation: Rotation) -> str:
    """The key that signs alone, at once."""
    (alone,) = said_kids(operate(stack, "rotate-keys", "signing", "--now"))
    assert alone not in rotation.published
    return alone


@pytest.mark.usefixtures("replaced")
def test_21_what_is_dead_and_the_books_are_shown(stack: Stack, seller: Seller) -> None:
    customer = seller.client.post("/v1/customers", {"name": "Ada"})
    subscribe(seller.client, customer["id"], TEAM["id"])
    assert "webhook-slow" in operate(stack, "redrive")
    assert "balanced" in operate(stack, "trial-balance", seller.tenant_id)
    assert "No tenant ten_unknown" in operate(stack, "trial-balance", "ten_unknown", code=1)


def test_21_a_dead_letter_goes_back_and_is_worked(stack: Stack) -> None:
    sqs = stack.aws("sqs")
    letter = {"MessageBody": json.dumps({"shard": "03"}), "MessageGroupId": "03"}
    sqs.send_message(QueueUrl=stack.billing_dead_letter_queue_url, MessageDeduplicationId=str(time.time_ns()), **letter)
    assert "billing: about 1 letters would be sent back" in operate(stack, "redrive", "billing", "--dry-run")
    assert "billing: 1 letters sent back" in operate(stack, "redrive", "billing")


def test_21_events_are_handed_over_again_and_keep_their_places(stack: Stack, seller: Seller) -> None:
    before = _placed(seller.client)
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    said = operate(stack, "replay-events", "--since", since, "--tenant", seller.tenant_id)
    assert said.count("of which 0 failed") == 2
    assert _placed(seller.client)[: len(before)] == before


def _placed(client: Client) -> list[str]:
    return [each["id"] for each in client.get("/v1/events?limit=100")]


def test_21_a_tenant_is_suspended_and_taken_in_again_and_the_log_says_by_whom(stack: Stack, seller: Seller) -> None:
    assert f"{seller.tenant_id} is suspended" in operate(stack, "tenant", "suspend", seller.tenant_id)
    platform = Client(asdict(stack), key=stack.platform_api_key)
    assert platform.get(f"/v1/tenants/{seller.tenant_id}")["status"] == "suspended"
    assert f"{seller.tenant_id} is active" in operate(stack, "tenant", "resume", seller.tenant_id)
    assert {f"tenant {what} {seller.tenant_id}" for what in ("suspend", "resume")} <= set(audited(stack, "platform"))


@contextmanager
def taken_away(stack: Stack, table: str, tenant_id: str, item_id: str) -> Iterator[None]:
    """An item that somebody deleted by hand, and puts back."""
    dynamodb, name = stack.aws("dynamodb"), stack.tables[table]
    key = {"tenant_id": {"S": tenant_id}, "id": {"S": item_id}}
    item = dynamodb.delete_item(TableName=name, Key=key, ReturnValues="ALL_OLD")["Attributes"]
    try:
        yield
    finally:
        dynamodb.put_item(TableName=name, Item=item)


def test_21_what_was_parked_is_set_going_again_and_billed_once(stack: Stack, seller: Seller) -> None:
    """Its customer's item is not there, so that the renewal fails eight times, which on a test clock is the end."""
    client, day = seller.client, "2026-02-01T"
    clock = client.post("/v1/test-clocks", {"frozenTime": "2026-01-01T00:00:00Z"})["id"]
    customer = client.post("/v1/customers", {"name": "Grace", "testClockId": clock})["id"]
    subscription = subscribe(client, customer, TEAM["id"])["id"]
    item = ("subscription", seller.tenant_id, subscription)
    invoices = f"/v1/invoices?subscription={subscription}"
    with taken_away(stack, "customers", seller.tenant_id, customer):
        client.advance(clock, f"{day}01:00:00Z")
    said = operate(stack, "due", "--tenant", seller.tenant_id)
    assert (subscription in said, "; 1 parked" in said) == (True, True)

    assert f"would be due at {day}00:00:00Z" in operate(stack, "unpark", *item, "--dry-run")
    client.advance(clock, f"{day}02:00:00Z")
    assert len(client.get(invoices)) == 1

    for _ in range(2):
        said = operate(stack, "unpark", *item)
        assert f"is due at {day}00:00:00Z" in said
        assert "its test clock comes to it when it is advanced next" in said
    client.advance(clock, f"{day}03:00:00Z")
    assert "is due at 2026-03-01T00:00:00Z" in operate(stack, "unpark", *item)  # it goes on as it would have
    bills = client.get(invoices)
    assert [(each["period"]["start"][:10], each["status"]) for each in bills] == [
        ("2026-02-01", "paid"),
        ("2026-01-01", "paid"),
    ]
    paid = [client.get(f"/v1/payments/{each['latestPaymentId']}") for each in bills]
    assert [len(charges(client, each)) for each in paid] == [1, 1]
    named = f"unpark {' '.join(item)}"
    assert audited(stack, seller.tenant_id)[-4:] == [f"{named} --dry-run", named, named, named]


def test_21_a_data_key_is_rotated_once_and_what_was_sealed_before_is_sealed_anew(stack: Stack) -> None:
    other = Seller.new(stack, "Sealed")
    customer = other.client.post("/v1/customers", {"name": "Ada", "email": "ada@example.com"})
    assert f"{other.tenant_id} has 2 data keys" in operate(stack, "rotate-keys", "data", other.tenant_id)
    assert "nothing to do" in operate(stack, "rotate-keys", "data", other.tenant_id)
    assert (numbers_of_keys(stack, other, customer["id"]), other.client.get(f"/v1/customers/{customer['id']}")) == (
        {"1"},
        customer,
    )
    (would,) = re.findall("([1-9]) items would be sealed anew", operate(stack, "reseal", other.tenant_id, "--dry-run"))
    assert re.findall("([0-9]) items sealed anew", operate(stack, "reseal", other.tenant_id)) == [would, "0"]
    assert (numbers_of_keys(stack, other, customer["id"]), other.client.get(f"/v1/customers/{customer['id']}")) == (
        {"2"},
        customer,
    )
    assert [each["id"] for each in other.client.get("/v1/customers?email=ada@example.com")] == [customer["id"]]
    sealed = f"reseal {other.tenant_id}"
    rotated = [f"rotate-keys data {other.tenant_id}"] * 2
    assert audited(stack, other.tenant_id) == [*rotated, f"{sealed} --dry-run", sealed]


def numbers_of_keys(stack: Stack, seller: Seller, customer_id: str) -> set[str]:
    """The data keys under which what is personal of a customer is sealed."""
    key = {"tenant_id": {"S": seller.tenant_id}, "id": {"S": customer_id}}
    item = stack.aws("dynamodb").get_item(TableName=stack.tables["customers"], Key=key)["Item"]
    return set(re.findall(r"v3\.([0-9]+)\.", unpack(item["body"]["S"])))


def test_21_a_platform_key_works_on_beside_its_successor_or_ends_at_once(stack: Stack) -> None:
    def status(key: str) -> int:
        return Client(asdict(stack), key=key).call("GET", "/v1/tenants").status

    platform = Client(asdict(stack), key=stack.platform_api_key)
    first = platform.post("/v1/api-keys", {"name": "Operated", "scope": "platform"})
    second_id, second = operate(stack, "rotate-keys", "platform", first["id"]).strip().split(": ")
    assert (status(first["key"]), status(second)) == (200, 200)
    assert second not in operate(stack, "rotate-keys", "platform", first["id"], code=1)  # it has one already
    _, third = operate(stack, "rotate-keys", "platform", second_id, "--overlap", "0").strip().split(": ")
    assert (status(second), status(third)) == (401, 200)
    done = [each for each in audited(stack, "platform") if each.startswith("rotate-keys platform")]
    assert done[-3:] == [f"rotate-keys platform {each}" for each in (first["id"], first["id"], second_id)]


def test_21_a_signing_key_that_leaked_signs_no_more_and_its_tokens_end(rotation: Rotation, replaced: str) -> None:
    machine = rotation.machine
    fresh = soon(
        lambda: next(iter(token for token in [machine.token()] if kid(token) == replaced), None), patience_s=90
    )
    assert machine.calls(fresh) == 200
    soon(lambda: machine.calls(rotation.token) == 401, patience_s=90)
