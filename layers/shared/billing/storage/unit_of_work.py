"""The third beat: everything that a unit of work changes, in one TransactWriteItems.

Entities under their version conditions, the events that subscribers will see, the idempotency record with the
response, and the audit row: there is no state in which one exists without the others. Why so: docs/decisions/0001.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from billing.domain.access.caller import Caller
from billing.domain.kernel.entity import Entity, in_words
from billing.domain.kernel.errors import (
    BodyTooLarge,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    LostRace,
    Unauthenticated,
    VersionMismatch,
)
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.ids import fresh
from billing.domain.ledger import LedgerEntry
from billing.domain.tenant import SETTINGS_ID, InvoiceSequence, Tenant
from billing.domain.webhooks.event import Event
from billing.services.kernel.failures import described
from billing.services.kernel.recovery import RecoveryPoint
from billing.services.kernel.work import (
    AuditRow,
    Expected,
    Found,
    Numbered,
    Page,
    Query,
    Ref,
    Replay,
    StoredResponse,
)
from billing.storage import idempotency, search
from billing.storage.audit_rows import audit_item, put_once
from billing.storage.caller_items import CallerWrites, signature_once
from billing.storage.claims import UnitClaims
from billing.storage.clock_times import ClockTimes
from billing.storage.codec import encode
from billing.storage.copies import subject
from billing.storage.database import Key, table_name
from billing.storage.idempotency import Record, Scope, State
from billing.storage.mrr_of_unit import MrrOfUnit
from billing.storage.outbox import Outbox
from billing.storage.refusals import MOST_ITEMS, PostedAtAnotherTime, StaleCopy, TransactionTooLarge
from billing.storage.registry import REGISTRY, Stored, join, tenant_of
from billing.storage.runtime import Runtime
from billing.storage.tables import AuditItem, EventItem, IdempotencyItem, SequenceItem
from billing.storage.webhooks.events import stored as stored_event

E = TypeVar("E", bound=Entity)
_log = logging.getLogger(__name__)
_Update = tuple[Model, list[Action], Condition | None]
_POLL_S = 0.1
_LARGEST_BODY = 390_000
"""In bytes; the item holds 400 KB with its keys and index attributes. 500 lines of ordinary text take 60 to 100 KB."""


@dataclass(slots=True)
class _Staged:
    entity: Any
    base_version: int


class UnitOfWork:
    """A ``services.kernel.work.Unit`` over DynamoDB."""

    def __init__(
        self, runtime: Runtime, tenant_id: str, scope: Scope | None = None, expected: Expected | None = None
    ) -> None:
        self._runtime = runtime
        self._tenant_id = tenant_id
        self._scope = scope
        self._expected = expected
        self._now = runtime.clock()
        self._looked = scope is None
        self._checkpointed = self._ran_before = False
        self._clocks = ClockTimes(runtime.store)
        self._outbox = Outbox(runtime.present, runtime.entropy, runtime.policy.event_ttl_s, self._clocks.at)
        self._mrr = MrrOfUnit(self._now, self._clocks, runtime.store)
        self._claims = UnitClaims(runtime.numbers)
        self.recovery_point: RecoveryPoint | None = None
        self._after_commit: list[Callable[[], None]] = []
        self._once: list[_Update] = []
        """The request's signatures; empty once they are remembered."""
        self._reset()

    @property
    def tenant(self) -> Tenant:
        return self._runtime.tenants.get(self._tenant_id)

    @property
    def now(self) -> datetime:
        return self._now

    @property
    def client_key(self) -> str | None:
        return self._scope.client_key if self._scope else None

    def fresh_id(self, prefix: str, at: datetime | None = None) -> str:
        return fresh(prefix, at or self._now, self._runtime.entropy())

    def load(self, *refs: Ref[Any]) -> Found:
        # What this unit has staged is newer than what is stored; what it read, or wrote at its checkpoint, it knows.
        staged = {ref: self._staged.get((ref.kind, ref.tenant_id, ref.id)) for ref in refs}
        read = tuple(ref for ref in refs if staged[ref] is None and ref not in self._read)
        found = self._loaded(read)
        self._require_expected(found)
        self._read |= {ref: found.get(ref) for ref in read}
        seen = [each for ref in read if (each := found.get(ref)) is not None]
        self._outbox.saw(seen)
        self._clocks.saw(seen)
        return Found({ref: each.entity if each else self._read[ref] for ref, each in staged.items()})

    def _require_expected(self, found: Found) -> None:
        """Refuse to go on with another version than the request names, in the first run and after each lost race.

        Once something is committed (at a checkpoint, perhaps by an earlier run), the version is what that made it.
        """
        if self._expected is None or self._checkpointed or self.recovery_point is not None:
            return
        entity = found.get(self._expected.ref)
        if entity is not None and entity.version not in self._expected.versions:
            raise VersionMismatch(f"The {in_words(type(entity))} has version {entity.version} by now")

    def _loaded(self, refs: tuple[Ref[Any], ...]) -> Found:
        if self._looked:
            ahead = None if self._ran_before else self._runtime.ahead.take(refs, self._now)
            return ahead if ahead is not None else self._runtime.store.load(refs, {})[0]
        assert self._scope is not None
        key: Key = (self._scope.record_id, "")
        found, items = self._runtime.store.load(refs, {IdempotencyItem: {key}})
        self._looked = True
        resumed = self._meet(items[IdempotencyItem].get(key))
        # What was read before the wait is old by now.
        return self._runtime.store.load(refs, {})[0] if resumed else found

    def query(self, query: Query[E]) -> Page[E]:
        page = self._runtime.store.query(query, self._tenant_id)
        self._outbox.saw(page.items)
        return page

    def save(self, entity: E) -> E:
        if isinstance(entity, LedgerEntry):  # written once, never changed through here
            if entity.test_clock_id is None and entity.posted_at != self._now:
                raise PostedAtAnotherTime(entity.id, entity.posted_at, self._now)
            owner = entity.tenant_id or self._tenant_id  # it may be in another tenant's books
            self._staged[(type(entity), owner, entity.id)] = _Staged(replace(entity, tenant_id=owner), 0)
            return entity
        stored = REGISTRY[type(entity)]
        place = (type(entity), tenant_of(entity), stored.id_of(entity))
        version: int = entity.version  # type: ignore[attr-defined]
        staged = self._staged.get(place)
        if staged is not None and version != staged.entity.version:
            raise StaleCopy(place, version, staged.entity.version)
        base = staged.base_version if staged else version
        saved = self._mrr.counted(replace(entity, version=version + 1))  # type: ignore[type-var]
        self._staged[place] = _Staged(saved, base)
        return saved

    def at_clock_time(self, at: datetime) -> None:
        self._clocks.worked = at

    def numbered(self, sequence: Numbered, document_id: str, claim: str | None) -> Numbered:
        holder = claim or (f"{self._scope.record_id}/{self.recovery_point}" if self._scope else document_id)
        following, issued = self._claims.following(sequence, document_id, holder, self._now)
        self.save(issued)
        return following

    def rename_series(self, sequence: InvoiceSequence) -> None:
        item = SequenceItem(tenant_id=sequence.tenant_id, id=sequence.id)
        self._renamed.append((item, [SequenceItem.prefix.set(sequence.prefix)], None))

    def rely_on(self, entity: Entity) -> None:
        place = (type(entity), tenant_of(entity), REGISTRY[type(entity)].id_of(entity))
        if place not in self._staged:  # what is, is under its own condition
            self._relied_on[place] = entity.version  # type: ignore[attr-defined]

    def emit(self, event_type: EventType, entity: Entity, tenant_id: str | None = None) -> str:
        return self._outbox.emit(event_type, entity, tenant_id, self._now)

    def revoke_grant(self, caller: Caller, grant_id: str, until: datetime) -> None:
        self._callers.revoke_grant(caller, grant_id, until)

    def after_commit(self, action: Callable[[], None]) -> None:
        self._after_commit.append(action)

    def accept_once(self, signatures: Sequence[str], until: int) -> None:
        self._once = [signature_once(self._tenant_id, each, until) for each in signatures]

    def restart(self) -> None:
        """Forget what was staged, to run again from load after a lost race.

        That is safe also where something outside was called: whatever comes before a commit is called under a
        key that the next run will use again, and what moves money comes after a checkpoint, from which the next
        run goes on (``recovery_point``).
        """
        self._reset()
        self._ran_before = True
        self._after_commit = []
        self._looked = self._scope is None or self._checkpointed
        self._now = self._mrr.now = self._runtime.clock()

    def checkpoint(self, point: RecoveryPoint) -> None:
        record = None
        if self._scope is not None:
            ttl_s = self._runtime.policy.idempotency_ttl_s
            record = idempotency.in_progress_item(self._scope, point, self._now, ttl_s)
        self._write(record, None)
        self._checkpointed = self._ran_before = True
        self.recovery_point = point
        written: dict[Ref[Any], Any] = {Ref(*place): each.entity for place, each in self._staged.items()}
        self._reset()
        # Known from now on, and not read again. Whoever changes it meanwhile (a webhook, before Stripe's answer) wins:
        # what comes is saved under the condition that it still is this, or else runs again, and reads.
        self._read |= written

    def commit(self, response: StoredResponse | None = None, audit: AuditRow | None = None) -> None:
        record = None
        if self._scope is not None and response is not None:
            place = f"idempotency/{self._scope.record_id}"
            body = self._runtime.store.sealer.seal(self._tenant_id, place, response.body)
            ttl_s = self._runtime.policy.idempotency_ttl_s
            about = subject({place: each.entity for place, each in self._staged.items()}, self._read)
            record = idempotency.done_item(self._scope, response.status, body, self._now, ttl_s, about)
        self._write(record, audit)
        for action in self._after_commit:
            try:
                action()
            except Exception as error:  # noqa: BLE001 - the commit stands; what follows it is repeatable
                _log.error("after-commit action failed; the next sweep makes up for it", extra=described(error))
        self._after_commit = []

    def write_audit(self, audit: AuditRow) -> None:
        self._reset()
        if self._once:
            self._write(None, audit)
            return
        put_once(self._runtime.store.database, self._audit_item(audit))
        self._claims.committed()

    def _reset(self) -> None:
        self._staged: dict[tuple[type, str, str], _Staged] = {}
        self._read: dict[Ref[Any], Any] = {}
        self._relied_on: dict[tuple[type, str, str], int] = {}
        self._renamed: list[_Update] = []
        self._callers = CallerWrites()
        self._claims.restart()
        self._outbox.forget()
        self._mrr.begin()

    def _write(self, record: IdempotencyItem | None, audit: AuditRow | None) -> None:
        puts: list[tuple[Model, Condition | None]] = []
        if record is not None:
            puts.append((record, self._record_condition()))
        puts += self._staged_puts()
        updates = self._once + self._renamed + self._callers.updates(self._now)
        if audit is not None:
            puts.append((self._audit_item(audit), AuditItem.id.does_not_exist()))
        if not puts and not updates:
            return
        checks = self._checks()
        if len(puts) + len(updates) + len(checks) > MOST_ITEMS:
            models = [*(item for item, *_ in [*puts, *updates]), *(model for model, *_ in checks)]
            raise TransactionTooLarge([table_name(each) for each in models])
        if any(len(getattr(item, "body", None) or "") > _LARGEST_BODY for item, _ in puts):
            raise BodyTooLarge("This is more than one item of the database holds: split it")

        def stage(transaction: TransactWrite) -> None:
            for model, hash_key, range_key, version in checks:
                transaction.condition_check(model, hash_key, range_key, condition=model.version == version)
            for item, condition in puts:
                wants_old = "ALL_OLD" if item is record else None
                transaction.save(item, condition=condition, return_values=wants_old)
            for item, actions, condition in updates:
                transaction.update(item, actions, condition=condition)

        try:
            self._runtime.store.database.transact(uuid4().hex, stage)
        except TransactWriteError as error:
            # PynamoDB sends what is only checked before what is put, that before updates; and the record is put first.
            self._explain(error, len(checks) if record is not None else None, len(checks), [item for item, _ in puts])
        self._once = []
        self._claims.committed()
        self._runtime.ahead.written(self._staged)
        self._outbox.saw(staged.entity for staged in self._staged.values())

    def _staged_puts(self) -> list[tuple[Model, Condition | None]]:
        puts: list[tuple[Model, Condition | None]] = []
        for (kind, tenant_id, entity_id), staged in self._staged.items():
            stored = REGISTRY[kind]
            puts += self._entity_puts(stored, tenant_id, entity_id, staged)
            both = self._outbox.before((kind, tenant_id, entity_id)) if staged.base_version else None, staged.entity
            keys = self._staged_keys(tenant_id)
            found = search.changes(stored, self._runtime.store.sealer, tenant_id, entity_id, both, self._now, keys)
            puts += [(item, None) for item in found]
            if stored.caller is not None:
                self._callers.state(stored.caller(staged.entity), is_new=staged.base_version == 0)
        puts += self._mrr.puts(each.entity for each in self._staged.values())
        puts += [(self._event_item(event), None) for event in self._outbox.events(self._now, self._base_of)]
        return puts + self._callers.puts()

    def _base_of(self, place: tuple[type, str, str]) -> int | None:
        staged = self._staged.get(place)
        return staged.base_version if staged else None

    def _explain(self, error: TransactWriteError, record_at: int | None, puts_at: int, puts: list[Model]) -> None:
        once_at = puts_at + len(puts)
        reasons = error.cancellation_reasons
        failed = [n for n, reason in enumerate(reasons) if reason and reason.code == "ConditionalCheckFailed"]
        if not failed:
            raise error
        if any(once_at <= n < once_at + len(self._once) for n in failed):
            self._once = []
            raise Unauthenticated("The signature was used before")
        if record_at is not None and record_at in failed:
            reason = reasons[record_at]
            self._meet(reason.raw_item if reason else None)
            # Under way elsewhere but silent for long, or just gone: this run's own writes did not happen.
            raise IdempotencyInProgress("A request with this Idempotency-Key is being worked on", retry_after_s=2)
        lost = [puts[n - puts_at] for n in failed if puts_at <= n < once_at]
        self._claims.lost(each.id for each in lost if isinstance(each, SequenceItem))
        raise LostRace("Somebody else changed the same thing at the same time")

    def _checks(self) -> list[tuple[Any, str, str, int]]:
        """What is relied on and not itself saved: its table, its key and the version that it is to have."""
        if any(self._base_of(place) not in (None, version) for place, version in self._relied_on.items()):
            raise LostRace("What is saved was read anew, and is not what was relied on")
        relied_on = {place: version for place, version in self._relied_on.items() if place not in self._staged}
        return [
            (REGISTRY[kind].model, tenant_id, REGISTRY[kind].range_of(entity_id), version)
            for (kind, tenant_id, entity_id), version in relied_on.items()
        ]

    def _record_condition(self) -> Condition:
        assert self._scope is not None
        if self.recovery_point is not None:
            return idempotency.second_condition(self._scope)
        return idempotency.first_condition(self._now)

    def _meet(self, item: dict[str, Any] | None) -> bool:
        """Deal with a record that is there already; True where the unit is to go on from an earlier run's point."""
        assert self._scope is not None
        record = Record.read(item, self._now)
        if record.state is State.NONE:
            return False
        if record.fingerprint != self._scope.fingerprint:
            raise IdempotencyKeyReused("This Idempotency-Key was used for another request")
        record, waited = self._await_outcome(record)
        if record.state is State.DONE:
            place = f"idempotency/{self._scope.record_id}"
            body = self._runtime.store.sealer.open(self._tenant_id, place, record.sealed_body)
            raise Replay(StoredResponse(record.status, body))
        if record.state is State.IN_PROGRESS and not self._abandoned(record):
            raise IdempotencyInProgress("A request with this Idempotency-Key is being worked on", retry_after_s=2)
        self.recovery_point = record.recovery_point
        return self.recovery_point is not None or waited

    def _await_outcome(self, record: Record) -> tuple[Record, bool]:
        """Wait a little for the same request under way elsewhere: its response is this request's answer too."""
        assert self._scope is not None
        key: Key = (self._scope.record_id, "")
        waited = 0.0
        while (
            record.state is State.IN_PROGRESS
            and not self._abandoned(record)
            and waited < self._runtime.policy.idempotency_wait_s
        ):
            self._runtime.pause(_POLL_S)
            waited += _POLL_S
            items = self._runtime.store.database.batch_get({IdempotencyItem: {key}})
            record = Record.read(items[IdempotencyItem].get(key), self._now)
        return record, waited > 0

    def _abandoned(self, record: Record) -> bool:
        """Whether the run that wrote the record has had its time; continuing beside it would be safe but wasteful."""
        lease = timedelta(seconds=self._runtime.policy.idempotency_lease_s)
        return record.touched_at is None or self._runtime.clock() - record.touched_at >= lease

    def _entity_puts(
        self, stored: Stored, tenant_id: str, entity_id: str, staged: _Staged
    ) -> list[tuple[Model, Condition | None]]:
        body = encode(staged.entity, self._runtime.store.sealer, tenant_id, entity_id, self._staged_keys(tenant_id))
        attributes: dict[str, Any] = {"tenant_id": tenant_id, **stored.attributes(staged.entity, self._now)}
        for name, text in stored.blind(staged.entity).items():
            blind = self._runtime.store.sealer.blind(tenant_id, text, self._staged_keys(tenant_id))
            attributes[name] = join(tenant_id, blind)
        version = getattr(staged.entity, "version", 1)  # a ledger entry is written once and has none
        model: Any = stored.model
        range_attribute = getattr(model, stored.range_name)

        def item(range_key: str) -> Model:
            made: Model = model(**{**attributes, stored.range_name: range_key}, version=version, body=body)
            return made

        is_new = staged.base_version == 0
        condition = range_attribute.does_not_exist() if is_new else model.version == staged.base_version
        puts: list[tuple[Model, Condition | None]] = [(item(stored.range_of(entity_id)), condition)]
        once = range_attribute.does_not_exist()
        puts += [(item(stored.range_of(other)), once) for other in stored.also(staged.entity)]
        return puts

    def _event_item(self, event: Event) -> EventItem:
        return stored_event(event, self._runtime.store.sealer, self._staged_keys(event.head.tenant_id))

    def _audit_item(self, row: AuditRow) -> AuditItem:
        ttl_s = self._runtime.policy.audit_ttl_s
        return audit_item(self._tenant_id, self.fresh_id("aud"), row, self._now, ttl_s)

    def _staged_keys(self, tenant_id: str) -> tuple[str, ...] | None:
        """The data keys of a tenant that this very transaction saves; of the newest nobody else knows yet."""
        staged = self._staged.get((Tenant, tenant_id, SETTINGS_ID))
        return staged.entity.data_keys if staged else None
