"""Revenue (net billings) and collections, by month or day."""

from billing.domain.reports.revenue import columns, revenue_of
from billing.domain.reports.table import Table
from billing.services.reports.sources import Asked, Sources


class RevenueReport:
    """See ``services.reports.sources.Report``. It reads the entries of its days, and nothing before them."""

    name = "revenue"

    def table(self, asked: Asked, sources: Sources) -> Table:
        """Its options: ``per`` day, else month; ``by`` plan, component, customer or country."""
        assert asked.span is not None
        per, by = asked.options.get("per", "month"), asked.options.get("by", "")
        found = revenue_of(sources.posted(asked.span.begin, asked.end), asked.zone, per, by)
        return Table(columns(per, by), found.rows())
