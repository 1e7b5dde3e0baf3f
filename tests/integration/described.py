"""The API's description, as tests read it."""

import json
from pathlib import Path

from tests.integration.world import Json

DOCUMENT: Json = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())


def _scopes(operation: Json) -> set[str]:
    return {scope for each in operation.get("security", []) for scopes in each.values() for scope in scopes}


OF_PLATFORM = tuple(
    path
    for path, item in DOCUMENT["paths"].items()
    if any("platform" in _scopes(operation) for operation in item.values() if isinstance(operation, dict))
)
"""The paths of which a method is the platform's own keys' alone."""

FOR_PEOPLE = ("/oauth2/", "/pay/", "/portal")
"""Where the paths of pages and of their forms begin."""
