"""Stripe's own description of the served paths: routes, request checks and response checks.

Validators are compiled once, on first use: a process that creates customers never pays for charges.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs

from local.stripe_sandbox import errors, forms

Json = dict[str, Any]

_FILE = Path(__file__).with_name("openapi.json.gz")
_BASE = "urn:stripe"
_REMOVED = "payment_method_types"


@dataclass(eq=False)
class Operation:
    """One method of one path, with its lazily compiled validators."""

    method: str
    path: str
    schema: Json
    spec: OpenApi
    parts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.parts = self.path.split("/")[1:]

    @property
    def name(self) -> str:
        """``POST /v1/customers/{customer}``."""
        return f"{self.method.upper()} {self.path}"

    @property
    def is_update(self) -> bool:
        """Whether an empty text may unset something: a POST to an existing thing."""
        return self.method == "post" and "{" in self.path

    @property
    def params(self) -> Json:
        """Schema of what the caller may send."""
        schema: Json = self.schema["form" if self.method == "post" else "query"]
        return schema

    @cached_property
    def request_validator(self) -> jsonschema_rs.Validator:
        return self.spec.compile(self.params)

    @cached_property
    def response_validator(self) -> jsonschema_rs.Validator:
        return self.spec.compile(self.schema["response"])

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """The path's ids, when the path is this operation's."""
        if len(parts) != len(self.parts):
            return None
        ids = {}
        for pattern, part in zip(self.parts, parts, strict=True):
            if pattern.startswith("{") and part:
                ids[pattern[1:-1]] = part
            elif pattern != part:
                return None
        return ids

    def check_request(self, tree: Json) -> Json:
        """Coerced and validated parameters.

        Raises:
            InvalidRequestError: with the parameter's name as Stripe writes it.
        """
        if _REMOVED in tree and "allowed_payment_method_types" in self.params.get("properties", {}):
            message = f"`{_REMOVED}` cannot be set in this API version; use `allowed_payment_method_types`."
            raise errors.InvalidRequestError(message, code=f"{_REMOVED}_no_longer_supported", param=_REMOVED)
        coercion = forms.Coercion()
        params: Json = coercion.run(tree, self.params, [])
        if coercion.empties and not self.is_update:
            name = coercion.empties[0]
            message = f"The value of '{name}' is empty, and '{name}' cannot be unset here."
            raise errors.InvalidRequestError(message, code="parameter_invalid_empty", param=name)
        error = next(self.request_validator.iter_errors(params), None)
        if error is not None:
            raise _as_failure(error)
        return params

    def response_problems(self, status: int, body: Any) -> list[str]:
        """Where an answer departs from the description (empty: nowhere)."""
        validator = self.response_validator if status == 200 else self.spec.error_validator
        return [f"{'/'.join(map(str, e.instance_path))}: {e.message[:300]}" for e in validator.iter_errors(body)]


class OpenApi:
    """The cut of Stripe's OpenAPI document (see cut_openapi.py)."""

    def __init__(self) -> None:
        document = json.loads(gzip.decompress(_FILE.read_bytes()))
        self.version: str = document["version"]
        self.schemas: Json = document["components"]["schemas"]
        self._registry = jsonschema_rs.Registry([(_BASE, {"components": document["components"]})])
        self._by_length: dict[tuple[str, int], list[Operation]] = {}
        for path, methods in document["operations"].items():
            for method, schema in methods.items():
                operation = Operation(method, path, _absolute(schema), self)
                self._by_length.setdefault((method, len(operation.parts)), []).append(operation)
        for group in self._by_length.values():  # `/v1/charges/search` is no charge's id
            group.sort(key=lambda operation: operation.path.count("{"))

    @property
    def operations(self) -> list[Operation]:
        """All of them."""
        return [operation for group in self._by_length.values() for operation in group]

    @cached_property
    def versions(self) -> frozenset[str]:
        """Every version of the API that Stripe has published: those that a webhook endpoint may ask for."""
        operation, _ = self.find("POST", "/v1/webhook_endpoints")
        return frozenset(operation.params["properties"]["api_version"]["enum"])

    @cached_property
    def error_validator(self) -> jsonschema_rs.Validator:
        return self.compile({"$ref": f"{_BASE}#/components/schemas/error"})

    def compile(self, schema: Json) -> jsonschema_rs.Validator:
        """A validator whose references point into the cut."""
        return jsonschema_rs.Draft202012Validator(schema, registry=self._registry)

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """The operation and the ids in its path.

        Raises:
            InvalidRequestError: 404, as Stripe's for an unknown URL.
        """
        parts = path.rstrip("/").split("/")[1:]
        for operation in self._by_length.get((method.lower(), len(parts)), ()):
            ids = operation.match(parts)
            if ids is not None:
                return operation, ids
        raise errors.unrecognized_url(method.upper(), path)


@cache
def description() -> OpenApi:
    """The description, read once a process: nothing of it ever changes, and its validators are dear to compile."""
    return OpenApi()


def _absolute(node: Any) -> Any:
    """References inside an operation lead into the registry's document."""
    if isinstance(node, dict):
        return {k: _BASE + v if k == "$ref" and isinstance(v, str) else _absolute(v) for k, v in node.items()}
    return [_absolute(item) for item in node] if isinstance(node, list) else node


def _deepest(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """The most telling error below an ``anyOf``: the one that got furthest into the value."""
    kind = error.kind
    if not isinstance(kind, jsonschema_rs.ValidationErrorKind.AnyOf):
        return error
    inner = [_deepest(e) for branch in kind.context for e in branch]
    best = max(inner, key=lambda e: len(e.instance_path), default=error)
    return best if len(best.instance_path) > len(error.instance_path) else error


def _as_failure(error: jsonschema_rs.ValidationError) -> errors.InvalidRequestError:
    """A validator's error in Stripe's terms."""
    error = _deepest(error)
    kinds, kind = jsonschema_rs.ValidationErrorKind, error.kind
    path: list[str | int] = list(error.instance_path)
    param = forms.name_of(path)
    shown = str(error.instance)[:60]
    if isinstance(kind, kinds.Required):
        return errors.missing(forms.name_of([*path, str(kind.property)]))
    if isinstance(kind, kinds.AdditionalProperties):
        return errors.unknown(forms.name_of([*path, kind.unexpected[0]]))
    if isinstance(kind, kinds.Enum):
        options = ", ".join(str(option) for option in kind.options)
        return errors.InvalidRequestError(f"Invalid {param}: must be one of {options}", param=param)
    if isinstance(kind, kinds.MaxLength):
        return errors.InvalidRequestError(
            f"Invalid string: {param} has more than {kind.limit} characters.", param=param
        )
    if isinstance(kind, kinds.Type):
        expected = kind.types[0] if kind.types else "value"
        code = "parameter_invalid_integer" if expected == "integer" else None
        return errors.InvalidRequestError(f"Invalid {expected}: {shown}", code=code, param=param)
    return errors.InvalidRequestError(f"Invalid value for {param}: {shown}", param=param)
