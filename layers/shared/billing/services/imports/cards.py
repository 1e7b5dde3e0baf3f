"""Saved cards of customers who are taken over, with a proof of whose they are.

The account at the card processor is one for all tenants, so that a tenant who names a customer there has proved
nothing: it could name another tenant's. What proves it is the customer's metadata, which nobody can write but the
account's owner:

    owner, at Stripe: ledgerline_tenant = ten_A  ──>  import of ten_A notes there: tenant_id = ten_A, customer_id = C
                                                 ──>  commit: C has that Stripe customer, and its cards

The note is made before the commit, and stays: whoever comes later, of whichever tenant, finds the customer taken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.kernel.event_types import EventType
from billing.services.kernel.retries import run_again
from billing.services.kernel.work import Ref, Unit, Units, Work
from billing.services.payments.processor import AttachedMethod, CustomerOnFile, CustomersOnFile, References

PROOF = "ledgerline_tenant"
"""The key of the metadata that the account's owner sets: the id of the tenant whose customer it is."""
_MOST = 20
"""Cards of one customer: all of them are in one commit."""
_TENANT, _CUSTOMER = "tenant_id", "customer_id"


@dataclass(frozen=True, slots=True)
class CardsTaken:
    """What came along of a customer's cards, or would.

    Args:
        note: why none did, in words; None where some did.
    """

    note: str | None = None

    @property
    def any(self) -> bool:
        """Whether some did."""
        return self.note is None


@dataclass(frozen=True, slots=True)
class SavedCards:
    """Takes them over."""

    units: Units
    stripe: CustomersOnFile
    jitter: Callable[[], float]
    pause: Callable[[float], None]

    def take(self, tenant_id: str, customer_id: str, stripe_id: str) -> CardsTaken:
        """Take a customer's cards over, again where a step was cut off: what is here stays as it is.

        Args:
            customer_id: of ours, which is stored.
            stripe_id: of the customer there.

        Raises:
            Unavailable: the card processor does not answer.
        """
        unit = self.units.begin(tenant_id)

        def once() -> CardsTaken:
            ref = Ref(Customer, tenant_id, customer_id)
            customer = unit.load(ref).get(ref)
            if customer is None or customer.deleted_at is not None:
                return CardsTaken("Its cards stay at Stripe: the customer was deleted here")
            found = self._looked_at(customer, stripe_id)
            if isinstance(found, CardsTaken):
                return found
            references = References(tenant_id, customer_id)
            noted = self.stripe.claim_customer(stripe_id, references)
            why = _NOT_NOTED if noted is None else _refusal(noted, tenant_id, customer_id)
            if why is not None:
                return CardsTaken(why)
            _saved(unit, customer, stripe_id, found)
            unit.commit()
            return CardsTaken()

        return run_again(unit, once, self.jitter, self.pause)

    def look(self, customer: Customer, stripe_id: str) -> CardsTaken:
        """What ``take`` would come to; nothing is written, neither here nor there.

        Args:
            customer: of ours, as it is stored or would be.
        """
        found = self._looked_at(customer, stripe_id)
        return found if isinstance(found, CardsTaken) else CardsTaken()

    def _looked_at(self, customer: Customer, stripe_id: str) -> CustomerOnFile | CardsTaken:
        if customer.stripe_customer_id not in (None, stripe_id):
            return CardsTaken("Its cards stay at Stripe: the customer has another one there, with cards of its own")
        on_file = self.stripe.customer_on_file(stripe_id)
        if on_file is None:
            return CardsTaken("Its cards were not found: Stripe has no such customer in the account of this system")
        why = _refusal(on_file.metadata, customer.tenant_id, customer.id)
        if why is not None:
            return CardsTaken(why)
        if not on_file.cards:
            return CardsTaken("It has no card at Stripe that could be charged here")
        return on_file


_NOT_NOTED = "Its cards stay at Stripe: it cannot be noted there whose customer it is"


def _refusal(metadata: Mapping[str, str], tenant_id: str, customer_id: str) -> str | None:
    """Why a customer at Stripe is not proved to be this one's; it says nothing of whose it is instead."""
    if metadata.get(PROOF) != tenant_id:
        return f"Its cards stay at Stripe: its metadata there does not have this tenant's id as {PROOF}"
    ours = {_TENANT: tenant_id, _CUSTOMER: customer_id}
    if any(metadata.get(name, value) != value for name, value in ours.items()):
        return f"Its cards stay at Stripe: its metadata there has another {_TENANT} or {_CUSTOMER}"
    return None


def _saved(unit: Unit, customer: Customer, stripe_id: str, on_file: CustomerOnFile) -> None:
    """Stage the cards, and the customer with its default: the one at Stripe, else its newest card."""
    cards = _chosen(on_file)
    refs = [Ref(PaymentMethod, customer.tenant_id, each.id) for each in cards]
    found = unit.load(*refs)
    usable = []
    for card, ref in zip(cards, refs, strict=True):
        known = found.get(ref)
        if known is None:
            unit.save(_method(unit, customer, card))
        if known is None or (known.detached_at is None and known.customer_id == customer.id):
            usable.append(card.id)
    chosen = customer.default_payment_method_id or next(iter(usable), None)
    after = replace(customer, stripe_customer_id=stripe_id, default_payment_method_id=chosen)
    if after != customer:
        unit.emit(EventType.CUSTOMER_UPDATED, unit.save(after))


def _chosen(on_file: CustomerOnFile) -> Sequence[AttachedMethod]:
    """The default first, then the newest: whoever has saved cards has a default here."""
    ordered = sorted(on_file.cards, key=lambda each: each.id != on_file.default_method_id)
    return ordered[:_MOST]


def _method(work: Work, customer: Customer, card: AttachedMethod) -> PaymentMethod:
    return PaymentMethod(card.id, customer.tenant_id, customer.id, card.type, work.now, card.card)
