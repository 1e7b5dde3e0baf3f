"""The banks of a connected account, as its platform manages them; a holder with a dashboard names them there."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import banks, connect, errors, paging
from local.stripe_sandbox.registry import Call, serves
from local.stripe_sandbox.store import Record

Json = dict[str, Any]

_PATH = "/v1/accounts/{account}/external_accounts"


@serves(f"POST {_PATH}", "bank_account default_for_currency external_account metadata")
def create(call: Call) -> Json:
    """A further bank, from its details (tokens are not served)."""
    record, before = _own(call)
    params = call.params
    if ("bank_account" in params) == ("external_account" in params):
        raise errors.missing("external_account")
    details = params.get("external_account", params.get("bank_account"))
    default = bool(params.get("default_for_currency"))
    bank = banks.add(record.body, record.hidden, details, default=default, metadata=params.get("metadata"))
    connect.save(call.context, record.body, record.hidden, before)
    return bank


@serves(f"GET {_PATH}/{{id}}")
def retrieve(call: Call) -> Json:
    """A bank."""
    return banks.get(connect.account_of(call.context, call.ids["account"]), call.ids["id"])


@serves(f"POST {_PATH}/{{id}}", "account_holder_name account_holder_type account_type default_for_currency metadata")
def update(call: Call) -> Json:
    """Change a bank; any call, an empty one too, has payouts go there again after one failed."""
    record, before = _own(call)
    bank = banks.update(record.body, banks.get(record.body, call.ids["id"]), call.params)
    connect.save(call.context, record.body, record.hidden, before)
    return bank


@serves(f"DELETE {_PATH}/{{id}}")
def delete(call: Call) -> Json:
    """Remove a bank that nothing depends on."""
    record, before = _own(call)
    bank = banks.get(record.body, call.ids["id"])
    banks.remove(record.body, bank)
    connect.save(call.context, record.body, record.hidden, before)
    return {"id": bank["id"], "object": "bank_account", "currency": bank["currency"], "deleted": True}


@serves(f"GET {_PATH}", "object")
def find(call: Call) -> Json:
    """The banks of an account, newest first."""
    account = connect.account_of(call.context, call.ids["account"])
    newest = banks.of(account)[::-1] if call.params.get("object") != "card" else []
    return paging.slice_of(newest, call.path, call.params)


def _own(call: Call) -> tuple[Record, Json]:
    """The account, which has to be one whose requirements the platform collects, and what it was."""
    record = connect.record_of(call.context, call.ids["account"])
    connect.require_own_requirements(record.body)
    return record, dict(record.body)
