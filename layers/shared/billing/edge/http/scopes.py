"""Scopes, as routes name them; what they mean is in ``domain.access.scopes``."""

from billing.domain.access.scopes import Scope, granted

__all__ = ["Scope", "granted"]
