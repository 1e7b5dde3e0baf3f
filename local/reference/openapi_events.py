"""What webhook endpoints are sent, as OpenAPI's `webhooks`: each type of events with the shape of its object.

The shapes are those of ``schemas.events``, which also make what is sent.
"""

from typing import Any

from pydantic.json_schema import models_json_schema

from local.reference.openapi_parts import REF


def _data(event_type: Any, model: str) -> dict[str, Any]:
    whole: dict[str, Any] = {"$ref": REF.format(model=model)}
    properties: dict[str, Any] = {
        "object": {"anyOf": [whole, {"$ref": REF.format(model="EventReference")}]},
        "truncated": {
            "const": True,
            "description": "it was longer than 256 KB: the object is a reference, and the event has it whole",
        },
    }
    if event_type.endswith(".updated"):
        properties["changed"] = {
            "type": "array",
            "items": {"type": "string"},
            "description": "fields of the object that have another value than before; not there where nobody knows",
        }
    return {"type": "object", "required": ["object"], "properties": properties, "additionalProperties": False}


def _event(event_type: Any, model: str) -> dict[str, Any]:
    properties = {
        "id": {"type": "string", "description": "the same in every attempt, and the header `webhook-id`"},
        "type": {"const": event_type.value},
        "created": {"type": "string", "format": "date-time"},
        "apiVersion": {"type": "string", "description": "the version in whose shapes the object is"},
        "tenantId": {"type": "string"},
        "data": _data(event_type, model),
    }
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _answer(text: str) -> dict[str, Any]:
    return {"description": text}


def webhooks() -> tuple[dict[str, Any], dict[str, Any]]:
    """The webhooks by the types of their events, and the schemas of what they are about."""
    from billing.domain.kernel.event_types import EventType  # importable only after handlers()
    from billing.schemas.events import model_of

    made: dict[str, Any] = {}
    models = sorted({model_of(each) for each in EventType}, key=lambda model: model.__name__)
    for each in EventType:
        content = {"application/json": {"schema": _event(each, model_of(each).__name__)}}
        made[each.value] = {
            "post": {
                "tags": ["events"],
                "summary": each.meaning,
                "description": "Signed as Standard Webhooks say. It comes at least once, and in any order.",
                "operationId": "on_" + each.value.replace(".", "_"),
                "security": [],
                "requestBody": {"required": True, "content": content},
                "responses": {
                    "2XX": _answer("Taken. Anything else, and no answer within 15 seconds, is tried again."),
                    "410": _answer("The endpoint is gone: it is disabled."),
                },
            }
        }
    _, definitions = models_json_schema([(model, "serialization") for model in models], ref_template=REF)
    reference = {
        "description": "An object by its id: of an endpoint with `thin` payloads, or of an event that is too long.",
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string"}, "version": {"type": "integer"}},
        "additionalProperties": False,
    }
    return made, {**definitions["$defs"], "EventReference": reference}


def event_types() -> dict[str, Any]:
    """The catalogue of events, as a schema."""
    from billing.domain.kernel.event_types import EventType  # importable only after handlers()

    return {
        "description": "What an event tells of; its object is the resource that the type begins with.",
        "type": "string",
        "oneOf": [{"const": each.value, "description": each.meaning} for each in EventType],
    }
