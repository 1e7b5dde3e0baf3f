"""Keys, and what else says who may do what."""

import secrets

from billing.bootstrap import process, storage
from billing.domain.access import key_text
from billing.services.access.keys import Keys
from billing.storage.audit_log import DynamoAuditLog
from billing.storage.callers import Callers


def api_keys() -> Keys:
    """The use cases of API keys."""
    callers = Callers(storage.database(), process.now)
    return Keys(new_api_key, callers, new_signing_secret, storage.vault().seal)


def audit() -> DynamoAuditLog:
    """What reads the audit log."""
    return DynamoAuditLog(storage.database(), storage.vault())


def new_signing_secret() -> str:
    """What a key's requests are signed under: 256 random bits."""
    return "sgn_" + secrets.token_urlsafe(32)


def new_api_key(kind: str) -> str:
    """A random API key of a kind: ``live``, ``test`` or ``platform``."""
    return key_text.compose(kind, secrets.token_bytes(key_text.ENTROPY_BYTES))
