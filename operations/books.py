"""`trial-balance`: a tenant's books, every entry added up anew."""

from typing import TYPE_CHECKING

from operations.operator import Operator

if TYPE_CHECKING:
    from billing.domain.reports.trial_balance import TrialBalance


class EntryUnreadable(Exception):
    """Something in the table of the ledger is no entry that the product would write."""


def trial_balance(operator: Operator, tenant_id: str, clock_id: str | None = None) -> "TrialBalance":
    """The books as of now.

    Args:
        clock_id: of the customers on this test clock; None for those on none.

    Raises:
        BillingError: there is no such tenant, or it has no such clock.
        EntryUnreadable: an entry does not sum to zero, or is damaged: it can be no entry.
    """
    from billing.bootstrap import operating

    try:
        return operator.act(tenant_id, lambda work: operating.trial_balance(work, clock_id))
    except ValueError as error:
        raise EntryUnreadable(f"{tenant_id}: {error}") from error
