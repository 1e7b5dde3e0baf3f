"""The service itself: health, the API's description, and the answer to paths that nobody has."""

from pathlib import Path

from pydantic import BaseModel

from billing import bootstrap
from billing.edge.http import File

api = bootstrap.http_api("service")

OPENAPI = Path(__file__).parent / "openapi.json"


class Health(BaseModel):
    status: str
    stage: str


@api.get("/health", scope=None, public=True, answers=Health)
def get_health() -> Health:
    """Whether the service answers."""
    return Health(status="ok", stage=bootstrap.settings().stage)


@api.get("/openapi.json", scope=None, public=True)
def get_openapi() -> File:
    """The OpenAPI document of the whole API."""
    return File(OPENAPI.read_bytes(), "application/json", "openapi.json")


lambda_handler = api.lambda_handler
