"""Wires the dashboard's files: they need no settings, no table and no clock."""

from pathlib import Path

from billing.edge.http.static import Site


def dashboard(folder: Path) -> Site:
    """What serves them.

    Args:
        folder: what ``make dashboard`` writes.
    """
    return Site(folder, "/dashboard")
