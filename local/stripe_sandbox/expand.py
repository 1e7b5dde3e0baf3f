"""``expand[]``: ids become the things that they name, along the paths that Stripe's description allows."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import connect, ledger
from local.stripe_sandbox.context import Context
from local.stripe_sandbox.errors import InvalidRequestError
from local.stripe_sandbox.openapi import OpenApi

Json = dict[str, Any]

_DEPTH = 4
_BY_PREFIX = {
    "acct_": "account",
    "ch_": "charge",
    "cs_": "checkout.session",
    "cus_": "customer",
    "du_": "dispute",
    "pi_": "payment_intent",
    "pm_": "payment_method",
    "po_": "payout",
    "py_": "charge",
    "pyr_": "refund",
    "re_": "refund",
    "seti_": "setup_intent",
    "tr_": "transfer",
    "trr_": "transfer_reversal",
    "txn_": "balance_transaction",
}
# What a platform sees of its connected accounts (and they of it) through its transfers.
_ACROSS = ("acct_", "py_", "pyr_", "tr_", "trr_")


class Expander:
    """Expands answers of one request."""

    def __init__(self, spec: OpenApi, context: Context) -> None:
        self._spec = spec
        self._context = context

    def run(self, body: Json, paths: list[str]) -> Json:
        """The body, expanded in place.

        Raises:
            InvalidRequestError: a property that cannot be expanded, or a path deeper than four levels.
        """
        for path in paths:
            parts = path.split(".")
            if len(parts) > _DEPTH:
                raise InvalidRequestError("You cannot expand more than 4 levels of a property.", param="expand")
            if path == "total_count" and body.get("object") == "search_result":
                continue  # whoever searched has counted
            if body.get("object") in {"list", "search_result"}:
                if parts[0] != "data":
                    raise _not_expandable(path)
                for item in body["data"]:
                    self._expand(item, self._schema_of(item), parts[1:], path)
            else:
                self._expand(body, self._schema_of(body), parts, path)
        return body

    def _schema_of(self, body: Json) -> Json:
        name = body["object"]
        schema: Json = self._spec.schemas[f"deleted_{name}" if body.get("deleted") else name]
        return schema

    def _expand(self, node: Json, schema: Json, parts: list[str], path: str) -> None:
        if not parts:
            return
        name, rest = parts[0], parts[1:]
        if name not in schema.get("x-expandableFields", ()):
            raise _not_expandable(path)
        value = node.get(name)
        if isinstance(value, str):
            value = node[name] = self._resource(value)
        if isinstance(value, dict) and value.get("object") == "list":
            for item in value["data"] if rest[:1] == ["data"] else ():
                self._expand(item, self._schema_of(item), rest[1:], path)
        elif isinstance(value, dict):
            inner = self._schema_of(value) if "object" in value else self._field_schema(schema, name)
            self._expand(value, inner, rest, path)

    def _resource(self, object_id: str) -> Any:
        if object_id.startswith("ba_"):
            return connect.bank_of(self._context, object_id)
        kind = _BY_PREFIX.get(object_id[: object_id.find("_") + 1])
        if kind is None:
            return object_id
        find = self._context.store.find_anywhere if object_id.startswith(_ACROSS) else self._context.find
        record = find(kind, object_id) or find(f"deleted_{kind}", object_id)
        if record is None:
            return object_id
        is_line = kind == "balance_transaction"
        return ledger.shown(record.body, self._context.now) if is_line else record.body

    def _field_schema(self, schema: Json, name: str) -> Json:
        """The schema of a plain nested object, such as a customer's ``invoice_settings``."""
        field = schema["properties"][name]
        branches = [field, *field.get("anyOf", ())]
        refs = (branch["$ref"].rsplit("/", 1)[-1] for branch in branches if "$ref" in branch)
        return next((self._spec.schemas[ref] for ref in refs), {})


def _not_expandable(path: str) -> InvalidRequestError:
    return InvalidRequestError(f"This property cannot be expanded ({path}).", param="expand")
