"""The platform's first key, and with it the first tenant, made through the API like any other."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from billing.domain.access.caller import ACTIVE, key_caller
from billing.domain.tenant import PLATFORM, TENANTS
from billing.storage.packing import unpack
from billing.storage.registry import join
from local.console import Failure
from local.stack.platform_key import caller_id, create_platform_key, new_key
from operations.deploy.kept import Keep, Known

Json = dict[str, Any]
REQUEST_TIMEOUT_S = 60.0
"""The first call of a function is a cold start."""
TRIES, PAUSE_S = 6, 5.0
"""A fresh API answers 403, 404 or 503 for some seconds."""
REPLAYED_FOR = timedelta(hours=23)
"""An answer is replayed for 24 hours; a run takes its time."""
TENANT: Json = {
    "name": "Demo tenant",
    "mode": "test",
    "currency": "USD",
    "timezone": "UTC",
    "legalName": "Demo Software, Inc.",
    "address": {
        "line1": "500 Market Street",
        "city": "Springfield",
        "postalCode": "62701",
        "state": "IL",
        "country": "US",
    },
    "taxId": "12-3456789",
    "email": "billing@demo.example",
    "invoicePrefix": "DEMO",
}
"""In test mode: a stage that is no production gets this one where nobody says another."""


def is_known(dynamodb: Any, table: str, key: str) -> bool:
    """Whether a key is in the table of callers, and calls with it are let in."""
    item = _caller(dynamodb, table, caller_id(key)) if key else None
    return item is not None and _is_let_in(item)


def _caller(dynamodb: Any, table: str, name: str) -> Json | None:
    found: Json = dynamodb.get_item(TableName=table, Key={"caller_id": {"S": name}}, ConsistentRead=True)
    return found.get("Item")


def _is_let_in(item: Json) -> bool:
    """Neither revoked nor expired."""
    ends = item["key_expires_at"]["S"] if "key_expires_at" in item else None
    return item["status"]["S"] == ACTIVE and (ends is None or datetime.fromisoformat(ends) > datetime.now(UTC))


def ensure_platform_key(
    dynamodb: Any, tables: Mapping[str, str], known: Known, keep: Keep, *, another: bool = False
) -> str:
    """Have a platform key; what was found and done.

    Args:
        tables: the names of the stack's tables.
        another: make one though there are some, of which this machine knows none that works.
    """
    mine = _caller(dynamodb, tables["callers"], caller_id(known.platform_api_key)) if known.platform_api_key else None
    if mine is not None and _is_let_in(mine):
        return "found"
    if mine is not None or not known.platform_api_key:  # else it was kept, and the run was cut off before it was made
        others = _platform_keys(dynamodb, tables)
        if not another and mine is not None:
            return f"revoked or expired, and {others} others work: NEW_PLATFORM_KEY=1 makes another"
        if not another and others:
            return f"found {others}, made elsewhere"
        known.platform_api_key = new_key()
        keep()
    create_platform_key(dynamodb, tables, known.platform_api_key)
    return "made"


def _platform_keys(dynamodb: Any, tables: Mapping[str, str]) -> int:
    """How many keys of the platform's work."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=tables["access"],
        KeyConditionExpression="tenant_id = :platform AND begins_with(id, :key)",
        ExpressionAttributeValues={":platform": {"S": PLATFORM}, ":key": {"S": "key_"}},
    )
    digests = [json.loads(unpack(each["body"]["S"]))["key_sha256"] for page in pages for each in page["Items"]]
    callers = (_caller(dynamodb, tables["callers"], key_caller(each)) for each in digests)
    return sum(each is not None and _is_let_in(each) for each in callers)


def ensure_tenant(
    dynamodb: Any,
    tables: Mapping[str, str],
    api: str,
    body: Json | None,
    known: Known,
    keep: Keep,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Have a tenant with an admin key; what was found and done.

    Args:
        body: of ``POST /v1/tenants``; None: make none.

    Raises:
        Failure: the API does not answer, refuses, or there is no platform key to ask it with.
    """
    if is_known(dynamodb, tables["callers"], known.api_key):
        return f"found {known.tenant_id}"
    if known.api_key or not _is_replayed(known):  # not an answer that was lost on its way
        there = _tenants(dynamodb, tables["tenants"])
        if there:
            return f"found {there}, made elsewhere"
        if body is None:
            return "none yet: say TENANT_FILE=tenant.json (the body of POST /v1/tenants)"
        known.tenant_request = f"first-tenant-{secrets.token_hex(10)}"
        known.tenant_asked_at = datetime.now(UTC).isoformat()
    if not known.platform_api_key:
        raise Failure("there is no tenant, and no platform key on this machine: say NEW_PLATFORM_KEY=1")
    keep()
    made = _post(api, body or TENANT, known, sleep)
    known.tenant_id, known.api_key = made["id"], made["apiKey"]
    keep()  # whatever comes next may fail, and the key is shown once
    return f"made {known.tenant_id}"


def _is_replayed(known: Known) -> bool:
    """Whether the API still knows what it answered to the request; else it would make a second tenant."""
    if not known.tenant_request or not known.tenant_asked_at:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(known.tenant_asked_at) < REPLAYED_FOR


def _tenants(dynamodb: Any, table: str) -> str:
    """Ids of tenants, the first few."""
    found = dynamodb.query(
        TableName=table,
        IndexName="by_platform",
        KeyConditionExpression="platform_key = :platform",
        ExpressionAttributeValues={":platform": {"S": join(PLATFORM, TENANTS)}},
        Limit=3,
    )
    return ", ".join(each["tenant_id"]["S"] for each in found["Items"])


def _post(api: str, body: Json, known: Known, sleep: Callable[[float], None]) -> Json:
    """Ask for the tenant, under one key however often."""
    reason = ""
    for attempt in range(TRIES):
        if attempt:
            sleep(PAUSE_S)
        try:
            answer = requests.post(
                f"{api}/v1/tenants",
                json=body,
                headers={"X-API-Key": known.platform_api_key, "Idempotency-Key": known.tenant_request},
                timeout=REQUEST_TIMEOUT_S,
            )
        except requests.RequestException as error:
            reason = type(error).__name__
            continue
        if answer.status_code in (200, 201):
            made: Json = answer.json()["data"]
            return made
        reason = f"{answer.status_code} {answer.text[:300]}"
        if answer.status_code not in (403, 404, 409, 429) and answer.status_code < 500:
            break  # it will say the same again
    raise Failure(f"POST {api}/v1/tenants: {reason}; mend that (python -m operations doctor), then say the same again")
