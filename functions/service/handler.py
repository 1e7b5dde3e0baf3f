"""The service itself: health, the API's description, and the answer to unknown paths."""

from pathlib import Path

from pydantic import BaseModel

from billing.bootstrap.http import http_api
from billing.bootstrap.process import settings
from billing.edge.http.api import File

api = http_api("service")

OPENAPI = Path(__file__).parent / "openapi.json"


class Health(BaseModel):
    status: str
    stage: str


def get_health() -> Health:
    """Whether the service answers."""
    return Health(status="ok", stage=settings().stage)


def get_openapi() -> File:
    """The OpenAPI document of the whole API."""
    return File(OPENAPI.read_bytes(), "application/json", "openapi.json")


# At the root for probes and browsers, and beside all other routes.
for root in ("", "/v1"):
    api.get(f"{root}/health", scope=None, public=True, answers=Health)(get_health)
    api.get(f"{root}/openapi.json", scope=None, public=True)(get_openapi)

lambda_handler = api.lambda_handler
