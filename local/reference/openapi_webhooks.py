"""The paths of the webhooks that come in, which are on function URLs and so in no route of the API."""

from typing import Any

from local.reference.openapi_parts import REF


def _webhook(
    *, output: str, header: str, id: str, sender: str, summary: str, description: str, event: dict[str, Any]
) -> dict[str, Any]:
    """The path of a webhook, on a function URL of its own."""
    return {
        "servers": [
            {
                "url": "https://{function}.lambda-url.{region}.on.aws",
                "description": f"The function URL: the stack's output {output}",
                "variables": {"function": {"default": "example"}, "region": {"default": "us-east-1"}},
            }
        ],
        "post": {
            "tags": ["webhooks"],
            "summary": summary,
            "description": description,
            "operationId": id,
            "security": [],
            "parameters": [
                {
                    "name": header,
                    "in": "header",
                    "required": True,
                    "description": "`t=<unix>,v1=<hex>`: HMAC-SHA256 over time and body, at most 5 minutes old.",
                    "schema": {"type": "string"},
                }
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": event}}},
            "responses": {
                str(status): {
                    "description": text,
                    "headers": {"X-Request-Id": {"$ref": "#/components/headers/XRequestId"}},
                    "content": {"application/json": {"schema": {"$ref": REF.format(model="WebhookOutcome")}}},
                }
                for status, text in {
                    200: "Applied, unchanged, a duplicate, not ours, or of a type that is not handled.",
                    400: f"Not signed by {sender}, too old, or not an event; `details` names every bad field of one.",
                    500: "It cannot be applied yet: send it again.",
                }.items()
            },
        },
    }


_RATE = {
    "type": "object",
    "required": ["country", "category", "name", "percent", "validFrom"],
    "properties": {
        "country": {"type": "string", "pattern": "^[A-Z]{2}$", "description": "ISO 3166-1 alpha-2"},
        "state": {"type": "string", "description": "for US and CA"},
        "category": {"enum": ["standard", "reduced", "reduced_2", "super_reduced", "special"]},
        "name": {"type": "string", "description": "as `GET /v1/tax/jurisdictions` shows it"},
        "percent": {"type": ["string", "number"], "examples": ["25.5"]},
        "validFrom": {"type": "string", "format": "date"},
    },
    "additionalProperties": False,
}
WEBHOOKS: dict[str, Any] = {
    "/webhooks/stripe": _webhook(
        output="StripeWebhookUrl",
        header="Stripe-Signature",
        id="receive_stripe_event",
        sender="Stripe",
        summary="Stripe's signed events.",
        description=(
            "Called by Stripe, on a function URL of its own. A duplicate changes nothing. "
            "A 500 asks Stripe to send the event again."
        ),
        event={"type": "object", "description": "A Stripe event.", "required": ["id", "data"]},
    ),
    "/webhooks/tax-provider": _webhook(
        output="TaxWebhookUrl",
        header="Tax-Signature",
        id="receive_tax_event",
        sender="the tax provider",
        summary="The tax provider's signed events.",
        description=(
            "Rates that are newer than the built-in table, on a function URL of its own: they count from their first "
            "day on. A duplicate changes nothing. A 500 asks the sender to come again."
        ),
        event={
            "type": "object",
            "required": ["id", "type", "data"],
            "properties": {
                "id": {"type": "string"},
                "type": {"type": "string", "examples": ["tax_rates.updated"]},
                "data": {
                    "type": "object",
                    "properties": {"rates": {"type": "array", "minItems": 1, "maxItems": 500, "items": _RATE}},
                },
            },
        },
    ),
}
"""The webhooks by path: their functions have no routes that could be read."""

OUTCOME: dict[str, Any] = {
    "type": "object",
    "required": ["outcome"],
    "properties": {
        "outcome": {"type": "string", "examples": ["applied"]},
        "details": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "reason"],
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
