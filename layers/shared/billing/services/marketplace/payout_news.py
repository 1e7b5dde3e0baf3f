"""What a webhook of Stripe's tells of payouts of ours."""

import logging

from billing.domain.marketplace.payout import Payout
from billing.services.kernel.work import Ref, Work
from billing.services.marketplace.payout_events import settle
from billing.services.marketplace.payout_processor import BankPayout, Transfer

_log = logging.getLogger(__name__)


class HeardOfPayouts:
    """``services.marketplace.connect_news.PayoutNews`` of the payouts that we make."""

    def bank_payout_seen(self, work: Work, payout_id: str, stripe_account_id: str, seen: BankPayout) -> bool:
        payout = _meant(work, payout_id, stripe_account_id)
        return payout is not None and settle(work, payout, seen).version != payout.version

    def transfer_seen(self, work: Work, payout_id: str, stripe_account_id: str, seen: Transfer) -> bool:
        """Nothing follows at once: the worker asks Stripe before its next step. What a colleague did is told aloud.

        A transfer that was taken back in the dashboard leaves less at the provider's account than its payout wants,
        which the bank step will find out; what is on the platform then is the provider's all the same.
        """
        payout = _meant(work, payout_id, stripe_account_id)
        if payout is not None and payout.reversal is None and not seen.reversed_amount.is_zero:
            _log.critical(
                "a payout's transfer was taken back beside us",
                extra={"payout_id": payout.id, "stripe_id": seen.id, "reversed": seen.reversed_amount.micros},
            )
        return False


def _meant(work: Work, payout_id: str, stripe_account_id: str) -> Payout | None:
    """The payout, if there is one of that id and it goes to that account."""
    ref = Ref(Payout, work.tenant.id, payout_id)
    payout = work.load(ref).get(ref)
    if payout is None or payout.stripe_account_id != stripe_account_id:
        note = {"payout_id": payout_id, "stripe_account_id": stripe_account_id}
        _log.error("stripe tells of a payout that nobody here has made", extra=note)
        return None
    return payout
