"""Issue 15: a foreign issuer (`oidc-provider-mock`) and the deployed stack."""

import contextlib
from collections.abc import Iterator

import pytest
import requests

from tests.e2e.conftest import Seller, Stack, soon
from tests.e2e.foreign_issuer import AUDIENCE, Provider, trusted_by

KEYS_ARE_READ_AGAIN_S = 30.0


@pytest.fixture
def provider() -> Iterator[Provider]:
    with contextlib.closing(Provider()) as made:
        yield made


def call(stack: Stack, token: str, method: str = "GET") -> requests.Response:
    """A read or a write with a token."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "1"}
    body = None if method == "GET" else {"name": "Somebody"}
    return requests.request(method, f"{stack.api_url}/v1/customers", headers=headers, json=body, timeout=60)


def test_15_a_foreign_issuer_is_taken_where_it_is_configured_and_only_there(stack: Stack, provider: Provider) -> None:
    """Its users are of the tenant that the operator says, with at most the scopes that it says; another key is read
    within half a minute, and what the old one signed ends."""
    seller = Seller.new(stack, "Federated")
    customer = seller.client.post("/v1/customers", {"name": "Ada"})["id"]
    issued = provider.tokens("ada@corp.example")
    first = issued["access_token"]
    refused = call(stack, first)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')

    with contextlib.closing(Provider(audience="https://other.example")) as other:
        trusted = [
            {
                "issuer": each.issuer,
                "jwksUrl": f"{each.issuer}/jwks",
                "audience": AUDIENCE,
                "tenantId": seller.tenant_id,
                "scopes": ["billing:read"],
            }
            for each in (provider, other)
        ]
        with trusted_by(stack, "CustomersFunction", trusted):
            seen = call(stack, first)
            assert seen.status_code == 200, seen.text
            assert customer in [each["id"] for each in seen.json()["data"]]
            written = call(stack, first, "POST")
            assert written.status_code == 403
            assert 'error="insufficient_scope"' in written.headers["WWW-Authenticate"]
            # An ID token says who somebody is, and is for the application; a token for another API is no token for us.
            assert call(stack, issued["id_token"]).status_code == 401
            assert call(stack, other.tokens("ada@corp.example")["access_token"]).status_code == 401
            principals = {each["principal"] for each in seller.client.get("/v1/audit-log")}
            assert any(each.startswith("ext_") for each in principals)
            assert "ada@corp.example" not in principals

            old = provider.kids()
            provider.rotate()
            assert provider.kids() != old
            second = provider.tokens("ada@corp.example")["access_token"]
            soon(lambda: call(stack, second).status_code == 200, patience_s=KEYS_ARE_READ_AGAIN_S + 30)
            assert call(stack, first).status_code == 401
        assert call(stack, second).status_code == 401
