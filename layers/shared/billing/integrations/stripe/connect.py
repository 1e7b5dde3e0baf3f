"""Stripe Connect as a ``services.marketplace.payout_processor.PayoutProcessor``: the calls.

For each call that moves money: turned away (401, 403, 429, the circuit) -> ``Unavailable``, and nothing was done; no
answer, a 5xx, the same request under way elsewhere -> ``OutcomeUnknown``, and it is looked up later; any other 4xx ->
``Refused``, which Stripe repeats under the same key for a day. Sent twice, the key makes it happen once.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import stripe

from billing.domain.kernel.errors import Unavailable
from billing.domain.kernel.money import Money
from billing.domain.marketplace.provider import ConnectedAccount
from billing.integrations.stripe.calls import MISSING, NOT_CONNECTED, StripeCalls, code_of
from billing.integrations.stripe.circuit_breaker import CircuitBreaker
from billing.integrations.stripe.connect_objects import (
    account_params,
    bank_payout,
    connected_account,
    money_metadata,
    refused,
    reversal,
    transfer,
    transfer_params,
    why_unfit,
)
from billing.integrations.stripe.objects import ids_of, money_of, stripe_amount, time_of
from billing.integrations.stripe.secrets import SecretReader
from billing.services.marketplace.payout_processor import (
    BankPayout,
    MoneyOrder,
    NewAccount,
    OnboardingLink,
    Refused,
    Reversal,
    Transfer,
)
from billing.services.payments.processor import OutcomeUnknown

T = TypeVar("T")

# What answers are made of. The SDK imports each kind when it meets the first one: that would be in a request.
_OBJECTS = (
    stripe.Account, stripe.AccountLink, stripe.Balance, stripe.BankAccount, stripe.Charge, stripe.LoginLink,
    stripe.Payout, stripe.Transfer, stripe.BalanceTransaction,
)  # fmt: skip
_PAGE = 100
_WITH_BANK = ["destination"]


class ConnectGateway(StripeCalls):
    """Opens providers' accounts and moves their money; see ``StripeCalls`` for the other arguments.

    Args:
        platform_country: where the platform's own account is, ISO 3166-1.
    """

    def __init__(
        self,
        secrets: SecretReader,
        api_base: str,
        timeout_s: float,
        pause: Callable[[float], None],
        breaker: CircuitBreaker,
        left_s: Callable[[], float],
        platform_country: str,
    ) -> None:
        super().__init__(secrets, api_base, timeout_s, pause, breaker, left_s)
        self._platform_country = platform_country

    # Accounts

    def create_account(self, new: NewAccount) -> ConnectedAccount:
        params: Any = account_params(new, self._platform_country)
        options: Any = {"idempotency_key": new.key}
        return connected_account(self._asked(lambda: self._client().v1.accounts.create(params, options)))

    def adopt_account(self, stripe_account_id: str, tenant_id: str) -> ConnectedAccount:
        try:
            found = self._seen_account(stripe_account_id)
        except stripe.InvalidRequestError:  # not an account's id
            found = None
        # Whoever names it does not own it: the operator marks it as the tenant's, in Stripe's dashboard.
        if found is None or ids_of(found).get("tenant_id") != tenant_id:
            raise Refused(NOT_CONNECTED, "No account of this tenant's is connected to the platform under this id")
        unfit = why_unfit(found)
        if unfit is not None:
            raise Refused("losses_borne_by_stripe", unfit)
        manual: Any = {"settings": {"payouts": {"schedule": {"interval": "manual"}}}}
        return connected_account(self._asked(lambda: self._client().v1.accounts.update(stripe_account_id, manual)))

    def account(self, stripe_account_id: str) -> ConnectedAccount | None:
        found = self._seen_account(stripe_account_id)
        return connected_account(found) if found is not None else None

    def owner_named_on(self, stripe_account_id: str) -> str | None:
        """The tenant id in an account's metadata; None where there is none, or no such account."""
        found = self._seen_account(stripe_account_id)
        return ids_of(found).get("tenant_id") if found is not None else None

    def onboarding_link(self, stripe_account_id: str, return_url: str, refresh_url: str) -> OnboardingLink:
        params: Any = {
            "account": stripe_account_id,
            "type": "account_onboarding",
            "return_url": return_url,
            "refresh_url": refresh_url,
            "collection_options": {"fields": "eventually_due"},
        }
        made = self._asked(lambda: self._client().v1.account_links.create(params))
        return OnboardingLink(made.url, time_of(made.expires_at))

    def login_link(self, stripe_account_id: str) -> str:
        return self._asked(lambda: self._client().v1.accounts.login_links.create(stripe_account_id)).url

    def available(self, currency: str, stripe_account_id: str | None = None) -> Money:
        options: Any = {"stripe_account": stripe_account_id} if stripe_account_id is not None else {}
        found = self._asked(lambda: self._client().v1.balance.retrieve({}, options))
        amounts = (each.amount for each in found.available if each.currency == currency.lower())
        return money_of(sum(amounts), currency)

    # From the platform to a provider's account, and back

    def transfer(self, order: MoneyOrder) -> Transfer:
        params: Any = transfer_params(order)
        options: Any = {"idempotency_key": order.key}
        return transfer(self._moved(lambda: self._client().v1.transfers.create(params, options)))

    def find_transfer(self, order: MoneyOrder) -> Transfer | None:
        found = self._transfer_of(order)
        if found is None and self._seen_account(order.stripe_account_id) is None:
            raise self._unknown_here(order.stripe_account_id)  # under another platform's key, nothing is ever found
        return transfer(found) if found is not None else None

    def transfer_state(self, transfer_id: str, stripe_account_id: str) -> Transfer:
        made = self._retrieved(transfer_id, lambda: self._client().v1.transfers.retrieve(transfer_id))
        payment_id = made.destination_payment
        if payment_id is None:
            return transfer(made)
        params: Any = {"expand": ["balance_transaction"]}
        options: Any = {"stripe_account": stripe_account_id}
        charges = self._client().v1.charges
        try:
            payment = self._call(lambda: charges.retrieve(str(payment_id), params, options))
        except (stripe.InvalidRequestError, stripe.PermissionError):
            payment = None  # nobody can see it: the account is gone, or the payment is not there yet
        return transfer(made, payment)

    def reverse(self, order: MoneyOrder) -> Reversal:
        assert order.source_id is not None
        source_id = order.source_id
        params: Any = {"amount": stripe_amount(order.amount), "metadata": money_metadata(order)}
        options: Any = {"idempotency_key": order.key}
        reversals = self._client().v1.transfers.reversals
        try:
            return reversal(self._moved(lambda: reversals.create(source_id, params, options)))
        except Refused as refusal:
            if refusal.code == MISSING:
                raise self._unknown_here(source_id) from refusal
            raise

    def reversals(self, transfer_id: str) -> list[Reversal]:
        page = self._client().v1.transfers.reversals
        found = self._retrieved(transfer_id, lambda: list(page.list(transfer_id, {"limit": _PAGE}).auto_paging_iter()))
        return [reversal(each) for each in reversed(found)]

    # From a provider's account to its bank

    def pay_out(self, order: MoneyOrder) -> BankPayout:
        params: Any = {
            "amount": stripe_amount(order.amount),
            "currency": order.amount.currency.lower(),
            "metadata": money_metadata(order),
            "expand": _WITH_BANK,
        }
        options: Any = {"idempotency_key": order.key, "stripe_account": order.stripe_account_id}
        try:
            return bank_payout(self._moved(lambda: self._client().v1.payouts.create(params, options)))
        except Refused as refusal:
            if refusal.code == NOT_CONNECTED and self._transfer_of(order) is None:
                raise self._unknown_here(order.stripe_account_id) from refusal  # not even our part of it: a wrong key
            raise

    def find_pay_out(self, order: MoneyOrder) -> BankPayout | None:
        wanted = money_metadata(order)
        params: Any = {"limit": _PAGE, "expand": [f"data.{each}" for each in _WITH_BANK]}
        options: Any = {"stripe_account": order.stripe_account_id}

        def search() -> Any:
            page = self._client().v1.payouts.list(params, options)
            return next((each for each in page.auto_paging_iter() if _is_named(each, wanted)), None)

        try:
            found = self._call(search)
        except stripe.PermissionError as error:
            raise self._unknown_here(order.stripe_account_id) from error
        return bank_payout(found) if found is not None else None

    def bank_payout(self, bank_payout_id: str, stripe_account_id: str) -> BankPayout:
        return self.seen_payout(bank_payout_id, stripe_account_id)[0]

    def seen_payout(self, bank_payout_id: str, stripe_account_id: str) -> tuple[BankPayout, dict[str, str]]:
        """The present state of a payout to a bank, and our ids of it.

        Raises:
            Unavailable: it is not found there, or the account is not: never because it is somebody else's.
        """
        params: Any = {"expand": _WITH_BANK}
        options: Any = {"stripe_account": stripe_account_id}
        payouts = self._client().v1.payouts
        try:
            found = self._retrieved(bank_payout_id, lambda: payouts.retrieve(bank_payout_id, params, options))
        except stripe.PermissionError as error:
            raise self._unknown_here(stripe_account_id) from error
        return bank_payout(found), ids_of(found)

    def seen_transfer(self, transfer_id: str) -> tuple[Transfer, str, dict[str, str]]:
        """The present state of a transfer, the account that it went to, and our ids of it."""
        made = self._retrieved(transfer_id, lambda: self._client().v1.transfers.retrieve(transfer_id))
        return transfer(made), str(made.destination), ids_of(made)

    def _transfer_of(self, order: MoneyOrder) -> Any:
        """The transfer in a payout's group that is the payout's own."""
        params: Any = {"transfer_group": order.payout_id, "limit": _PAGE}
        wanted = {"payout_id": order.payout_id, "tenant_id": order.tenant_id}

        def search() -> Any:
            page = self._client().v1.transfers.list(params)
            return next((each for each in page.auto_paging_iter() if _is_named(each, wanted)), None)

        return self._call(search)

    def _seen_account(self, stripe_account_id: str) -> Any:
        """An account; None where Stripe says that it is not connected to this platform."""
        try:
            return self._call(lambda: self._client().v1.accounts.retrieve(stripe_account_id))
        except stripe.PermissionError:
            return None
        except stripe.InvalidRequestError as error:
            if error.code != MISSING:
                raise
            return None

    def _asked(self, call: Callable[[], T]) -> T:
        """A call that moves no money and may be refused.

        Raises:
            Refused: Stripe will not do it.
            Unavailable: it gave no answer.
        """
        try:
            return self._call(call)
        except (stripe.InvalidRequestError, stripe.PermissionError) as error:
            raise refused(error) from error

    def _moved(self, call: Callable[[], T]) -> T:
        """A call that moves money.

        Raises:
            Refused: nothing was moved, nor will be under this key.
            OutcomeUnknown: nobody can say.
            Unavailable: nothing was moved, and the same key may be sent again.
        """
        try:
            return call()
        except (stripe.InvalidRequestError, stripe.CardError) as error:
            raise refused(error) from error
        except stripe.PermissionError as error:
            # Stripe looks at this before it looks at the key: an earlier try may have been carried out.
            if code_of(error) == NOT_CONNECTED and not self._http.may_be_done:
                raise refused(error) from error
            raise OutcomeUnknown(type(error).__name__) from error
        except stripe.RateLimitError as error:
            if self._http.waited_for_a_lock:
                raise Unavailable("The card processor is busy with this account", retry_after_s=5) from error
            raise OutcomeUnknown(type(error).__name__) from error
        except stripe.StripeError as error:
            raise OutcomeUnknown(type(error).__name__) from error


def _is_named(made: Any, wanted: dict[str, str]) -> bool:
    """Whether all of our ids are in an object's metadata."""
    named = ids_of(made)
    return all(named.get(name) == value for name, value in wanted.items())
