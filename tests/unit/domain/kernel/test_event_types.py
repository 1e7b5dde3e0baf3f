"""The catalogue of events: each is named once, explained, of a known resource, and emitted somewhere."""

import re
from pathlib import Path

import pytest

from billing.domain.kernel.event_types import EventType

SERVICES = Path(__file__).parents[4] / "layers" / "shared" / "billing" / "services"
SOURCES = {path: path.read_text() for path in SERVICES.rglob("*.py")}
DOMAIN = [path.read_text() for path in SERVICES.parent.joinpath("domain").rglob("*.py") if path.stem != "event_types"]


@pytest.mark.parametrize("event_type", EventType)
def test_an_event_is_explained_and_named_after_what_it_is_about(event_type: EventType) -> None:
    resource, _, fact = event_type.value.partition(".")
    assert re.fullmatch("[a-z_]+", resource)
    assert re.fullmatch("[a-z_]+", fact)
    assert event_type.name == event_type.value.upper().replace(".", "_")
    assert event_type.meaning.endswith(".")
    assert event_type.value == event_type


@pytest.mark.parametrize("event_type", EventType)
def test_no_event_is_listed_that_nothing_emits(event_type: EventType) -> None:
    """Issue 10: a subscriber who reads the catalogue may wait for each of them."""
    assert any(f"EventType.{event_type.name}" in text for text in (*SOURCES.values(), *DOMAIN))


@pytest.mark.parametrize(
    "path", [path for path, text in SOURCES.items() if "emit(" in text], ids=lambda path: path.stem
)
def test_no_event_is_emitted_by_a_literal(path: Path) -> None:
    """Issue 10: what is not in the catalogue cannot be emitted; mypy holds the type, this the reader's eye."""
    assert re.findall(r"\.emit\(\s*f?[\"']", SOURCES[path]) == []
