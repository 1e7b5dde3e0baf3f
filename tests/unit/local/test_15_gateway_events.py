"""Issue 15, item 7: on one machine too, a function learns from where it is called, and of cookies."""

import asyncio
import copy
import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiohttp import ClientSession, web

from local.stack.gateway import forward, listen
from local.stack.gateway_events import complete_events, completed, match_without_slash
from local.stack.settings import HOST, Ports
from tests.integration.lambdas import event

EVENT: dict[str, Any] = event("http_get")


def with_headers(**headers: str) -> dict[str, Any]:
    made = copy.deepcopy(EVENT)
    made["headers"] = {name.replace("_", "-"): value for name, value in headers.items()}
    return made


def test_the_address_is_what_the_gateway_says_and_never_a_forwarded_one() -> None:
    made = completed(with_headers(x_local_source_ip="203.0.113.9", x_forwarded_for="198.51.100.1"))
    assert made["requestContext"]["http"]["sourceIp"] == "203.0.113.9"
    assert made["headers"] == {"x-forwarded-for": "198.51.100.1"}


def test_cookies_are_a_list_of_their_own_as_in_payload_2() -> None:
    made = completed(with_headers(Cookie="a=1; __Host-s=x=y;", accept="*/*"))
    assert made["cookies"] == ["a=1", "__Host-s=x=y"]
    assert made["headers"] == {"accept": "*/*"}


def test_what_is_no_http_event_stays_as_it_is() -> None:
    for other in ({"Records": [{}]}, {"version": "1.0", "requestContext": {}}, None, []):
        assert completed(other) is other
    assert completed(EVENT) == EVENT


def test_the_emulators_functions_get_completed_events() -> None:
    calls: list[Any] = []
    service = SimpleNamespace(_execute_function_with_config_scope=lambda record, given: calls.append(given))
    complete_events(service)
    service._execute_function_with_config_scope("record", with_headers(cookie="a=1"))
    assert calls[0]["cookies"] == ["a=1"]


def test_the_emulator_calls_functions_by_the_name_that_is_replaced() -> None:
    """Its API Gateway looks the name up at each call; a version that does otherwise would be noticed here."""
    folder = Path(importlib.util.find_spec("ministack").submodule_search_locations[0]) / "services"
    name = "_execute_function_with_config_scope"
    assert f"def {name}(" in (folder / "lambda_svc.py").read_text()
    assert f"lambda_svc.{name}, exec_record, event," in (folder / "apigateway.py").read_text()


def test_18_the_emulator_matches_a_path_with_a_slash_at_its_end_as_one_without() -> None:
    asked: list[tuple[str, str, str]] = []
    service = SimpleNamespace(_match_route=lambda *given: asked.append(given))
    match_without_slash(service)
    for path in ("/dashboard/", "/dashboard/invoices", "/"):
        service._match_route("api", "GET", path)
    assert [path for _, _, path in asked] == ["/dashboard", "/dashboard/invoices", "/"]


def test_18_the_emulator_matches_by_the_name_that_is_replaced() -> None:
    folder = Path(importlib.util.find_spec("ministack").submodule_search_locations[0]) / "services"
    text = (folder / "apigateway.py").read_text()
    assert "def _match_route(api_id, method, path):" in text
    assert "= _match_route(api_id, method, " in text


def test_the_gateway_says_which_address_it_saw_unless_told_another() -> None:
    seen: list[str | None] = []

    async def emulator(request: web.Request) -> web.Response:
        seen.append(request.headers.get("X-Local-Source-Ip"))
        return web.Response()

    async def play() -> None:
        ports = Ports.free()
        async with ClientSession() as session:
            behind = await listen(ports.aws, emulator)
            front = await listen(ports.api, forward(session, f"http://{HOST}:{ports.aws}", None))
            for headers in ({}, {"x-local-source-ip": "203.0.113.9"}):
                await session.get(f"http://{HOST}:{ports.api}/v1/health", headers=headers)
            await front.cleanup()
            await behind.cleanup()

    asyncio.run(play())
    assert seen == [HOST, "203.0.113.9"]
