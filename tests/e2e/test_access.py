"""Keys, allow lists and signed requests against the deployed stack; the gateway says from where a call comes."""

import time
from typing import Any

import requests

from billing.edge.http.signatures import Signed, sign
from local.client import Client
from tests.e2e.conftest import Stack


def get(stack: Stack, key: str, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(stack.api_url + "/v1/customers", headers={"X-API-Key": key, **named}, timeout=60)


def test_15_a_leaked_key_is_rotated_and_refused_from_the_next_call_on(client: Client, stack: Stack) -> None:
    made = client.post("/v1/api-keys", {"name": "e2e", "scope": "read"})
    assert get(stack, made["key"]).status_code == 200
    successor = client.post(f"/v1/api-keys/{made['id']}/rotate", {"overlapSeconds": 0})
    refused = get(stack, made["key"])
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert get(stack, successor["key"]).status_code == 200


def test_17_a_key_works_from_its_networks_whatever_the_request_says(client: Client, stack: Stack) -> None:
    key = client.post("/v1/api-keys", {"name": "e2e", "scope": "read", "ipAllowList": ["203.0.113.0/24"]})["key"]
    assert get(stack, key).status_code == 403
    assert get(stack, key, X_Forwarded_For="203.0.113.9").status_code == 403
    assert get(stack, key, X_Local_Source_Ip="203.0.113.9").status_code == 200
    assert get(stack, key, X_Local_Source_Ip="::ffff:203.0.113.9").status_code == 200


def test_15_a_signed_request_is_accepted_once(client: Client, stack: Stack) -> None:
    made = client.post("/v1/api-keys", {"name": "e2e", "scope": "read", "requireSignature": True})
    t = str(int(time.time()))
    signature = sign(made["signingSecret"], Signed("GET", "/v1/customers", "", b"", {}).v1(t))
    headers: dict[str, Any] = {"X_Signature": f"t={t},v1={signature}"}
    assert [get(stack, made["key"], **headers).status_code for _ in range(2)] == [200, 401]
