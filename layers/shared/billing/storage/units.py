"""Units of work over DynamoDB, as the other beats begin them."""

from dataclasses import dataclass

from billing.services.kernel.work import KeyedRequest
from billing.storage.idempotency import Scope
from billing.storage.runtime import Runtime
from billing.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class DynamoUnits:
    """``services.kernel.work.Units`` over DynamoDB."""

    runtime: Runtime

    def begin(self, tenant_id: str, request: KeyedRequest | None = None) -> UnitOfWork:
        if request is None:
            return UnitOfWork(self.runtime, tenant_id)
        return UnitOfWork(self.runtime, tenant_id, Scope.of(tenant_id, request), request.expected)
