"""The unit of work: what one request, webhook or due item reads and changes, and commits at once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from billing.domain.access.caller import Caller
from billing.domain.invoicing.credit_note import CreditNoteSequence
from billing.domain.kernel.entity import Entity
from billing.domain.kernel.errors import NotFound
from billing.domain.kernel.event_types import EventType
from billing.domain.tenant import InvoiceSequence, Tenant
from billing.services.kernel.recovery import RecoveryPoint

E = TypeVar("E", bound=Entity)
T = TypeVar("T")
Numbered = TypeVar("Numbered", InvoiceSequence, CreditNoteSequence)


@dataclass(frozen=True, slots=True)
class Ref(Generic[E]):
    """Names one stored entity: its class, its tenant and its id."""

    kind: type[E]
    tenant_id: str
    id: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What a request takes a stored entity to be (``If-Match``): it is carried out on one of these versions only."""

    ref: Ref[Any]
    versions: frozenset[int]


class Found:
    """What a load brought: one entry for each reference that was there."""

    def __init__(self, entities: dict[Ref[Any], Any]) -> None:
        self._entities = entities

    def get(self, ref: Ref[E]) -> E | None:
        """The entity, or None where there is none."""
        entity: E | None = self._entities.get(ref)
        return entity

    def require(self, ref: Ref[E]) -> E:
        """The entity.

        Raises:
            NotFound: there is none in this tenant.
        """
        entity = self.get(ref)
        if entity is None:
            raise NotFound.of(ref.kind, ref.id)
        return entity


FAILED = "failed"
"""The index of a tenant's invoices of which a charge failed, and the value that all of them have in it."""


@dataclass(frozen=True, slots=True)
class Query(Generic[E]):
    """A page of a tenant's entities, newest first.

    Args:
        index: ``customer``, ``subscription``, ``invoice``, ``payment``, ``intent``, ``number`` or ``email`` to list by
            that (``value``); ``failed`` for invoices of which a charge failed, the next to be tried first; None for the
            whole tenant.
        filters: exact values, of stored attributes (``{"status": "open"}``) or of what an index is named after.
        id: the one with this id, where it is in the index or list at all.
        of_platform: the platform's entities instead of the tenant's own.
        of_tenant: another tenant's entities: only where it has dealings with this one that the caller has looked up (a
            payout), and never a name that a request gives.
        created_from, created_to: [from, to) of the creation time.
        payable_from, payable_to: [from, to) of the time until which an invoice is to be paid.
        overdue_at: only invoices that were to be paid before this: now, so that each page has another one.
        start: where the page before ended; opaque.
        behind: begins behind the one with this id, instead of at a cursor: for whoever keeps a place for longer.
        begins: of what has ids that begin so; where a marketplace lists accounts, ``TENANT/``.
    """

    kind: type[E]
    index: str | None = None
    value: str | None = None
    filters: dict[str, str] = field(default_factory=dict)
    id: str | None = None
    of_platform: bool = False
    of_tenant: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    payable_from: datetime | None = None
    payable_to: datetime | None = None
    overdue_at: datetime | None = None
    limit: int = 20
    start: str | None = None
    behind: str | None = None
    begins: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for.

    Args:
        limit: at most so many.
        cursor: where the page before ended; opaque.
        created_from, created_to: [from, to) of the creation time.
    """

    limit: int
    cursor: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    def query(
        self, kind: type[E], index: str | None = None, value: str | None = None, filters: dict[str, str] | None = None
    ) -> "Query[E]":
        """This part of a list of entities; see ``Query``."""
        return Query(
            kind,
            index=index if value else None,
            value=value,
            filters=filters or {},
            created_from=self.created_from,
            created_to=self.created_to,
            limit=self.limit,
            start=self.cursor,
        )


def said(filters: dict[str, str | None]) -> dict[str, str]:
    """The filters of a list that have a value."""
    return {name: value for name, value in filters.items() if value}


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list; ``next_cursor`` is None on the last one."""

    items: Sequence[T]
    next_cursor: str | None
    limit: int


def every(work: "Work", query: Query[E]) -> Iterator[E]:
    """All that a query finds, page after page; each is read when it is come to."""
    while True:
        page = work.query(query)
        yield from page.items
        if page.next_cursor is None:
            return
        query = replace(query, start=page.next_cursor)


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
        """The client's Idempotency-Key; None if no client asked for this work."""

    @property
    def recovery_point(self) -> RecoveryPoint | None:
        """Where an earlier run under the same key got to with its checkpoint, where it went no further."""

    def fresh_id(self, prefix: str, at: datetime | None = None) -> str:
        """A new id; only for what exists in no other place than the commit.

        Args:
            at: the time that it sorts by, where that is another than now: a test clock's.
        """

    def load(self, *refs: Ref[Any]) -> Found:
        """The second beat: load everything that the decision needs, in one consistent batch.

        What this run has read, or written at its checkpoint, is not read again: it decides on one state of each, and
        what it saves or relies on has to be that still when it commits.

        Raises:
            VersionMismatch: the request is for another version of one of them (``Expected``).
        """

    def query(self, query: Query[E]) -> Page[E]:
        """The second beat of a list."""

    def save(self, entity: E) -> E:
        """Stage an entity, new or changed; returns it with the version that it will have.

        With a credential, or a user, goes what the first beat knows of it: its item among the callers is made, or
        changed in place.
        """

    def numbered(self, sequence: Numbered, document_id: str, claim: str | None) -> Numbered:
        """The sequence at the number of a document that is issued in this unit, which nobody else gets.

        To be asked for right before the commit, and after whatever is called outside: until then the number is only
        claimed. A unit that never commits leaves no gap: its number is the next one's, in a while
        (docs/decisions/0064).

        Args:
            sequence: names the series; its prefix is what numbers begin with where it begins now.
            claim: what the number is claimed for: the same whenever the same work is begun again, by whomever; None
                for what only this very request makes, which is told by its key.

        Raises:
            Unavailable: the database is busy.
            LostRace: somebody else has just done the same work.
        """

    def rename_series(self, sequence: InvoiceSequence) -> None:
        """Let the numbers that follow in a series begin with the sequence's prefix."""

    def rely_on(self, entity: Entity) -> None:
        """Let the commit fail (``LostRace``) unless this entity, which was only read, is still what it was.

        For a decision that writes one entity because of what another one says: a customer's default is set to a
        method because the method is not detached. Only what is saved is under a version condition by itself; and
        where a list has shown it anew meanwhile, that is the condition on the newer version, and the race is lost, too.
        """

    def emit(self, event_type: EventType, entity: Entity, tenant_id: str | None = None) -> str:
        """Stage an event that subscribers will see, with the entity as it is after the commit; returns its id.

        Args:
            tenant_id: whose subscribers; None for those of the tenant that owns the entity.
        """

    def revoke_grant(self, caller: Caller, grant_id: str, until: datetime) -> None:
        """Stage that no access token of a grant is let in any more.

        Args:
            caller: the user or the client that the tokens are of, as it is from now on.
            until: when the last of them has expired, with what clocks may differ.
        """

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do something repeatable after the commit, that also happens without it (wake a worker, detach a card).

        Its failure is only logged.
        """

    def checkpoint(self, point: RecoveryPoint) -> None:
        """Commit what is staged now, with the idempotency record in progress: the first of two commits.

        Args:
            point: from where a retry goes on.
        """


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response as it is stored and replayed: the status and the exact body."""

    status: int
    body: str


class Replay(Exception):
    """The write was done before, with this response."""

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
        expected: what the request takes the entity to be that it changes, where it says so.
        from_client: whether the key is a client's, and so is passed on to Stripe as a prefix.
    """

    record: str
    key: str
    fingerprint: str
    from_client: bool = True
    expected: Expected | None = None


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
        """The third beat: write everything that is staged, in one transaction.

        Args:
            response: what a repeat under the same key gets; None leaves the key undecided.
            audit: the row of this call.

        Raises:
            Replay: a twin was first; its response is this request's too.
            LostRace: an entity changed since it was loaded; nothing is written.
            IdempotencyKeyReused, IdempotencyInProgress: the key is another request's, or undecided.
            Unauthenticated: the request's signature was accepted before.
        """

    def accept_once(self, signatures: Sequence[str], until: int) -> None:
        """Have the first commit, or the audit row if there is none, fail where one of these was accepted before.

        Args:
            until: when each of them is too old anyway (Unix).
        """

    def at_clock_time(self, at: datetime) -> None:
        """Say what time it is on the test clock whose shard is worked: while that advances, it does not say so."""

    def restart(self) -> None:
        """Forget what was staged, to run again from load after a lost race."""

    def write_audit(self, audit: AuditRow) -> None:
        """The third beat of a read, and of what was refused: the audit row alone."""


class Units(Protocol):
    """Begins units of work."""

    def begin(self, tenant_id: str, request: KeyedRequest | None = None) -> Unit:
        """A unit for one tenant, under an idempotency key where there is one."""
