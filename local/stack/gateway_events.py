"""What API Gateway does for a payload 2.0 event and the emulator does not: the caller's address, cookies, and slashes.

The gateway says in a header which address it saw. Whoever calls the local stack may send that header himself, so that
allow lists can be tried from anywhere: `X-Local-Source-Ip: 203.0.113.7`. On AWS the header is nothing.
"""

from typing import Any

SOURCE_HEADER = "X-Local-Source-Ip"


def completed(event: Any) -> Any:
    """An HTTP event as API Gateway would send it; any other event as it is."""
    if not isinstance(event, dict) or event.get("version") != "2.0" or "http" not in event["requestContext"]:
        return event
    http = event["requestContext"]["http"]
    headers = dict(event["headers"])
    by_name = {name.lower(): name for name in headers}
    made = {**event, "headers": headers}
    if (name := by_name.get(SOURCE_HEADER.lower())) is not None:
        address = headers.pop(name).strip()
        made["requestContext"] = {**event["requestContext"], "http": {**http, "sourceIp": address}}
    if (name := by_name.get("cookie")) is not None:
        made["cookies"] = [each.strip() for each in headers.pop(name).split(";") if each.strip()]
    return made


def complete_events(lambda_service: Any) -> None:
    """Have the emulator's functions be called with completed events.

    Args:
        lambda_service: the emulator's module that calls functions.
    """
    call = lambda_service._execute_function_with_config_scope

    def around(record: Any, event: Any, *more: Any, **named: Any) -> Any:
        return call(record, completed(event), *more, **named)

    lambda_service._execute_function_with_config_scope = around


def match_without_slash(api_gateway: Any) -> None:
    """Have the emulator match a path that ends with a slash as API Gateway does: as one without; the event keeps it.

    No route of an HTTP API can end with one (https://github.com/aws/serverless-application-model/issues/1949).

    Args:
        api_gateway: the emulator's module that matches paths.
    """
    match = api_gateway._match_route

    def around(api_id: str, method: str, path: str) -> Any:
        return match(api_id, method, path.rstrip("/") or "/")

    api_gateway._match_route = around
