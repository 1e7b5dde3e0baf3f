"""Where a tenant's logo is: whoever prints needs that, and nothing of what changes a tenant."""

from billing.domain.tenant import LOGO_ID, TenantLogo
from billing.services.kernel.work import Ref


def logo_ref(tenant_id: str) -> Ref[TenantLogo]:
    """Where a tenant's logo is, if it ever had one."""
    return Ref(TenantLogo, tenant_id, LOGO_ID)
