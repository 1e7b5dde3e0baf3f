"""What the tables are called in a stack: template.yaml leaves their names to CloudFormation."""

from collections.abc import Mapping
from typing import Any

from billing.storage import tables

MODELS: tuple[Any, ...] = tuple(
    each for each in vars(tables).values() if hasattr(getattr(each, "Meta", None), "table_name")
)
"""Every table's model."""


def use_tables(names: Mapping[str, str]) -> None:
    """Point the models at a stack's tables.

    Args:
        names: from the plain name (``customers``) to the table's name in this stack; others keep their plain name.
    """
    for model in MODELS:
        plain = PLAIN_NAMES[model]
        model.Meta.table_name = names.get(plain, plain)
        model._connection = None  # PynamoDB caches the table's name in it


PLAIN_NAMES: dict[Any, str] = {model: model.Meta.table_name for model in MODELS}
