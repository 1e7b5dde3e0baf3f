"""Wires the management of users and OAuth clients."""

import secrets


def new_client_secret() -> str:
    """A client's secret: 256 bits, with a prefix that secret scanners can know."""
    return "lls_" + secrets.token_urlsafe(32)
