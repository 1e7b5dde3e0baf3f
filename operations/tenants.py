"""`tenant suspend` and `tenant resume`."""

from typing import TYPE_CHECKING

from operations.operator import Operator

if TYPE_CHECKING:
    from billing.domain.tenant import TenantStatus


def suspend(operator: Operator, tenant_id: str) -> str:
    """Refuse a tenant's calls, everywhere within a minute; its status.

    Raises:
        BillingError: there is no such tenant, or it is the platform.
    """
    from billing.domain.tenant import TenantStatus

    return _set(operator, tenant_id, TenantStatus.SUSPENDED)


def resume(operator: Operator, tenant_id: str) -> str:
    """Take a suspended tenant in again; its status.

    Raises:
        BillingError: there is no such tenant.
    """
    from billing.domain.tenant import TenantStatus

    return _set(operator, tenant_id, TenantStatus.ACTIVE)


def _set(operator: Operator, tenant_id: str, status: "TenantStatus") -> str:
    from billing.bootstrap import operating
    from billing.domain.tenant import PLATFORM

    settings = operating.tenant_settings()
    view = operator.about(tenant_id).act(PLATFORM, lambda work: settings.update(work, tenant_id, {"status": status}))
    return view.tenant.status.value
