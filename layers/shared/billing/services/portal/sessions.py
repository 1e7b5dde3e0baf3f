"""How a customer comes into the portal and leaves it: links that a tenant makes, and the sessions that they open."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from billing.domain.customers.customer import Customer
from billing.domain.kernel.errors import Detail, Unavailable, ValidationFailed
from billing.domain.portal import LINK_LIFE, Feature, PortalLink, PortalSession, link_id, session_id
from billing.services.kernel.work import Ref, Work

ENTER = "/portal/enter"
_LONGEST_SECRET = 128


@dataclass(frozen=True, slots=True)
class NewPortalLink:
    """A link as the caller wants it; see ``PortalLink``."""

    customer_id: str
    features: tuple[Feature, ...] | None = None
    locale: str | None = None
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link, and its address, which nobody can tell again."""

    link: PortalLink
    url: str


@dataclass(frozen=True, slots=True)
class PortalSessions:
    """The use cases.

    Args:
        new_secret: gives 256 random bits as text.
        issuer: the origin at which this service is reached, as it is configured; no request says it.
    """

    new_secret: Callable[[], str]
    issuer: str

    def invite(self, work: Work, new: NewPortalLink) -> Invitation:
        """A link that opens the portal for one customer, once.

        Raises:
            NotFound: the tenant has no such customer.
            InvalidState: it was deleted.
            ValidationFailed: a feature is asked for that the tenant has not switched on.
            Unavailable: nobody has configured at which address this service is.
        """
        if not self.issuer:
            raise Unavailable("No address is configured at which the portal is reached (DomainName or IssuerUrl)")
        ref = Ref(Customer, work.tenant.id, new.customer_id)
        work.load(ref).require(ref).require_there("let into the portal")
        on = work.tenant.portal.features
        off = [n for n, each in enumerate(new.features or ()) if each not in on]
        if off:
            raise ValidationFailed.all([Detail(f"features.{n}", "not_switched_on") for n in off])
        secret = self.new_secret()
        link = PortalLink(
            id=link_id(secret),
            tenant_id=work.tenant.id,
            customer_id=new.customer_id,
            created_at=work.now,
            expires_at=work.now + LINK_LIFE,
            features=new.features,
            locale=new.locale,
            return_url=new.return_url,
        )
        token = quote(f"{work.tenant.id}.{secret}", safe="")
        return Invitation(work.save(link), f"{self.issuer}{ENTER}?token={token}")

    def link(self, work: Work, secret: str) -> PortalLink | None:
        """The link with this secret, where it still opens a session. Looking at it does not use it up."""
        ref = Ref(PortalLink, work.tenant.id, link_id(secret))
        link = work.load(ref).get(ref) if len(secret) <= _LONGEST_SECRET else None
        return link if link is not None and link.is_good(work.now) else None

    def enter(self, work: Work, secret: str) -> tuple[PortalSession, str] | None:
        """The session that a link opens, and its cookie's secret; None where the link opens none (any more)."""
        link = self.link(work, secret)
        if link is None:
            return None
        work.save(link.used(work.now))
        cookie = self.new_secret()
        return work.save(link.session(cookie, work.now)), cookie

    def session(self, work: Work, secret: str) -> PortalSession | None:
        """The session with this cookie, while it lets its customer in."""
        ref = Ref(PortalSession, work.tenant.id, session_id(secret))
        session = work.load(ref).get(ref) if 0 < len(secret) <= _LONGEST_SECRET else None
        return session if session is not None and session.is_good(work.now) else None


def leave(work: Work, session: PortalSession) -> None:
    """End a session."""
    work.save(session.ended(work.now))


def still_opens(tenant_id: str, link: str) -> Callable[[Work], bool]:
    """Whether the answer that shows a link may be given again: not once it is used, or too old."""
    ref = Ref(PortalLink, tenant_id, link)

    def check(work: Work) -> bool:
        found = work.load(ref).get(ref)
        return found is not None and found.is_good(work.now)

    return check
