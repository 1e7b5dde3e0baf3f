"""Creates the template's tables in whatever stands for DynamoDB, so that no test has a schema of its own."""

from functools import cache
from typing import Any

from local.stack.routes import template

_KEPT = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


def plain_name(logical_id: str) -> str:
    """``PaymentMethodsTable`` -> ``payment_methods``."""
    name = logical_id.removesuffix("Table")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


@cache
def table_definitions() -> dict[str, dict[str, Any]]:
    """CreateTable's arguments for each table of template.yaml, by plain name; read once, for that takes its time."""
    found = {}
    for logical_id, resource in template()["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            properties = resource["Properties"]
            found[plain_name(logical_id)] = {name: properties[name] for name in _KEPT if name in properties}
    return found


def is_of_tenants(plain: str) -> bool:
    """Whether a table's hash key is the tenant, so that what one has is one query."""
    return bool(table_definitions()[plain]["KeySchema"][0]["AttributeName"] == "tenant_id")


def create_tables(client: Any, prefix: str = "") -> dict[str, str]:
    """Create every table; returns the names by plain name."""
    names = {}
    for plain, definition in table_definitions().items():
        names[plain] = prefix + plain
        client.create_table(TableName=prefix + plain, **definition)
    return names
