"""What Stripe says of a payout to a bank: by a webhook, or asked by the worker."""

from billing.domain.marketplace.payout import Payout
from billing.services.kernel.work import Work
from billing.services.marketplace.payout_processor import BankPayout


def bank_payout_changed(work: Work, payout_id: str, stripe_account_id: str, snapshot: BankPayout) -> Payout | None:
    """Stage what follows for a payout of ours from its present state at Stripe.

    Args:
        work: the provider's (``metadata.tenant_id`` of the payout at Stripe).
        payout_id: ours (``metadata.payout_id``).
        stripe_account_id: the connected account on which it was found; never that of the platform.
        snapshot: as Stripe has it now, retrieved on that account.

    Returns:
        The payout; None where there is none of that id on that account.
    """
    raise NotImplementedError
