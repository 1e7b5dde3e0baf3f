"""Reading ahead: what the next due subscriptions of a shard need, and the numbers of their invoices, in three calls.

A renewal is one transaction then. What was read ahead is as old as the work on what came before it, some seconds at
most: what is saved is under its version condition all the same, and a run that loses its race reads for itself.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from billing.domain.subscriptions.subscription import Subscription
from billing.domain.tenant import INVOICE_SEQUENCE_ID, InvoiceSequence, Tenant
from billing.services.clocks.due_index import DueItem
from billing.services.kernel.failures import described
from billing.services.kernel.work import Found, Ref
from billing.services.subscriptions.renewals import Renewals

FRESH = timedelta(seconds=5)
"""For so long what was read ahead is good enough to decide on."""
AT_ONCE = 25
"""So many subscriptions are read ahead: four items each, and a batch brings a hundred."""
_log = logging.getLogger(__name__)


class Ahead(Protocol):
    """What is read, and claimed, before the units of work that want it."""

    def read(self, refs: Iterable[Ref[Any]], at: datetime) -> Found:
        """Read entities in one batch, for the units that load them next."""

    def claim(self, sequence: InvoiceSequence, claims: Sequence[str], at: datetime) -> None:
        """Claim a number for each of some documents (``Work.numbered``)."""

    def forget(self) -> None:
        """At the end of a turn: forget what was read and not asked for, and give back what was claimed and not used."""


class Tenants(Protocol):
    """Tenants by id."""

    def get(self, tenant_id: str) -> Tenant:
        """The tenant, with its settings of a minute ago at most."""


class Upcoming(Protocol):
    """What a turn will take."""

    def upcoming(self, kind: str, most: int) -> list[DueItem]:
        """The next items of a kind, in their order."""


@dataclass(slots=True)
class ReadAhead:
    """Reads ahead for the billing worker, a few subscriptions at a time.

    Args:
        tenants: gives the settings that the refs depend on.
    """

    ahead: Ahead
    renewals: Renewals
    tenants: Tenants
    _read: frozenset[DueItem] = frozenset()
    _until: datetime | None = None

    def before(self, item: DueItem, queue: Upcoming, now: datetime) -> None:
        """An item is worked now: read what it needs, and what those need that come after it, unless that is done.

        Where it fails, each reads for itself.

        Args:
            queue: what comes after it.
        """
        if item.kind != "subscription" or (item in self._read and self._until is not None and now < self._until):
            return
        some = [item, *queue.upcoming(item.kind, AT_ONCE - 1)]
        self._read, self._until = frozenset(some), now + FRESH
        if len(some) == 1:
            return
        try:
            self._begin(some, now)
        except Exception as error:  # noqa: BLE001 - nothing is lost by it but the calls that it would have saved
            _log.warning("nothing was read ahead", extra=described(error))

    def end(self) -> None:
        """The turn is over: forget what is left."""
        self._read, self._until = frozenset(), None
        try:
            self.ahead.forget()
        except Exception as error:  # noqa: BLE001 - who looks at the series finds its numbers
            _log.warning("numbers were not given back", extra=described(error))

    def _begin(self, items: Sequence[DueItem], at: datetime) -> None:
        refs = [Ref(Subscription, item.tenant_id, item.id) for item in items]
        found = self.ahead.read(refs, at)
        due = [each for ref in refs if (each := found.get(ref)) is not None and each.due and each.due.at <= at]
        wanted: dict[Ref[Any], None] = {}
        numbered: dict[str, list[str]] = defaultdict(list)
        for subscription in due:
            tenant = self.tenants.get(subscription.tenant_id)
            wanted |= dict.fromkeys(self.renewals.refs(tenant, subscription))
            if (claim := self.renewals.numbered_ahead(tenant, subscription)) is not None:
                numbered[tenant.id].append(claim)
        self.ahead.read(wanted, at)
        for tenant_id, claims in numbered.items():
            if len(claims) > 1:
                sequence = InvoiceSequence(
                    tenant_id, self.tenants.get(tenant_id).invoice_prefix, id=INVOICE_SEQUENCE_ID
                )
                self.ahead.claim(sequence, claims, at)
