"""Issue 11, number 19: whatever bytes a stranger puts into a header, nobody crashes on them.

``Stripe-Signature: t=now,v1=é`` was a 502: no comparison of digests takes letters beyond ASCII.
"""

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.stripe_sandbox.webhooks import signature
from tests.integration.world import TAX_WEBHOOK_SECRET, Json, Tenant, World, event, http_event, invoke, request

# How a header's bytes become a text is each gateway's own affair.
TEXTS = st.one_of(
    st.binary(max_size=40).map(lambda raw: raw.decode("iso-8859-1")),
    st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", errors="replace")),
    st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", errors="surrogateescape")),
    st.text(st.characters(), max_size=40),
)
NOW = "NOW"
"""Stands for the time at which a header is sent: tests have the same names in every process."""
STAMPS = st.one_of(TEXTS, st.sampled_from([NOW, "0", "-1", "1e9", "٣", f"{NOW}=1", "9" * 5000, f"{NOW}.0", " ", ""]))
DIGESTS = st.one_of(TEXTS, st.sampled_from(["é", "0" * 64, "é" * 64, "\ud800", "", "=", "0" * 100_000]))
NAMES = st.one_of(st.sampled_from(["t", "v1", "v0", "T", " t", ""]), TEXTS)
HEADERS = st.one_of(
    TEXTS,
    st.builds(lambda stamp, digest: f"t={stamp},v1={digest}", STAMPS, DIGESTS),
    st.lists(st.builds(lambda name, value: f"{name}={value}", NAMES, STAMPS | DIGESTS), max_size=14).map(",".join),
)
SENDERS = [
    ("stripe_webhook", "function_url_stripe_webhook", "stripe-signature"),
    ("tax_webhook", "function_url_tax_webhook", "tax-signature"),
]
BODY = json.dumps({"id": "evt_any", "type": "nothing.we.know", "data": {"object": {}}})
FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def signed(world: World, header: str, body: str = BODY) -> str:
    secret = world.webhook_secret if header == "stripe-signature" else TAX_WEBHOOK_SECRET
    return signature(secret, body, int(time.time()))


def at_this_time(value: str) -> str:
    return value.replace(NOW, str(int(time.time())))


def answered(world: World, group: str, lambda_event: Json) -> int:
    """The status of a webhook's answer, after a look at the log: one line, and no error."""
    world.logs.clear()
    world.writes.clear()
    answer = invoke(group, lambda_event)
    assert [line["level"] for line in world.logs.lines] == ["INFO"]
    assert world.writes == []
    assert json.loads(answer["body"])["outcome"]
    return int(answer["statusCode"])


@pytest.mark.parametrize(("group", "sample", "header"), SENDERS)
@pytest.mark.parametrize(
    "value",
    ["é", f"t={NOW},v1=é", f"t={NOW},v1=\ud800", f"t={NOW},v1={'é' * 64}", "t=é,v1=é", f"t={NOW}=1,v1={'0' * 64}"],
)
def test_a_signature_beyond_ascii_is_400(world: World, group: str, sample: str, header: str, value: str) -> None:
    made = event(sample)
    made["headers"][header] = at_this_time(value)
    assert answered(world, group, made) == 400


@pytest.mark.parametrize(("group", "sample", "header"), SENDERS)
def test_any_signature_is_400_and_one_line_in_the_log(world: World, group: str, sample: str, header: str) -> None:
    @FUZZ
    @given(HEADERS)
    def law(value: str) -> None:
        made = event(sample)
        made["body"] = BODY
        made["headers"][header] = at_this_time(value)
        assert answered(world, group, made) == 400

    law()


@pytest.mark.parametrize(("group", "sample", "header"), SENDERS)
def test_no_other_header_matters(world: World, group: str, sample: str, header: str) -> None:
    others = [*sorted(set(event(sample)["headers"]) - {header}), "content-encoding", "é"]

    @FUZZ
    @given(st.sampled_from(others), TEXTS, st.booleans())
    def law(name: str, value: str, good: bool) -> None:
        made = event(sample)
        made["body"] = BODY
        made["headers"][header] = signed(world, header) if good else "t=1,v1=1"
        made["headers"][name] = value
        assert answered(world, group, made) == (200 if good else 400)

    law()


@pytest.mark.parametrize(("group", "sample", "header"), SENDERS)
def test_any_body_without_a_signature_is_400(world: World, group: str, sample: str, header: str) -> None:
    @FUZZ
    @given(TEXTS, st.booleans())
    def law(body: str, encoded: bool) -> None:
        made = event(sample)
        made |= {"body": body, "isBase64Encoded": encoded}
        made["headers"][header] = signed(world, header)
        assert answered(world, group, made) == 400

    law()


ASKED = ["x-api-key", "x-user-id", "x-tenant-id", "x-api-version", "idempotency-key", "content-type",
         "content-encoding", "if-match", "host", "accept", "é"]  # fmt: skip


def test_no_header_of_the_api_is_a_fault_of_ours(world: World, tenant: Tenant) -> None:
    @FUZZ
    @given(st.sampled_from(ASKED), TEXTS, st.sampled_from(["GET", "POST"]))
    def law(name: str, value: str, method: str) -> None:
        made: dict[str, Any] = http_event(method, "/v1/customers", key=tenant.key, idempotency_key="any", body="{}")
        made["headers"][name] = value
        answer = request(made)
        assert answer.status < 500, answer.json

    law()


def test_no_path_and_no_query_is_a_fault_of_ours(world: World, tenant: Tenant) -> None:
    @FUZZ
    @given(TEXTS, TEXTS, TEXTS)
    def law(path: str, name: str, value: str) -> None:
        made: dict[str, Any] = http_event("GET", "/v1/customers", key=tenant.key)
        made["rawPath"] = made["requestContext"]["http"]["path"] = f"/v1/customers/{path}"
        made |= {"rawQueryString": f"{name}={value}", "queryStringParameters": {name: value}}
        answer = request(made)
        assert answer.status < 500, answer.json

    law()
