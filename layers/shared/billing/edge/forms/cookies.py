"""The cookies of the pages: of this host alone, over TLS alone, unreadable to scripts."""

import hmac

SESSION, DEVICE, VISIT, PORTAL = "__Host-session", "__Host-device", "__Host-visit", "__Host-portal"
_DEVICE_S = 90 * 86_400
_RULES = "Path=/; Secure; HttpOnly; SameSite=Lax"


def session(value: str) -> str:
    """The session's; it ends with the browser, and before that with the session."""
    return f"{SESSION}={value}; {_RULES}"


def no_session() -> str:
    """Forget the session."""
    return f"{SESSION}=; Max-Age=0; {_RULES}"


def device(value: str) -> str:
    """That the user has signed in in this browser before."""
    return f"{DEVICE}={value}; Max-Age={_DEVICE_S}; {_RULES}"


def visit(value: str) -> str:
    """What a form for which nobody is signed in is bound to."""
    return f"{VISIT}={value}; {_RULES}"


def portal(value: str) -> str:
    """A customer's session in the portal; it ends with the browser, and before that with the session."""
    return f"{PORTAL}={value}; {_RULES}"


def no_portal() -> str:
    """Forget the customer's session."""
    return f"{PORTAL}=; Max-Age=0; {_RULES}"


def same(given: str | None, expected: str | None) -> bool:
    """Whether two secrets are the same, and are there."""
    return bool(given) and bool(expected) and hmac.compare_digest(str(given).encode(), str(expected).encode())
