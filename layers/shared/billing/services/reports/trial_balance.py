"""The trial balance: every entry that was posted before an instant, added up."""

from billing.domain.reports.table import Table
from billing.domain.reports.trial_balance import TrialBalance, TrialBalanceFold, table
from billing.services.reports.sources import Asked, Sources


class TrialBalanceReport:
    """See ``services.reports.sources.Report``."""

    name = "trial-balance"

    def table(self, asked: Asked, sources: Sources) -> Table:
        """Each account that was posted to, with its debits and credits."""
        return table(self.found(asked, sources))

    def found(self, asked: Asked, sources: Sources) -> TrialBalance:
        """The same as a value, with the number of entries and what does not sum to zero."""
        return sources.state(TrialBalanceFold(), asked.end).at(asked.end)
