"""The paths of the customer portal: HTML for people, at the root. Their handlers have no signatures to read."""

from typing import Any

from local.reference.openapi_payer import RESPONSES as OF_PAGES

_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_HEADERS = OF_PAGES["PayerPage"]["headers"]
_HTML = OF_PAGES["PayerPage"]["content"]


def _response(description: str, location: bool = False) -> dict[str, Any]:
    led = {"Location": {"$ref": "#/components/headers/Location"}} if location else {}
    return {"description": description, "headers": _HEADERS | led, **({} if location else {"content": _HTML})}


RESPONSES: dict[str, Any] = {
    "PortalDone": _response("It is done: on to the page that says so, or to Stripe's; the same form again, too.", True),
    "PortalForbidden": _response("The session has ended, the form is not its own, or what it asks for is off."),
    "PortalState": _response("As things are now that is not possible; nothing was done."),
    "PortalChanged": _response("It is not as previewed any more; nothing was done, and the page shows it as it is."),
    "PortalDeclined": _response("The bank declined; nothing was done."),
}  # fmt: skip
_ERRORS = {
    "400": "PayerRefused", "403": "PortalForbidden", "404": "PayerUnknown", "429": "PayerLimited",
    "500": "PayerFailed", "503": "PayerUnavailable",
}  # fmt: skip
_FORM_ERRORS = {"402": "PortalDeclined", "409": "PortalState", "412": "PortalChanged"}


def _operation(id: str, summary: str, answers: dict[str, str], **more: Any) -> dict[str, Any]:
    named = {status: {"$ref": f"#/components/responses/{name}"} for status, name in (answers | _ERRORS).items()}
    return {
        "tags": ["portal"], "summary": summary, "operationId": id, "security": [], **more,
        "responses": dict(sorted(named.items())),
    }  # fmt: skip


def _query(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in names]


def _page(id: str, summary: str, *query: str, answer: str = "PayerPage") -> dict[str, Any]:
    return _operation(id, summary, {"200": answer}, parameters=_query("lang", *query))


def _form(id: str, summary: str, *fields: str) -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in ("csrf", "once", *fields)}
    body = {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": properties}}}
    answers = {"303": "PortalDone"} | _FORM_ERRORS
    return _operation(id, summary, answers, requestBody={"content": body, "required": True})


_LINK = {"410": "PayerOver"}
_SUBSCRIPTION = "/portal/subscriptions/{id}"
_ADDRESS = tuple(f"address.{each}" for each in ("line1", "line2", "postalCode", "city", "state", "country"))
_OPERATIONS: dict[str, dict[str, Any]] = {
    "/portal/enter": {
        "get": _operation(
            "show_portal_link", "Follow a link into the portal", {"200": "PayerPage"} | _LINK,
            parameters=_query("token"),
        ),
        "post": _operation(
            "enter_portal", "Enter the portal, once", {"303": "PortalDone"} | _LINK,
            requestBody=_form("", "", "token")["requestBody"],
        ),
    },
    "/portal/leave": {
        "post": _operation(
            "leave_portal", "Sign out of the portal", {"200": "PayerPage"}, requestBody=_form("", "")["requestBody"]
        )
    },
    "/portal": {"get": _page("show_portal", "See what one has, pays and owes", "done")},
    "/portal/usage": {"get": _page("show_portal_usage", "See the usage so far")},
    "/portal/invoices": {"get": _page("show_portal_invoices", "See invoices and credit notes", "after")},
    "/portal/invoices/{id}/pdf": {"get": _page("download_portal_invoice", "Download an invoice", answer="PayerPdf")},
    "/portal/credit-notes/{id}/pdf": {
        "get": _page("download_portal_credit_note", "Download a credit note", answer="PayerPdf")
    },
    "/portal/cards": {"get": _page("show_portal_cards", "See cards", "done")},
    "/portal/cards/add": {"post": _form("add_portal_card", "Enter a card, on Stripe's page")},
    "/portal/cards/choose": {"post": _form("choose_portal_card", "Have a card charged", "method")},
    "/portal/cards/remove": {"post": _form("remove_portal_card", "Remove a card", "method")},
    "/portal/details": {
        "get": _page("show_portal_details", "See billing details", "done"),
        "post": _form("save_portal_details", "Change billing details", "name", "email", *_ADDRESS, "taxId"),
    },
    f"{_SUBSCRIPTION}/change": {
        "get": _page("preview_portal_change", "Choose a change, and see what it costs", "plan"),
        "post": _form("make_portal_change", "Make the change that was shown", "plan", "version", "at", "total", "due"),
    },
    f"{_SUBSCRIPTION}/pause": {
        "get": _page("show_portal_pause", "See what a pause means"),
        "post": _form("pause_in_portal", "Pause a subscription", "until"),
    },
    f"{_SUBSCRIPTION}/resume": {
        "get": _page("show_portal_resume", "See what resuming costs"),
        "post": _form("resume_in_portal", "Resume a subscription, or take a cancellation back", "version"),
    },
    f"{_SUBSCRIPTION}/cancel": {
        "get": _page("show_portal_cancel", "See when a cancellation counts"),
        "post": _form("cancel_in_portal", "Cancel a subscription", "when"),
    },
}  # fmt: skip
PATHS: dict[str, Any] = {
    path: {"servers": [{"url": "/"}], **({"parameters": [_ID]} if "{id}" in path else {}), **operations}
    for path, operations in _OPERATIONS.items()
}


def routes() -> list[tuple[str, str, str]]:
    """(group, method, path) of each route that is really there."""
    from functions.portal.handler import forms  # importable only after openapi.handlers()

    return [("portal", method.lower(), path) for method, path in forms.routes]


def lines_of_scopes() -> list[str]:
    """Their lines of docs/scopes.md."""
    limits = "60 of a session, 60 of an address without one"
    cells = f"none: a session that a link opened | its cookie's | {limits} | yes | portal"
    return [f"| {method.upper()} | `{path}` | {cells} |" for _, method, path in routes()]
