"""Issue 15: schemathesis calls every route as docs/openapi.json describes it: one by one, and in stories in which one
answer names what the next call is about. No 5xx, and no answer that is not described.

What is made up is the same in each run. A minute of CI is dear: WORTH=10 makes ten times as many calls, for whoever
looks for more.
"""

import contextlib
import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import FlakyStrategyDefinition, Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from tests.integration.access.described import Caller, document, gateway
from tests.integration.world import World

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
WORTH = int(os.environ.get("WORTH", "1"))
GOOD, BAD, STORIES, STEPS = 2 * WORTH, WORTH, 6 * WORTH, 20
BOUNDED = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


class Book:
    """What was called, and what was wrong."""

    def __init__(self) -> None:
        self.called: set[str] = set()
        self.done: set[str] = set()
        self.wrong: list[str] = []

    def look(self, case: Any, response: Any) -> None:
        """Hold an answer against the document."""
        label = case.operation.label
        self.called.add(label)
        if response.status_code < 400:
            self.done.add(label)
        try:
            case.validate_response(response, checks=CHECKS)
        except Exception as failure:
            self.wrong.append(f"{label}: {failure}")
            raise


@pytest.fixture(scope="module")
def schema(world: World) -> Any:
    made = schemathesis.openapi.from_dict(document())
    made.app = gateway(world)
    return made


@pytest.fixture(scope="module")
def me(world: World) -> Caller:
    return Caller(world)


def try_out(me: Caller, operation: Any, mode: GenerationMode, times: int, book: Book) -> None:
    """Call an operation some times."""

    @settings(BOUNDED, max_examples=times)
    @given(operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            me.at_home(case)
        book.look(case, case.call(headers=me.headers(operation.definition.raw)))

    one()


def test_15_every_answer_is_described(me: Caller, schema: Any) -> None:
    """Good requests about things that are there, and bad ones."""
    book, operations = Book(), [each.ok() for each in schema.get_all_operations()]
    for each in operations:
        try_out(me, each, GenerationMode.POSITIVE, GOOD, book)
        with contextlib.suppress(Unsatisfiable):  # it takes nothing that could be wrong
            try_out(me, each, GenerationMode.NEGATIVE, BAD, book)
    assert book.called == {each.label for each in operations}
    assert len(book.done) > 60, sorted(book.done)


def test_15_every_answer_is_described_in_stories(me: Caller, world: World, schema: Any) -> None:
    """schemathesis's stateful phase, by the links between answers and requests that it infers from the document."""
    book, machine = Book(), schema.as_state_machine()

    class Stories(machine):  # type: ignore[misc, valid-type]
        def setup(self) -> None:
            self.me = me if me.is_let_in else Caller(world)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": self.me.headers(case.operation.definition.raw)}

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            book.look(case, response)

    for n in range(STORIES):
        # Each by itself: what one has made is there in the next, which Hypothesis would take for a fault of its own.
        with contextlib.suppress(FlakyStrategyDefinition):
            seed(n)(Stories).run(settings=settings(BOUNDED, max_examples=2, stateful_step_count=STEPS))
    assert book.wrong == []
    assert len(book.done) > 12, sorted(book.done)
