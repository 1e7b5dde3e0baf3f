"""Ids that a tenant gives its customers and subscriptions itself: each is one thing's of its kind."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import ClassVar

from billing.domain.kernel.entity import Entity

LONGEST = 200


@dataclass(frozen=True, slots=True)
class ExternalIdClaim:
    """Whose an external id is.

    Its own id is derived from the text, so that two who want the same one meet here; and it does not say the text,
    which is gone once nobody has it. No function deletes, so a claim that was given up stays, with no owner.
    """

    entity_name: ClassVar[str] = "ExternalIdClaim"

    id: str
    tenant_id: str
    owner_id: str | None = None
    version: int = 0

    def of(self, owner_id: str | None) -> "ExternalIdClaim":
        """The claim with another owner, or with none."""
        return replace(self, owner_id=owner_id)


def claim_id(tenant_id: str, kind: type[Entity], external_id: str) -> str:
    """The id of the claim of a text: a customer and a subscription may have the same one.

    >>> claim_id("ten_1", Customer, "42") == claim_id("ten_1", Subscription, "42")  # never
    """
    digest = sha256(f"{len(tenant_id)}:{tenant_id}:{external_id}".encode()).hexdigest()
    return f"{kind.entity_name}#{digest}"
