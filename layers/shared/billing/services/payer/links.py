"""Links for payers, who have no account: each shows one thing of one tenant's, until it expires.

A link is ``TENANT.SUBJECT.EXPIRY.PROOF``, and nobody stores it: the proof, 256 bits, is derived from a key of the
tenant's and from what stands before it. Whoever has one link can make no other; and one that leaks ends by itself.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from billing.services.access.tokens import Derivation

_LONGEST = 400
_FORM = re.compile(r"([A-Za-z0-9_-]{1,128})\.([a-z]{2,4}_[A-Za-z0-9]{1,64})\.([1-9][0-9]{0,10})\.([A-Za-z0-9_-]{43})")
_PURPOSE = "payer's link"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is for.

    Args:
        subject_id: the one thing that it shows: an invoice's id, or a customer's.
        expires_at: whole seconds.
    """

    tenant_id: str
    subject_id: str
    expires_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether it has expired."""
        return now >= self.expires_at

    @property
    def _said(self) -> str:
        return f"{self.subject_id}.{int(self.expires_at.timestamp())}"


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and checks links.

    Args:
        secrets: derives the proofs; they stay the same when a tenant's keys are rotated.
    """

    secrets: Derivation

    def token(self, link: Link) -> str:
        """The link, as it stands in an address."""
        return f"{link.tenant_id}.{link._said}.{self._proof(link)}"

    def is_genuine(self, link: Link, token: str) -> bool:
        """Whether a token that says so was made here; it may have expired."""
        return hmac.compare_digest(self.token(link).encode(), token.encode())

    def _proof(self, link: Link) -> str:
        return self.secrets.derived(link.tenant_id, _PURPOSE, link._said)


def read(token: str) -> Link | None:
    """What a token says that it is for, which is yet to be proved; None where it is none."""
    found = _FORM.fullmatch(token) if len(token) <= _LONGEST else None
    if found is None:
        return None
    tenant_id, subject_id, expiry, _ = found.groups()
    return Link(tenant_id, subject_id, datetime.fromtimestamp(int(expiry), UTC))
