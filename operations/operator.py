"""An operator's work: the product's own use cases, in its own units of work, with a row in the audit log.

Nothing is written that a use case would not write. A command that a crash cuts off has done all of a step or nothing
of it, and its next run goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from billing.domain.kernel.errors import BillingError, NotFound, Unauthenticated
from billing.domain.tenant import PLATFORM
from billing.services.kernel.retries import run_again
from billing.services.kernel.work import AuditRow, Unit
from operations.stack import Stack

T = TypeVar("T")
METHOD = "OPERATE"
"""Where a call has GET or POST."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Whoever runs a command.

    Args:
        command: what the audit log has as its route.
        dry_run: whether all is decided and nothing done; the log says so.
    """

    stack: Stack
    command: str
    dry_run: bool = False

    def about(self, *whom: str) -> "Operator":
        """The same, with the ids in the log of what the command is about: ``tenant suspend ten_1``."""
        return replace(self, command=" ".join((self.command, *whom)))

    def act(self, tenant_id: str, action: Callable[[Unit], T]) -> T:
        """Run a use case and commit it together with its audit row, in the tenant's log.

        On a dry run the use case decides, and nothing but the row is written.

        Raises:
            NotFound: there is no such tenant.
            BillingError: the use case refuses; the platform's log has a row of it.
        """
        from billing.bootstrap import process, storage

        require_tenant(tenant_id)
        unit = storage.units().begin(tenant_id)
        began_s = process.monotonic_s()

        def once() -> T:
            result = action(unit)
            row = self._row(200, process.monotonic_s() - began_s)
            if self.dry_run:
                unit.restart()  # what was staged is forgotten
                unit.write_audit(row)
            else:
                unit.commit(audit=row)
            return result

        try:
            return run_again(unit, once, process.JITTER.random, process.sleep)
        except BillingError as error:
            self.note(error.status)
            raise

    def note(self, status: int = 200, tenant_id: str = PLATFORM) -> None:
        """Write a row before something is begun that is no single commit: what a crash cuts off is in the log, too."""
        from billing.bootstrap import storage

        storage.units().begin(tenant_id).write_audit(self._row(status, 0))

    def _row(self, status: int, took_s: float) -> AuditRow:
        from billing.bootstrap import process

        route = f"operations {self.command}{' --dry-run' if self.dry_run else ''}"
        return AuditRow(
            process.new_request_id(), self.stack.operator, METHOD, route, status, None, round(took_s * 1000)
        )


def require_tenant(tenant_id: str) -> None:
    """Refuse a tenant that does not exist: a row of its log would be the first that is there of it.

    Raises:
        NotFound: there is none.
    """
    from billing.bootstrap import storage

    try:
        storage.tenants().get(tenant_id)
    except Unauthenticated:
        raise NotFound(f"No tenant {tenant_id}") from None
