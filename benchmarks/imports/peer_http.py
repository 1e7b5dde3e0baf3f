"""``billing.edge.http.api`` under FastAPI and Mangum, for the import times and the making of the routes.

The product's own handlers are imported over it unchanged, so both sides have the same routes, schemas, services,
storage and integrations; only the framework differs. It answers no requests: that is ``benchmarks.cpu.peer``.
"""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from pydantic import BaseModel, create_model

from billing.edge.http.call import Edge
from billing.services.kernel.work import Page, Work

_Handler = Callable[..., Any]


class Listing:
    """As in the product."""

    @classmethod
    def of(cls, page: Page[Any], shape: _Handler) -> "Listing":
        return cls()


def shaped(result: Any, shape: _Handler) -> Any:
    """As in the product."""
    return shape(result)


@dataclass
class File:
    content: bytes
    content_type: str
    name: str


@dataclass
class Accepted:
    result: BaseModel
    location: str


class _Meta(BaseModel):
    request_id: str
    timestamp: str


def current_call() -> Any:
    """Only requests have one."""
    raise NotImplementedError


async def _work() -> Any:
    raise NotImplementedError


CurrentWork = Annotated[Work, Depends(_work)]


async def _refused(*_: Any) -> JSONResponse:
    return JSONResponse({})


class HttpApi:
    """The routes of one function, as FastAPI's."""

    def __init__(self, edge: Edge, logger: Any, title: str) -> None:
        self._app = FastAPI(title=title, openapi_url=None)
        self._app.add_exception_handler(RequestValidationError, _refused)
        self._app.add_exception_handler(Exception, _refused)
        asyncio.set_event_loop(asyncio.new_event_loop())  # else Mangum looks for one in a way that warns
        self.lambda_handler = Mangum(self._app, lifespan="off", api_gateway_base_path="/api")

    def get(self, path: str, **policy: Any) -> Callable[[_Handler], _Handler]:
        return self._route("GET", path, 200, **policy)

    def post(self, path: str, status: int = 201, **policy: Any) -> Callable[[_Handler], _Handler]:
        return self._route("POST", path, status, **policy)

    def patch(self, path: str, **policy: Any) -> Callable[[_Handler], _Handler]:
        return self._route("PATCH", path, 200, **policy)

    def delete(self, path: str, status: int = 200, **policy: Any) -> Callable[[_Handler], _Handler]:
        return self._route("DELETE", path, status, **policy)

    def _route(
        self,
        method: str,
        path: str,
        status: int,
        *,
        answers: type[BaseModel] | None = None,
        many: bool = False,
        **policy: Any,
    ) -> Callable[[_Handler], _Handler]:
        def register(handler: _Handler) -> _Handler:
            envelope = None
            if answers is not None:
                fields: dict[str, Any] = {"data": (list[answers] if many else answers, ...), "meta": (_Meta, ...)}  # type: ignore[valid-type]
                envelope = create_model(f"{answers.__name__}Envelope", **fields)

            def endpoint(**arguments: Any) -> Any:
                return handler(**arguments)

            signature = inspect.signature(handler)
            endpoint.__signature__ = signature.replace(return_annotation=inspect.Signature.empty)  # type: ignore[attr-defined]
            endpoint.__name__ = handler.__name__
            self._app.add_api_route(path, endpoint, methods=[method], status_code=status, response_model=envelope)
            return handler

        return register
