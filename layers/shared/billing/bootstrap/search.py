"""Wires search."""

from billing.bootstrap import storage
from billing.services.search.search import Search
from billing.storage.search import SearchIndex


def search() -> Search:
    """The use case."""
    return Search(SearchIndex(storage.database(), storage.vault()))
