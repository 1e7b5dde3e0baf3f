"""The customer portal: what a tenant lets its customers do there, the links that lead into it, and its sessions.

A link is good once, for minutes: it goes through mails and chats. What it opens is a session of one browser, good for
one customer. Of both, only a hash is kept.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.domain.access.caller import digest

LINK_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(hours=1)
MOST_PLANS = 50


class Feature(StrEnum):
    """What the portal can show and do, each on its own."""

    INVOICES = "invoices"
    PAYMENT_METHODS = "paymentMethods"
    CHANGE_PLAN = "changePlan"
    QUANTITIES = "quantities"
    PAUSE = "pause"
    CANCEL = "cancel"
    DETAILS = "details"
    USAGE = "usage"


class CancelWhen(StrEnum):
    """When what a customer cancels ends."""

    PERIOD_END = "period_end"
    NOW = "now"
    EITHER = "either"
    """As the customer chooses."""

    def allows(self, at_period_end: bool) -> bool:
        """Whether a customer may cancel so."""
        return self is CancelWhen.EITHER or (self is CancelWhen.PERIOD_END) == at_period_end


@dataclass(frozen=True, slots=True)
class PortalTerms:
    """A tenant's settings of the portal.

    Args:
        features: what is on. Nothing that changes what a customer pays is, unless the tenant says so.
        plans: the ids of the plans that may be changed to, in the order in which they are shown.
    """

    features: tuple[Feature, ...] = (
        Feature.INVOICES,
        Feature.PAYMENT_METHODS,
        Feature.CANCEL,
        Feature.DETAILS,
        Feature.USAGE,
    )
    plans: tuple[str, ...] = ()
    cancel: CancelWhen = CancelWhen.PERIOD_END

    def narrowed(self, features: tuple[Feature, ...] | None) -> "PortalTerms":
        """With no more features than these; None for all that are on."""
        if features is None:
            return self
        return replace(self, features=tuple(each for each in self.features if each in features))


DEFAULT_PORTAL = PortalTerms()


@dataclass(frozen=True, slots=True)
class _Admission:
    """Whom a link or a session lets in, until when, and to what.

    Args:
        id: made of the hash of its secret: ``link_id``, ``session_id``.
        features: what its customer may do of what is on; None for all of that.
        locale: the language of its pages; None for the customer's.
        return_url: where the portal leads back to.
    """

    id: str
    tenant_id: str
    customer_id: str
    created_at: datetime
    expires_at: datetime
    features: tuple[Feature, ...] | None = None
    locale: str | None = None
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class PortalLink(_Admission):
    """A link into the portal."""

    entity_name: ClassVar[str] = "PortalLink"

    used_at: datetime | None = None
    version: int = 0

    def is_good(self, now: datetime) -> bool:
        """Whether it still opens a session."""
        return self.used_at is None and now < self.expires_at

    def used(self, now: datetime) -> "PortalLink":
        """After it has opened one."""
        return replace(self, used_at=now)

    def session(self, secret: str, now: datetime) -> "PortalSession":
        """The session that it opens."""
        return PortalSession(
            id=session_id(secret),
            tenant_id=self.tenant_id,
            customer_id=self.customer_id,
            created_at=now,
            expires_at=now + SESSION_LIFE,
            features=self.features,
            locale=self.locale,
            return_url=self.return_url,
        )


@dataclass(frozen=True, slots=True)
class PortalSession(_Admission):
    """A browser in which a customer is in the portal.

    Args:
        expires_at: an hour after it began, however much is done in it.
    """

    entity_name: ClassVar[str] = "PortalSession"

    ended_at: datetime | None = None
    version: int = 0

    def is_good(self, now: datetime) -> bool:
        """Whether it still lets its customer in."""
        return self.ended_at is None and now < self.expires_at

    def ended(self, now: datetime) -> "PortalSession":
        """After the customer has left."""
        return replace(self, ended_at=now)

    @property
    def principal(self) -> str:
        """Who acts in it, for the audit log."""
        return f"portal:{self.customer_id}"


def link_id(secret: str) -> str:
    """The id under which a link is kept: of its secret, only the hash is."""
    return "plk_" + digest(secret)


def session_id(secret: str) -> str:
    """The id under which a session is kept: of the cookie, only the hash is."""
    return "pse_" + digest(secret)
