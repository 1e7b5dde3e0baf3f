"""Makes and rotates the keys that sign tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from billing.domain.access.signing_keys import SIGNING_KEYS_ID, SigningKey, SigningKeys
from billing.domain.kernel.errors import LostRace, Unavailable
from billing.domain.tenant import PLATFORM
from billing.services.kernel.work import Ref, Units

_REF = Ref(SigningKeys, PLATFORM, SIGNING_KEYS_ID)


@dataclass(frozen=True, slots=True)
class Signing:
    """The use cases.

    Args:
        directory: gives the keys that a worker knows; ``forget`` has it read them anew.
        public_half: gives ``kid``, ``n`` and ``e`` of a key at the key service.
        first_key_id: the key of a stack that has none yet; empty where it issues no tokens.
    """

    units: Units
    get: Callable[[], SigningKeys | None]
    forget: Callable[[], None]
    public_half: Callable[[str], tuple[str, str, str]]
    first_key_id: str

    def keys(self) -> SigningKeys:
        """The keys; the first one is entered by whoever needs it first.

        Raises:
            Unavailable: the stack has no key.
        """
        found = self.get()
        if found is not None:
            return found
        if not self.first_key_id:
            raise Unavailable("This stack issues no tokens", retry_after_s=60)
        work = self.units.begin(PLATFORM)
        try:
            work.save(SigningKeys(PLATFORM, (self._key(self.first_key_id, work.now),)))
            work.commit()
        except LostRace:
            pass  # somebody else was first
        self.forget()
        made = self.get()
        assert made is not None
        return made

    def rotate(self, key_id: str, at_once: bool = False) -> SigningKeys:
        """Have another key sign: in 15 minutes, or at once, which ends all tokens.

        Raises:
            InvalidState: another key waits for its time.
        """
        work = self.units.begin(PLATFORM)
        fresh = self._key(key_id, work.now)
        before = work.load(_REF).get(_REF) or SigningKeys(PLATFORM, ())
        after = before.replaced(fresh, work.now) if at_once or not before.keys else before.rotated(fresh, work.now)
        saved = work.save(after)
        work.commit()
        self.forget()
        return saved

    def _key(self, key_id: str, now: datetime) -> SigningKey:
        kid, modulus, exponent = self.public_half(key_id)
        return SigningKey(kid, key_id, modulus, exponent, published_at=now, signs_from=now)
