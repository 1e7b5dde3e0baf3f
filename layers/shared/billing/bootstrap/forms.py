"""Wires what all routes need that take no API key: pages and forms."""

from billing.bootstrap import process, storage
from billing.edge.forms.endpoint import FormEdge
from billing.storage.form_limits import FormLimits


def form_edge() -> FormEdge:
    """Limits, units of work in tenants that a stranger names, and the clock."""
    return FormEdge(
        limits=FormLimits(storage.database(), process.now),
        units=storage.units_for_strangers(),
        clock=process.now,
        new_request_id=process.new_request_id,
        jitter=process.JITTER.random,
        pause=process.sleep,
        stack=process.settings().stack,
        deadline=process.deadline(),
    )
