"""Issue 19: a payer's link opens one thing of one tenant's, and nobody can make one up."""

import base64
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from billing.services.payer.links import Link, Links, read

AT = datetime(2026, 3, 1, tzinfo=UTC)
LINK = Link("acme", "in_01ABC", AT)


class Secrets:
    """Derives as the vault does, from keys that are the tenants' names."""

    def derived(self, tenant_id: str, purpose: str, text: str) -> str:
        proof = hmac.new(f"{tenant_id}/{purpose}".encode(), text.encode(), sha256).digest()
        return base64.urlsafe_b64encode(proof).rstrip(b"=").decode()


def test_a_link_says_what_it_is_for_and_proves_it() -> None:
    links = Links(Secrets())
    token = links.token(LINK)
    assert read(token) == LINK
    assert links.is_genuine(LINK, token)
    assert len(token.rpartition(".")[2]) * 6 >= 128


@pytest.mark.parametrize(
    "other",
    [
        replace(LINK, tenant_id="globex"),
        replace(LINK, subject_id="in_01ABD"),
        replace(LINK, expires_at=AT + timedelta(days=365)),
    ],
)
def test_the_proof_is_good_for_nothing_else(other: Link) -> None:
    links = Links(Secrets())
    proof = links.token(LINK).rpartition(".")[2]
    forged = f"{links.token(other).rpartition('.')[0]}.{proof}"
    claimed = read(forged)
    assert claimed == other
    assert not links.is_genuine(claimed, forged)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 500,
        "acme.in_1.12",
        "acme.in_1.012." + "a" * 43,
        "acme.in_1.12." + "a" * 42,
        "acme.in_1.12." + "a" * 44,
        "ac me.in_1.12." + "a" * 43,
        "acme.in_1.999999999999." + "a" * 43,
        "acme.in_1.12." + "a" * 43 + "\n",
    ],
)
def test_anything_else_is_no_link(text: str) -> None:
    assert read(text) is None


def test_it_is_over_from_its_last_second_on() -> None:
    assert not LINK.is_over(AT - timedelta(seconds=1))
    assert LINK.is_over(AT)
