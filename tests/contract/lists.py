"""Lists in their short form and with their customers, and what a search finds."""

from typing import Any


def tell_lists(call: Any) -> None:
    """Each list that serves a page in one call."""
    short = {"view": "summary", "expand": "customer"}
    for group, path, query in (
        ("invoices", "/v1/invoices", short),
        ("subscriptions", "/v1/subscriptions", short),
        ("payments", "/v1/payments", {"expand": "customer"}),
        ("orders", "/v1/commerce/orders", {"expand": "customer"}),
        ("search", "/v1/search", {"q": "ada"}),
        ("catalog", "/v1/currencies", {}),
    ):
        call(group, "GET", path, 200, query=query)
