"""The signing keys, kept for a minute by each worker: verifying a token takes no round trip."""

from collections.abc import Callable
from datetime import datetime, timedelta

from billing.domain.access.signing_keys import SIGNING_KEYS_ID, SigningKeys
from billing.domain.tenant import PLATFORM
from billing.services.kernel.work import Ref
from billing.storage.store import Store

_KEPT = timedelta(seconds=60)
_KEPT_AT_LEAST = timedelta(seconds=10)
"""However many tokens name a key that nobody has heard of."""
REF = Ref(SigningKeys, PLATFORM, SIGNING_KEYS_ID)


class SigningKeyDirectory:
    """Gives the signing keys."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._cached: tuple[datetime, SigningKeys | None] | None = None

    def get(self, fresh: bool = False) -> SigningKeys | None:
        """The keys; None where the stack has none yet.

        Args:
            fresh: a token names a key that is not among them: perhaps it was made just now.
        """
        now = self._clock()
        kept = _KEPT_AT_LEAST if fresh else _KEPT
        if fresh and self._cached is not None and self._cached[1] is None:
            # A later key is published a quarter of an hour before it signs; a stack's first one signs at once. So that
            # there are none is never held against a token, which costs a read, as an unknown API key does.
            kept = timedelta()
        # A clock that was set back, or a snapshot's: nothing is from the future.
        if self._cached is not None and timedelta() <= now - self._cached[0] < kept:
            return self._cached[1]
        found = self._store.load([REF], {})[0].get(REF)
        self._cached = (now, found)
        return found

    def forget(self) -> None:
        """Read them anew, whoever asks next."""
        self._cached = None
