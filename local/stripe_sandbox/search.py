"""Stripe's search query language (https://docs.stripe.com/search).

::

    email~"amy" -metadata["tier"]:null          clauses stand beside each other, or with AND between them
    status:"succeeded" OR amount>=1000          OR instead, never both in one query
    payment_method_details.card.last4:4242      a number needs no quotes, a text does

Simpler than Stripe: what was written is found at once (Stripe may take a minute), and nobody may rely on that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.stripe_sandbox.errors import InvalidRequestError

Json = dict[str, Any]

MOST_CLAUSES = 10
_SHORTEST_PART = 3

TOKEN, TEXT, NUMBER = "token", "string", "numeric"
_OPERATORS = {TOKEN: {":"}, TEXT: {":", "~"}, NUMBER: {":", ">", "<", ">=", "<="}}
_CARD = "payment_method_details.card."
_COMMON = {"created": NUMBER, "metadata": TOKEN}
_PAID = {"amount": NUMBER, "currency": TOKEN, "customer": TOKEN, "status": TOKEN}
FIELDS: dict[str, dict[str, str]] = {
    "customer": _COMMON | {"email": TEXT, "name": TEXT, "phone": TEXT},
    "payment_intent": _COMMON | _PAID,
    "charge": _COMMON
    | _PAID
    | {"billing_details.address.postal_code": TOKEN, "disputed": TOKEN, "refunded": TOKEN}
    | {f"{_CARD}{name}": TOKEN for name in ("last4", "exp_month", "exp_year", "brand", "fingerprint")},
}
"""What can be searched for, and how it is compared."""

_CLAUSE = re.compile(
    r"""\s*(?P<not>-)?(?P<field>[a-z][a-z0-9_.]*)(?:\[(?P<q>["'])(?P<key>(?:\\.|(?!(?P=q)).)+)(?P=q)\])?"""
    r"""(?P<operator>>=|<=|[:~<>])"""
    r"""(?:"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'|(?P<bare>[^\s"']+))(?=\s|$)""",
    re.IGNORECASE,
)
_JOIN = re.compile(r"\s+(?P<word>and|or)(?=\s)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")
_NUMERIC = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Clause:
    """One condition.

    Args:
        field: where to look; ``metadata`` with ``key``.
        key: of the metadata.
        operator: as it is written.
        value: None for ``null``.
        kind: how the field is compared.
        negated: whether it must not hold.
    """

    field: str
    key: str | None
    operator: str
    value: str | None
    kind: str
    negated: bool

    def holds(self, body: Json) -> bool:
        """Whether a document meets it."""
        return self._matches(_value(body, self.field, self.key)) is not self.negated

    def _matches(self, found: Any) -> bool:
        if self.value is None:
            return found is None or found == ""
        if found is None:
            return False
        if self.kind == NUMBER:
            return _COMPARE[self.operator](float(found), float(self.value))
        text, wanted = str(found).casefold(), self.value.casefold()
        if self.operator == "~":
            return wanted in text
        if self.kind == TEXT:
            return f" {' '.join(wanted.split())} " in f" {' '.join(text.split())} "
        return text == wanted


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ":": lambda found, wanted: found == wanted,
    ">": lambda found, wanted: found > wanted,
    "<": lambda found, wanted: found < wanted,
    ">=": lambda found, wanted: found >= wanted,
    "<=": lambda found, wanted: found <= wanted,
}


@dataclass(frozen=True)
class Query:
    """A query: all of its clauses must hold, or any one of them."""

    clauses: tuple[Clause, ...]
    any_of: bool

    def holds(self, body: Json) -> bool:
        """Whether a document is found."""
        results = (clause.holds(body) for clause in self.clauses)
        return any(results) if self.any_of else all(results)


def parse(text: str, object_type: str) -> Query:
    """What a query means for one type of object.

    Raises:
        InvalidRequestError: it is no query, or asks for what this type does not have.
    """
    clauses: list[Clause] = []
    words: set[str] = set()
    at = 0
    while at < len(text.rstrip()):
        if clauses:
            join = _JOIN.match(text, at)
            words.add(join["word"].lower() if join else "and")
            at = join.end() if join else at
        match = _CLAUSE.match(text, at)
        if match is None:
            raise _refused(f"We were unable to parse your search query at '{text[at:].strip()[:60]}'.")
        clauses.append(_clause(match, object_type))
        at = match.end()
    if not clauses:
        raise _refused("The search query is empty.")
    if len(words) > 1:
        raise _refused("AND and OR cannot be combined in one search query.")
    if len(clauses) > MOST_CLAUSES:
        raise _refused(f"A search query can have at most {MOST_CLAUSES} clauses.")
    return Query(tuple(clauses), words == {"or"})


def _clause(match: re.Match[str], object_type: str) -> Clause:
    field, key, operator = match["field"].lower(), match["key"], match["operator"]
    kind = FIELDS[object_type].get(field)
    if kind is None or (field == "metadata") is not (key is not None):
        raise _refused(f"Field `{field}` is an unsupported search field for this resource.")
    if operator not in _OPERATORS[kind]:
        raise _refused(f"The operator `{operator}` is not supported for the {kind} field `{field}`.")
    value = _written(match)
    if value is None and operator != ":":
        raise _refused("`null` can only be compared with `:`.")
    if kind == NUMBER and value is not None and not _NUMERIC.fullmatch(value):
        raise _refused(f"The field `{field}` is compared with a number.")
    if operator == "~" and len(value or "") < _SHORTEST_PART:
        raise _refused(f"A substring must have at least {_SHORTEST_PART} characters.")
    if field in {"disputed", "refunded"} and value not in {"true", "false", None}:
        raise _refused(f'The field `{field}` is "true" or "false".')
    return Clause(field, _ESCAPED.sub(r"\1", key) if key else None, operator, value, kind, bool(match["not"]))


def _written(match: re.Match[str]) -> str | None:
    """The value, without its quotes; None for ``null``."""
    bare: str | None = match["bare"]
    if bare is None:
        quoted = match["double"] if match["double"] is not None else match["single"]
        return _ESCAPED.sub(r"\1", quoted)
    if bare.lower() == "null":
        return None
    if not _NUMERIC.fullmatch(bare):
        raise _refused(f"The text {bare[:60]} has to stand in quotation marks.")
    return bare


def _value(body: Json, field: str, key: str | None) -> Any:
    if key is not None:
        return body["metadata"].get(key)
    if field == "refunded":  # in full, in part, or not at all
        return str(body["refunded"]).lower() if body["amount_refunded"] else None
    if field == "disputed":
        return str(body["disputed"]).lower()
    found: Any = body
    for part in field.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _refused(message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{message} See https://docs.stripe.com/search#search-query-language", param="query")
