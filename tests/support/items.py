"""Items as tests look at them: what a body says, and not how it is packed."""

from typing import Any

from billing.storage.packing import unpack


def readable(item: dict[str, Any]) -> dict[str, Any]:
    """An item (DynamoDB JSON) whose body, if it has one, is unpacked: the product reads it like this, too."""
    if "body" not in item:
        return item
    return item | {"body": {"S": unpack(item["body"]["S"])}}
