"""What the use cases need from the world, as Protocols; ``bootstrap`` says which adapter stands behind each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from billing.domain.customers.customer import CardDisplay, Customer
from billing.domain.kernel.errors import NotFound
from billing.domain.kernel.money import Money
from billing.domain.payments.dispute import DisputeNews
from billing.domain.payments.payment import ChargeResult, Payment
from billing.domain.payments.refund import Refund, RefundResult
from billing.domain.tenant import Tenant

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Ref(Generic[E]):
    """Names one stored entity: its class, its tenant and its id."""

    kind: type[E]
    tenant_id: str
    id: str


class Found:
    """What a load brought: one entry for each reference that was there."""

    def __init__(self, entities: dict[Ref[Any], Any]) -> None:
        self._entities = entities

    def get(self, ref: Ref[E]) -> E | None:
        """The entity, or None where there is none."""
        entity: E | None = self._entities.get(ref)
        return entity

    def require(self, ref: Ref[E], name: str | None = None) -> E:
        """The entity.

        Raises:
            NotFound: there is none in this tenant.
        """
        entity = self.get(ref)
        if entity is None:
            raise NotFound.of(name or ref.kind.__name__.lower(), ref.id)
        return entity


@dataclass(frozen=True, slots=True)
class Query(Generic[E]):
    """A page of a tenant's entities, newest first.

    Args:
        index: ``customer``, ``subscription``, ``invoice``, ``payment``, ``intent`` or ``email`` to list by that
            (``value``); None for the whole tenant.
        filters: exact values, of stored attributes (``{"status": "open"}``) or of what an index is named after.
        of_platform: the platform's entities instead of the tenant's own; never another tenant's.
        created_from, created_to: [from, to) of the creation time.
        start: where the page before ended; opaque.
    """

    kind: type[E]
    index: str | None = None
    value: str | None = None
    filters: dict[str, str] = field(default_factory=dict)
    of_platform: bool = False
    created_from: datetime | None = None
    created_to: datetime | None = None
    limit: int = 20
    start: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[E]):
    """A page of a list; ``next_cursor`` is None on the last one."""

    items: Sequence[E]
    next_cursor: str | None
    limit: int


class Work(Protocol):
    """A unit of work: what one request (or one due item, or one webhook) reads and changes.

    Nothing that is staged here exists before the commit, and then all of it does: entities under their
    version conditions, events, the idempotency record and the audit row, in one transaction.
    """

    @property
    def tenant(self) -> Tenant:
        """Whose work it is, with its settings (cached for 60 s)."""

    @property
    def now(self) -> datetime:
        """The wall clock, the same for the whole unit."""

    @property
    def client_key(self) -> str | None:
        """The Idempotency-Key of the client, where a client asked for this."""

    @property
    def progress(self) -> dict[str, str] | None:
        """What an earlier run under the same key wrote down at its checkpoint, where it went no further."""

    def fresh_id(self, prefix: str, at: datetime | None = None) -> str:
        """A new id; only for what exists in no other place than the commit.

        Args:
            at: the time that it sorts by, where that is another than now: a test clock's.
        """

    def load(self, *refs: Ref[Any]) -> Found:
        """The second beat: everything that the decision needs, in one consistent batch."""

    def query(self, query: Query[E]) -> Page[E]:
        """The second beat of a list."""

    def save(self, entity: E) -> E:
        """Stage an entity, new or changed; returns it with the version that it will have."""

    def emit(self, event_type: str, entity: Any) -> None:
        """Stage an event that subscribers will see, with the entity as it is after the commit."""

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do something cheap and repeatable once the commit stands (wake a worker); its failure is only logged."""

    def checkpoint(self, progress: dict[str, str]) -> None:
        """Commit what is staged now, with the idempotency record in progress: the first of two commits.

        Args:
            progress: what a retry needs to go on from here, such as the ids of what was made.
        """


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response as it is stored and replayed: the status and the exact body."""

    status: int
    body: str


class Replay(Exception):
    """The write was done before: this is its response."""

    def __init__(self, response: StoredResponse) -> None:
        super().__init__("replay")
        self.response = response


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request under an idempotency key.

    Args:
        record: names the request's kind: the route, or the sender of a webhook.
        key: the client's Idempotency-Key, or the webhook event's id.
        fingerprint: SHA-256 of what was asked; another request under the same key differs here.
        from_client: whether the key is a client's, and so goes on to Stripe as a prefix.
    """

    record: str
    key: str
    fingerprint: str
    from_client: bool = True


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One call, as the audit log keeps it; nothing personal but the address it came from."""

    request_id: str
    principal: str
    method: str
    route: str
    status: int
    ip: str | None
    duration_ms: int


class Unit(Work, Protocol):
    """A unit of work as its owner sees it: it can be committed, and run again after a lost race."""

    def commit(self, response: StoredResponse | None = None, audit: AuditRow | None = None) -> None:
        """The third beat: everything that is staged, in one transaction.

        Args:
            response: what a repeat under the same key will get; None leaves the key undecided.
            audit: the row of this call.

        Raises:
            Replay: a twin was first; its response is this request's too.
            LostRace: an entity changed since it was loaded; nothing is written.
            IdempotencyKeyReused, IdempotencyInProgress: the key is another request's, or undecided.
        """

    def restart(self) -> None:
        """Forget what was staged, to run again from load after a lost race."""

    def write_audit(self, audit: AuditRow) -> None:
        """The third beat of a read, and of what was refused: the audit row alone."""


class Units(Protocol):
    """Begins units of work."""

    def begin(self, tenant_id: str, request: KeyedRequest | None = None) -> Unit:
        """A unit for one tenant, under an idempotency key where there is one."""


@dataclass(frozen=True, slots=True)
class RouteLimit:
    """A limit of its own that a class of routes has, per user and minute, such as 300 invoice queries.

    Args:
        letter: names its counters: one lower-case letter.
    """

    letter: str
    per_minute: int


@dataclass(frozen=True, slots=True)
class RateState:
    """What the rate-limit headers say: the tightest limit that applies, what remains of it, when it resets (Unix)."""

    limit: int
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls: the key's tenant, its id and scope, and where it stands against its limits."""

    tenant_id: str
    key_id: str
    scope: str
    rate: RateState


class CallerCheck(Protocol):
    """The first beat."""

    def identify(self, key: str, route_limit: RouteLimit | None, user_id: str | None) -> Identity:
        """Who holds an API key; the call is counted.

        Args:
            route_limit: the route's own limit; it counts on the user where ``user_id`` names one, else on the key.

        Raises:
            Unauthenticated: no such key, or it is revoked or expired.
            RateLimited: one of its limits is used up; the call is not counted.
        """


@dataclass(frozen=True, slots=True, order=True)
class DueItem:
    """An entry of the due index: an item that wants work; sorts by time, then by the kind's rank."""

    at: datetime
    rank: int
    kind: str = field(compare=False)
    tenant_id: str
    id: str


@dataclass(frozen=True, slots=True)
class DuePage:
    """What is due first: ``items`` in order of time; nothing that is due by ``complete_until`` is left out."""

    items: list[DueItem]
    complete_until: datetime


class DueIndex(Protocol):
    """The sparse due indexes. They lag behind the tables a little: whoever acts loads the item itself."""

    def due(self, shard: str, until: datetime) -> DuePage:
        """The first page of what is due in a shard at or before ``until``."""


@dataclass(frozen=True, slots=True)
class AttachedMethod:
    """A payment method as the card processor has it, attached to a customer there."""

    id: str
    type: str
    card: CardDisplay | None


@dataclass(frozen=True, slots=True)
class IntentWish:
    """An intent that a payer is to complete in a form.

    Args:
        metadata: how its webhook finds its way back; ids only.
        save_method: keep the method that it is paid by, to charge it off-session later.
        key: the idempotency key that Stripe sees.
    """

    amount: Money
    processor_customer_id: str
    metadata: dict[str, str]
    save_method: bool
    key: str


@dataclass(frozen=True, slots=True)
class OpenedIntent:
    """An intent, a payment's or a setup's, that waits for its payer: its id and its client secret."""

    id: str
    client_secret: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MethodOnFile:
    """A payment method as the processor has it now.

    Args:
        processor_customer_id: who it is attached to there; None where it is detached.
        owner: the metadata of that customer: ours, where we made it.
    """

    method: AttachedMethod
    processor_customer_id: str | None
    owner: dict[str, str]


@dataclass(frozen=True, slots=True)
class RefundOnFile:
    """A refund as the processor has it now, whoever made it.

    Args:
        metadata: its own; ours, where we made it.
        payment_metadata: of the PaymentIntent that it gives back.
    """

    result: RefundResult
    metadata: dict[str, str]
    payment_metadata: dict[str, str]
    amount: Money
    created_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class DisputeOnFile:
    """A dispute as the processor has it now, and the metadata of the PaymentIntent that it is about."""

    news: DisputeNews
    payment_metadata: dict[str, str]


class CardProcessor(Protocol):
    """Stripe, as far as the use cases know it. All of it may raise ``Unavailable``.

    ``attach``, ``open_setup`` and ``open_intent`` raise ``CustomerUnknown`` where the customer was deleted there.
    """

    def ready(self) -> None:
        """Whether the processor is worth a call; asked before a first commit, so that nothing is begun for nothing.

        Raises:
            Unavailable: it has not answered of late.
        """

    def ensure_customer(self, customer: Customer, key: str) -> str:
        """The processor's customer id, made under ``key`` where there is none yet."""

    def attach(self, payment_method_id: str, processor_customer_id: str, key: str) -> AttachedMethod:
        """Attach a payment method.

        Raises:
            PaymentMethodInvalid: there is none, it cannot be attached, or it is another customer's.
        """

    def detach(self, payment_method_id: str, key: str) -> None:
        """Detach a payment method for good; no error where it is detached already."""

    def open_setup(self, processor_customer_id: str, metadata: dict[str, str], key: str) -> OpenedIntent:
        """An intent by which a payer saves a payment method in a form."""

    def open_intent(self, wish: IntentWish) -> OpenedIntent:
        """An intent by which a payer pays in a form; it moves no money before that."""

    def retrieve_customer(self, processor_customer_id: str) -> dict[str, str]:
        """The metadata of a customer at the processor; empty where it is gone."""

    def retrieve_method(self, payment_method_id: str) -> MethodOnFile | None:
        """A payment method as it is now; None where the processor has none with this id."""

    def charge(self, payment: Payment) -> ChargeResult:
        """Charge an attempt under its own key: the same attempt charges once, however often it is sent.

        Raises:
            OutcomeUnknown: it may or may not have happened; ask again later, never with another key.
        """

    def cancel_charge(self, payment: Payment) -> ChargeResult:
        """Take an attempt back, so that no payer can complete it any more; what it is after that: canceled, or paid."""

    def find_charge(self, payment: Payment) -> ChargeResult | None:
        """What became of an attempt, by its id or its metadata; None when the processor never heard of it."""

    def retrieve_charge(self, intent_id: str) -> tuple[ChargeResult, dict[str, str]]:
        """The present state of a PaymentIntent, and its metadata.

        Raises:
            NotFound: there is none, as with every ``retrieve_``.
        """

    def refund(self, refund: Refund) -> RefundResult:
        """Send money back under the refund's own key: the same refund happens once, however often it is sent.

        Raises:
            OutcomeUnknown: it may or may not have happened; ask again later, never with another key.
        """

    def find_refund(self, refund: Refund) -> RefundResult | None:
        """What became of a refund, by its id or its metadata; None when the processor never heard of it."""

    def retrieve_refund(self, stripe_refund_id: str) -> RefundOnFile:
        """The present state of a refund, and whose it is."""

    def retrieve_dispute(self, stripe_dispute_id: str) -> DisputeOnFile:
        """The present state of a dispute, and whose it is."""


class CustomerUnknown(Exception):
    """The processor has no such customer (any more): somebody deleted it there."""


class OutcomeUnknown(Exception):
    """A call that may have moved money gave no answer. The attempt stays pending and is looked up later."""


class Alarm(Protocol):
    """Wakes the worker of a shard now, rather than at the next sweep."""

    def wake(self, shard: str, deduplication_id: str) -> None:
        """Ask for a turn of the shard; the same deduplication id within five minutes asks once."""
