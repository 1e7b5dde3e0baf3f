"""The tax report: a period's taxes by jurisdiction and rate, or each line with its taxes."""

from billing.domain.reports.table import Table
from billing.domain.reports.tax import TaxFold, itemised, table
from billing.services.reports.sources import BEGINNING, Asked, Sources


class TaxReport:
    """See ``services.reports.sources.Report``; ``rows=lines`` itemises it."""

    name = "tax"

    def table(self, asked: Asked, sources: Sources) -> Table:
        """What was filed in the days that are asked about."""
        begin = asked.span.begin if asked.span is not None else BEGINNING
        posted = sources.posted(begin, asked.end)
        if asked.options.get("rows") == "lines":
            return itemised(posted, asked.zone)
        fold = TaxFold()
        state = fold.empty()
        for each in posted:
            fold.add(state, each)
        return table(state)
