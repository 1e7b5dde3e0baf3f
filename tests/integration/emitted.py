"""Issue 16: what the tests emit is held against what OpenAPI's `webhooks` say of its type."""

import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

_KEPT = 3
"""Of each type: as many shapes as a type has are seldom more, and to hold all would take a minute."""


@cache
def _document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
    return loaded


class Emitted:
    """Keeps the first few events of each type that units of work commit."""

    def __init__(self) -> None:
        self._kept: dict[str, list[bytes]] = defaultdict(list)

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """From now on."""
        from billing.schemas.webhooks.event import body
        from billing.storage.outbox import Outbox

        real = Outbox.events

        def events(outbox: Outbox, *arguments: Any) -> Any:
            made = real(outbox, *arguments)
            for each in made:
                if len(self._kept[each.head.type]) < _KEPT:
                    self._kept[each.head.type].append(body(each))
            return made

        patch.setattr(Outbox, "events", events)

    def problems(self) -> list[str]:
        """What is not as it is documented, a line each."""
        found = []
        for event_type, bodies in self._kept.items():
            webhook = _document()["webhooks"][event_type]["post"]["requestBody"]["content"]["application/json"]
            schema = {**webhook["schema"], "components": _document()["components"]}
            shape = Draft202012Validator(schema, validate_formats=True)
            found += [
                f"{event_type}: {error.instance_path} {error.message[:200]}"
                for each in bodies
                for error in shape.iter_errors(json.loads(each))
            ]
        return found
