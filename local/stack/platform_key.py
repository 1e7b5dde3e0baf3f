"""The first key of a new stack: the platform's own, which creates tenants and makes its other keys.

On AWS, once, after the first deploy: `python -m local.stack.platform_key --stack ledgerline-dev`.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from billing.domain.access import key_text
from billing.domain.access.api_key import ApiKey
from billing.domain.access.caller import digest, key_caller
from billing.domain.tenant import PLATFORM
from billing.storage.caller_items import caller_item
from billing.storage.codec import Sealer, encode
from billing.storage.tables import AccessItem
from local.stack.outputs import outputs_of, parser_of

# Platform calls are few; the limits only keep a runaway script away from the tables.
LIMIT_PER_MINUTE = 1000
LIMIT_PER_SLOT = 333  # twice the rate, in a slot of 10 s


def caller_id(key: str) -> str:
    """The hash key of an API key's item: the key itself is stored nowhere."""
    return key_caller(digest(key))


def new_key() -> str:
    """A key of the platform's: 256 random bits, with a prefix and a checksum that scanners know."""
    return key_text.compose(PLATFORM, secrets.token_bytes(key_text.ENTROPY_BYTES))


def create_platform_key(dynamodb_client: Any, tables: Mapping[str, str], key: str | None = None) -> str:
    """Make a key of the platform's, and return it.

    Args:
        tables: the names of the stack's tables `callers` and `access`.
        key: one that is to stay.
    """
    key = key or new_key()
    sha256 = digest(key)
    made = ApiKey(
        id=f"key_platform_{sha256[:16]}",
        tenant_id=PLATFORM,
        key_sha256=sha256,
        name=PLATFORM,
        scope=PLATFORM,
        minute_limit=LIMIT_PER_MINUTE,
        slot_limit=LIMIT_PER_SLOT,
        created_at=datetime.now(UTC),
        hint=key_text.hint(key),
        version=1,
    )
    body = encode(made, _NOTHING_PERSONAL, PLATFORM, made.id)
    item = AccessItem(tenant_id=PLATFORM, id=made.id, version=1, body=body)
    dynamodb_client.put_item(TableName=tables["access"], Item=item.serialize())
    dynamodb_client.put_item(TableName=tables["callers"], Item=caller_item(made.caller).serialize())
    return key


class _Nothing:
    """Seals nothing: a key has no personal field."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name}: a key has nothing to seal")


_NOTHING_PERSONAL: Sealer = _Nothing()


def main() -> None:
    """Create one in a deployed stack and print it, once."""
    parser = parser_of("Creates a platform API key in a deployed stack.")
    stack = parser.parse_args().stack
    values = outputs_of(stack)
    tables = {"callers": values["TableCallers"], "access": values["TableAccess"]}
    print(create_platform_key(boto3.client("dynamodb"), tables))


if __name__ == "__main__":
    main()
