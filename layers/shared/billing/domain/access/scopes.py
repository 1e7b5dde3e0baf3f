"""Scopes: what a credential may do. Each route names the one it needs."""

from enum import StrEnum


class Scope(StrEnum):
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"
    SUBSCRIPTIONS_MANAGE = "subscriptions:manage"
    PAYMENTS_PROCESS = "payments:process"
    BILLING_ADMIN = "billing:admin"
    PLATFORM = "platform"
    """Only the operator's own keys have it: they alone create tenants."""


_READ = frozenset({Scope.BILLING_READ})
_WRITE = _READ | {Scope.BILLING_WRITE, Scope.SUBSCRIPTIONS_MANAGE, Scope.PAYMENTS_PROCESS}
_ADMIN = _WRITE | {Scope.BILLING_ADMIN}
_OF_KEY_SCOPE = {"read": _READ, "write": _WRITE, "admin": _ADMIN, "platform": _ADMIN | {Scope.PLATFORM}}


def granted(key_scope: str) -> frozenset[Scope]:
    """The scopes of an API key whose own scope is ``read``, ``write`` or ``admin``; none for a word we do not know."""
    return _OF_KEY_SCOPE.get(key_scope, frozenset())


def narrowed(key_scope: str, listed: str | None) -> frozenset[Scope]:
    """The scopes of an API key that may do less than its word says.

    Args:
        listed: scopes divided by spaces, as OAuth 2 writes them; None for all that the word grants.
    """
    allowed = granted(key_scope)
    return allowed if listed is None else frozenset(each for each in allowed if each.value in listed.split())
