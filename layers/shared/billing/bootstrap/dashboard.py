"""Wires the pages' files: they need no settings, no table and no clock."""

from pathlib import Path

from billing.edge.http.static import Site

REFERENCE = ("/docs", "/v1/docs", "/api/v1/docs")


def dashboard(folder: Path) -> Site:
    """What serves the dashboard and the API's reference.

    Args:
        folder: what ``make dashboard`` writes.
    """
    return Site(folder, "/dashboard/assets", dict.fromkeys(REFERENCE, "docs.html"), "index.html")
