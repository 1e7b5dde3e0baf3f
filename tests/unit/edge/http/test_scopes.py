"""Scopes: read < write < admin; what we do not know grants nothing."""

import pytest

from billing.edge.http.scopes import Scope, granted

FOUR = {"billing:read", "billing:write", "subscriptions:manage", "payments:process"}


@pytest.mark.parametrize(
    ("key_scope", "expected"),
    [
        ("read", {"billing:read"}),
        ("write", FOUR),
        ("admin", FOUR | {"billing:admin"}),
        ("platform", FOUR | {"billing:admin", "platform"}),
        ("", set()),
        ("Admin", set()),
        ("billing:admin", set()),
    ],
)
def test_a_key_scope_grants(key_scope: str, expected: set[str]) -> None:
    assert {scope.value for scope in granted(key_scope)} == expected


def test_no_tenants_key_is_the_platforms() -> None:
    assert all(Scope.PLATFORM not in granted(scope) for scope in ("read", "write", "admin"))
