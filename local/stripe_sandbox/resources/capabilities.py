"""The capabilities of a connected account."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import agreements, capabilities, connect
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]

_PATH = "/v1/accounts/{account}/capabilities"


@serves(f"GET {_PATH}/{{capability}}")
def retrieve(call: Call) -> Json:
    """One capability, asked for or not."""
    record = connect.record_of(call.context, call.ids["account"])
    return capabilities.show(record.body, record.hidden, capabilities.check_name(call.ids["capability"]))


@serves(f"POST {_PATH}/{{capability}}", "requested")
def update(call: Call) -> Json:
    """Ask for a capability, or give it back."""
    name = capabilities.check_name(call.ids["capability"])
    record = connect.record_of(call.context, call.ids["account"])
    account, before = record.body, dict(record.body)
    if "requested" in call.params:
        capabilities.request(account, record.hidden, {name: call.params["requested"]}, call.context.now)
        agreements.check(account)
        connect.save(call.context, account, record.hidden, before)
    return capabilities.show(account, record.hidden, name)


@serves(f"GET {_PATH}")
def find(call: Call) -> Json:
    """All capabilities that the account asked for; the list has one page."""
    record = connect.record_of(call.context, call.ids["account"])
    data = [capabilities.show(record.body, record.hidden, name) for name in record.body["capabilities"]]
    return {"object": "list", "data": data, "has_more": False, "url": call.path}
