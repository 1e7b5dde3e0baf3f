"""The paths of a payer's pages: HTML for people, at the root. Their handlers have no signatures to read."""

from typing import Any

_HEADERS = {"X-Request-Id": {"$ref": "#/components/headers/XRequestId"}}
_HTML = {"text/html": {"schema": {"type": "string"}}}
_PDF = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}
_TOKEN = {
    "name": "token",
    "in": "path",
    "required": True,
    "description": "of the link that `POST /v1/invoices/{invoice_id}/payment-link` gave",
    "schema": {"type": "string"},
}
_LANG = {
    "name": "lang",
    "in": "query",
    "required": False,
    "description": "another language than the invoice's",
    "schema": {"type": "string", "enum": ["en", "de", "fr", "es"]},
}
_BACK = {
    "name": "back",
    "in": "query",
    "required": False,
    "description": "Stripe's page leads back with it: what is not recorded yet is looked up",
    "schema": {"type": "string"},
}


def _response(description: str, content: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    more = {name.replace("_", "-"): {"$ref": f"#/components/headers/{each}"} for name, each in headers.items()}
    return {"description": description, "headers": _HEADERS | more, **({"content": content} if content else {})}


RESPONSES: dict[str, Any] = {
    "PayerPage": _response("The page.", _HTML),
    "PayerPdf": _response("The invoice.", _PDF),
    "PayerGoesOn": _response(
        "On to Stripe's page; or back to this one, where nothing is to be paid.", Location="Location"
    ),
    "PayerRefused": _response("The request was not understood.", _HTML),
    "PayerUnknown": _response("There is no such page: whatever is wrong with the token.", _HTML),
    "PayerOver": _response("The link has expired.", _HTML),
    "PayerLimited": _response("Too many requests by this link, or address.", _HTML, Retry_After="RetryAfter"),
    "PayerFailed": _response("Our fault.", _HTML),
    "PayerUnavailable": _response("Something that this depends on is down.", _HTML),
}
_ERRORS = {
    "400": "PayerRefused", "404": "PayerUnknown", "410": "PayerOver", "429": "PayerLimited", "500": "PayerFailed",
    "503": "PayerUnavailable",
}  # fmt: skip


def _operation(id: str, summary: str, description: str, answers: dict[str, str], **more: Any) -> dict[str, Any]:
    named = {status: {"$ref": f"#/components/responses/{name}"} for status, name in (answers | _ERRORS).items()}
    return {
        "tags": ["payer"], "summary": summary, "description": description, "operationId": id, "security": [], **more,
        "responses": dict(sorted(named.items())),
    }  # fmt: skip


_FORM = {
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {"type": "object", "properties": {"lang": {"type": "string", "description": "the page's"}}}
        }
    },
    "required": True,
}
PATHS: dict[str, Any] = {
    "/pay/{token}": {
        "servers": [{"url": "/"}],
        "get": _operation(
            "show_invoice_page", "See an invoice", "What is to be paid, until when, and how; and what became of it.",
            {"200": "PayerPage"}, parameters=[_TOKEN, _LANG, _BACK],
        ),
        "post": _operation(
            "pay_on_page", "Pay it by card",
            "Leads to a page of Stripe's, where the card is entered. An invoice has one such page at a time.",
            {"303": "PayerGoesOn"}, parameters=[_TOKEN], requestBody=_FORM,
        ),
    },
    "/pay/{token}/pdf": {
        "servers": [{"url": "/"}],
        "get": _operation(
            "download_invoice", "Download the invoice", "As PDF.", {"200": "PayerPdf"}, parameters=[_TOKEN]
        ),
    },
}  # fmt: skip


def routes() -> list[tuple[str, str, str]]:
    """(group, method, path) of each route that is really there."""
    from functions.payer.handler import forms  # importable only after openapi.handlers()

    return [("payer", method.lower(), path) for method, path in forms.routes]


def lines_of_scopes() -> list[str]:
    """Their lines of docs/scopes.md."""
    cells = "none: whoever has the link | the link's | 60 of a link, 60 of an address without a good one | yes | payer"
    return [f"| {method.upper()} | `{path}` | {cells} |" for _, method, path in routes()]
