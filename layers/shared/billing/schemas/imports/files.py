"""Files of JSON objects, as people have them: a list, an API's page of a list, or a line for each object."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from billing.domain.customers.customer import Address
from billing.domain.imports.source import Kind, Problem, Record
from billing.schemas.customers import CustomerIn
from billing.schemas.imports.csv_rows import decoded


@dataclass(frozen=True, slots=True)
class Line:
    """An object of a file.

    Args:
        number: of the line, from 1; in a list, of the element; of CSV, of the row, as a spreadsheet shows it.
        value: empty where the line is no object.
        problems: what is wrong with the line, before anybody looks at the object.
        kind: what a file of CSV has; None where the object itself says what it is.
    """

    number: int
    value: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()
    kind: Kind | None = None

    def refused(self) -> Record:
        """That of a line with no object to read."""
        return Record(self.number, self.kind, "", problems=self.problems)


@dataclass(frozen=True, slots=True)
class CheckedCustomer:
    """What a customer says of itself, as the API would take it."""

    name: str
    email: str | None
    address: Address | None
    locale: str | None
    tax_id: str | None
    tax_exempt: str
    metadata: dict[str, str]


def id_of(line: Line) -> str:
    """The id that an object has at its source; empty where it has none."""
    found = line.value.get("id")
    return found if isinstance(found, str) else ""


def guarded(reading: Callable[[int, str, Mapping[str, Any]], Record], kind: Kind, line: Line, malformed: str) -> Record:
    """What an object is read as; one that is no object of its source's stops no other one.

    What is wrong with its line is said together with what is wrong with the object.

    Args:
        malformed: what is said of such a one.
    """
    try:
        found = reading(line.number, id_of(line), line.value)
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError):
        why = () if line.problems else (Problem("", "malformed", malformed),)
        found = Record(line.number, kind, id_of(line), problems=why)
    if not line.problems or found.ignored is not None:
        return found
    said = {each.field for each in line.problems}
    return replace(found, item=None, problems=(*line.problems, *(e for e in found.problems if e.field not in said)))


def read_objects(content: bytes) -> list[Line]:
    """The objects of a file; numbers with a fraction are exact.

    Raises:
        ValidationFailed: it is not UTF-8; or it is one JSON value, and neither an object nor a list.
    """
    text = decoded(content)
    try:
        whole = _json(text)
    except ValueError:
        # `splitlines` would cut at U+2028 and others, which JSON allows within a text.
        lines = enumerate(text.split("\n"), start=1)
        return [_line(number, line) for number, line in lines if line.strip()]
    if isinstance(whole, Mapping) and isinstance(whole.get("data"), list):
        whole = whole["data"]
    found = whole if isinstance(whole, list) else [whole]
    return [_object(number, each) for number, each in enumerate(found, start=1)]


def problems_of(said: Mapping[str, Any]) -> tuple[CheckedCustomer | None, list[Problem]]:
    """A customer's data under the rules of the API; or what is wrong with it, all at once."""
    try:
        found = CustomerIn.model_validate({name: value for name, value in said.items() if value is not None})
    except ValidationError as error:
        return None, list(found_wrong(error))
    address = found.address.address() if found.address else None
    return CheckedCustomer(
        found.name, found.email, address, found.locale, found.tax_id, found.tax_exempt, found.metadata
    ), []


def found_wrong(error: ValidationError) -> tuple[Problem, ...]:
    """What is wrong by the rules of the API; no value is told, for it may be a person's."""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)
    return tuple(Problem(_field(each["loc"]), each["type"], each["msg"]) for each in wrong)


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _line(number: int, text: str) -> Line:
    try:
        return _object(number, _json(text))
    except ValueError:
        return Line(number, {}, (Problem("", "invalid_json", "The line is no JSON"),))


def _object(number: int, value: Any) -> Line:
    if isinstance(value, Mapping):
        return Line(number, value)
    return Line(number, {}, (Problem("", "must_be_an_object", "Each line is an object"),))


def _field(place: tuple[int | str, ...]) -> str:
    return ".".join(re.sub(r"(?<!^)([A-Z])", r"_\1", str(each)).lower() for each in place)
