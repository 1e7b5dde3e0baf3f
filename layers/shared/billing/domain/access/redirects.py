"""Redirect URIs: which ones a client may register, and which ones a request may name."""

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

_LONGEST = 512
_VISIBLE = re.compile(r"[!-~]+")
_UNSAFE = re.compile(r"[\"'<>\\^`{|}*;]")
_APP_SCHEME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")
_LOOPBACK = ("127.0.0.1", "::1")


def may_be_registered(uri: str) -> bool:
    """Whether a client may have a redirect URI.

    ``https`` to a name; ``http`` to this machine by its address (RFC 8252, 7.3: not by ``localhost``, which a hosts
    file may send elsewhere); an app's own scheme, its owner's name backwards (``com.example.app:/done``).
    """
    if len(uri) > _LONGEST or not _VISIBLE.fullmatch(uri) or _UNSAFE.search(uri):
        return False
    parts = _parts(uri)
    if parts is None or "#" in uri or "@" in parts.netloc:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname) and not parts.netloc.endswith(":") and uri.startswith("https://")
    if parts.scheme == "http":
        return _is_loopback(parts)
    return not parts.netloc and parts.path.startswith("/") and bool(_APP_SCHEME.fullmatch(parts.scheme))


def matches(registered: str, given: str) -> bool:
    """Whether a request's redirect URI is the registered one: the same text, or the same but for a loopback's port.

    A program on the user's machine takes whatever port is free: ``http://127.0.0.1/done`` is registered, and
    ``http://127.0.0.1:51004/done`` comes.
    """
    if registered == given:
        return True
    ours, theirs = _parts(registered), _parts(given)
    if ours is None or theirs is None or ours.scheme != "http" or not _is_loopback(ours):
        return False
    if not may_be_registered(given) or not _is_loopback(theirs):
        return False
    return (ours.scheme, ours.hostname, ours.path, ours.query) == (
        theirs.scheme, theirs.hostname, theirs.path, theirs.query,
    )  # fmt: skip


def is_loopback(uri: str) -> bool:
    """Whether an answer goes to a program on the user's machine: any program there may be listening."""
    parts = _parts(uri)
    return parts is not None and parts.scheme == "http" and _is_loopback(parts)


def origin(uri: str) -> str:
    """Where an answer goes, as a page's policy names it: ``https://app.example:8443``, or ``com.example.app:``."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def _parts(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # looks at it for the first time
        if "[" in parts.netloc:
            IPv6Address(parts.hostname or "")
    except ValueError:
        return None
    return parts


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    return parts.hostname in _LOOPBACK and host in ("127.0.0.1", "[::1]")
