"""Personal data at rest: AES-256-GCM under data keys of the tenant's own, which KMS wraps.

A sealed text is ``v3.<n>.<base64url(kind || day || nonce || ciphertext || tag)>``: ``n`` says which of the tenant's
data keys, counted from 1, and the day (UTC, two bytes) which of that key's sub-keys: each day has one, an HMAC of the
data key, so that no key of AES-GCM seals more than 2^32 texts with random nonces (49,000 a second for a day). What was
sealed before keys had numbers is ``v1.`` or ``v2.``, under the first data key itself; it still opens.

The tenant is bound twice: KMS unwraps a key only in the tenant's encryption context, and the place
(``Customer/cus_1/email``) is authenticated with the text, so a sealed value that is copied to another field, item or
tenant does not open.

A long text (an event or a response with an invoice of 500 lines) is compressed first, and its kind says so: a DynamoDB
item holds 400 KB. A short text is not, because the length of a compressed text reveals a little of its content, and a
key that is shown once is in a short response.
"""

import base64
import hmac
import os
import re
import zlib
from binascii import Error as BadBase64
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from billing.domain.kernel.errors import Unavailable

_OLD_PLAIN, _OLD_COMPRESSED = "v1.", "v2."
_NUMBERED = re.compile(r"v3\.([1-9][0-9]{0,3})\.")
_PLAIN, _COMPRESSED = 0, 1
_COMPRESS_FROM = 8 * 1024
_LONGEST_TEXT = 8 * 1024 * 1024
"""The most bytes that are opened, whatever length a sealed text claims to have."""
_NONCE_BYTES = 12
_HEAD_BYTES = 3
"""The kind and the day."""
_DAY_S = 86_400
_MOST_KEYS = 500
_LONGEST_S = 3_600
_MOST_DAYS = 16
"""How many unwrapped data keys a worker holds, and for how long; and how many days' ciphers of each."""


class DataKeys(Protocol):
    """Where a tenant's data keys are."""

    def data_keys(self, tenant_id: str, at_least: int = 1) -> Sequence[str]:
        """As KMS wrapped them (base64), the first one first.

        Args:
            at_least: how many there are for certain; who knows of fewer looks again.
        """

    def index_keys(self, tenant_id: str) -> tuple[int, ...]:
        """The numbers of those under which addresses are looked for; the first of them is the one to write under."""


class _Keys:
    """Derived from a tenant's data key: ciphers, and separate keys for the blind index and for secrets."""

    def __init__(self, data_key: bytes) -> None:
        self._data_key = data_key
        self.cipher = AESGCM(data_key)
        """What sealed every text before there were sub-keys; it seals none any more."""
        self.blind_index = hmac.digest(data_key, b"ledgerline blind index", sha256)
        self.secrets = hmac.digest(data_key, b"ledgerline secrets", sha256)
        self._of_days: dict[int, AESGCM] = {}

    def of_day(self, day: int) -> AESGCM:
        """The cipher of a day, counted from 1970."""
        cipher = self._of_days.get(day)
        if cipher is None:
            sub_key = hmac.digest(self._data_key, b"ledgerline texts of day " + day.to_bytes(2), sha256)
            if len(self._of_days) >= _MOST_DAYS:
                self._of_days.clear()
            cipher = self._of_days[day] = AESGCM(sub_key)
        return cipher


class Vault:
    """Seals and opens texts; keeps a few unwrapped data keys for an hour.

    Args:
        kms: gives botocore's KMS client.
        master_key_id: the stack's KMS key.
        tenants: gives what knows the tenants' data keys.
        now: the wall clock.
    """

    def __init__(
        self,
        kms: Callable[[], Any],
        master_key_id: str,
        tenants: Callable[[], DataKeys],
        now: Callable[[], datetime],
    ) -> None:
        self._kms = kms
        self._master_key_id = master_key_id
        self._tenants = tenants
        self._now = now
        self._keys: OrderedDict[tuple[str, str], tuple[_Keys, float]] = OrderedDict()
        self._lock = Lock()

    def seal(self, tenant_id: str, place: str, text: str, data_keys: Sequence[str] | None = None) -> str:
        """The text, sealed under the newest key that is known here; the same text sealed twice looks different.

        Args:
            data_keys: the tenant's wrapped keys, if the tenant, or the newest of them, is not stored yet.

        Raises:
            ValueError: it is too long to be opened again.
        """
        data = text.encode()
        if len(data) > _LONGEST_TEXT:
            raise ValueError(f"{len(data)} bytes are more than a sealed text may hold")
        kind = _PLAIN if len(data) < _COMPRESS_FROM else _COMPRESSED
        data = data if kind == _PLAIN else zlib.compress(data)
        wrapped = data_keys or self._tenants().data_keys(tenant_id)
        now = self._now().timestamp()
        day = int(now) // _DAY_S
        number, head = f"v3.{len(wrapped)}.", bytes([kind]) + day.to_bytes(2)
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._unwrapped(tenant_id, wrapped[-1], now).of_day(day)
        sealed = cipher.encrypt(nonce, data, number.encode() + head + place.encode())
        return number + base64.urlsafe_b64encode(head + nonce + sealed).decode()

    def open(self, tenant_id: str, place: str, sealed: str, data_keys: Sequence[str] | None = None) -> str:
        """The text, under whichever of the tenant's keys it was sealed.

        Raises:
            ValueError: it was not sealed for this tenant and place, or it was changed.
        """
        numbered = _NUMBERED.match(sealed)
        if numbered is None and not sealed.startswith((_OLD_PLAIN, _OLD_COMPRESSED)):
            raise ValueError("not a sealed text")
        try:
            if numbered is None:
                return self._open_old(tenant_id, place, sealed, data_keys)
            data = base64.urlsafe_b64decode(sealed[numbered.end() :])
            keys = self._keys_of(tenant_id, data_keys, int(numbered[1]))
            head, nonce = data[:_HEAD_BYTES], data[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
            cipher = keys.of_day(int.from_bytes(head[1:]))
            authenticated = numbered[0].encode() + head + place.encode()
            text = cipher.decrypt(nonce, data[_HEAD_BYTES + _NONCE_BYTES :], authenticated)
            return (text if head[0] == _PLAIN else _inflated(text)).decode()
        except (InvalidTag, BadBase64, ValueError, zlib.error):
            raise ValueError("a sealed text that does not open here") from None

    def _open_old(self, tenant_id: str, place: str, sealed: str, data_keys: Sequence[str] | None) -> str:
        """The text of a time when a tenant had one data key, which sealed by itself."""
        version = sealed[: len(_OLD_PLAIN)]
        data = base64.urlsafe_b64decode(sealed[len(version) :])
        authenticated = (place if version == _OLD_PLAIN else version + place).encode()
        cipher = self._keys_of(tenant_id, data_keys).cipher
        text = cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], authenticated)
        return (text if version == _OLD_PLAIN else _inflated(text)).decode()

    def new_data_key(self, tenant_id: str) -> str:
        """A fresh data key for a tenant, as KMS wrapped it (base64); nothing is sealed under it until it is stored."""
        answer = self._ask(
            lambda: self._kms().generate_data_key(
                KeyId=self._master_key_id, KeySpec="AES_256", EncryptionContext=_context(tenant_id)
            )
        )
        wrapped = base64.b64encode(answer["CiphertextBlob"]).decode()
        self._keep(tenant_id, wrapped, _Keys(answer["Plaintext"]))
        return wrapped

    def blind(self, tenant_id: str, text: str, data_keys: Sequence[str] | None = None) -> str:
        """HMAC-SHA256 of a text under the tenant's own key: it can be looked up, but not read from the table.

        It is the first data key's until the index is made anew (``storage.resealing``), whatever key seals.
        """
        is_first = data_keys is not None and len(data_keys) == 1  # of a tenant that is not stored yet, perhaps
        number = 1 if is_first else self._tenants().index_keys(tenant_id)[0]
        return self.blind_under(tenant_id, text, number, data_keys)

    def blinds(self, tenant_id: str, text: str) -> tuple[str, ...]:
        """Under what a text is to be looked for: as it is written now, and while the index is made anew, as before."""
        return tuple(self.blind_under(tenant_id, text, each) for each in self._tenants().index_keys(tenant_id))

    def blind_under(self, tenant_id: str, text: str, number: int, data_keys: Sequence[str] | None = None) -> str:
        """The same under a certain one of the tenant's data keys."""
        key = self._keys_of(tenant_id, data_keys, number).blind_index
        return hmac.new(key, text.encode(), sha256).hexdigest()

    def derived(self, tenant_id: str, purpose: str, text: str) -> str:
        """A secret that is stored nowhere: the same for the same purpose and text, base64url, 256 bits.

        It is always the first data key's, so that a token is the same again after the keys were rotated.
        """
        key = hmac.new(self._keys_of(tenant_id, None).secrets, purpose.encode(), sha256).digest()
        return base64.urlsafe_b64encode(hmac.new(key, text.encode(), sha256).digest()).rstrip(b"=").decode()

    def _keys_of(self, tenant_id: str, data_keys: Sequence[str] | None, number: int = 1) -> _Keys:
        wrapped = data_keys or self._tenants().data_keys(tenant_id, number)
        if number > len(wrapped):
            raise ValueError(f"There is no data key {number}")
        return self._unwrapped(tenant_id, wrapped[number - 1], self._now().timestamp())

    def _unwrapped(self, tenant_id: str, wrapped: str, now: float) -> _Keys:
        with self._lock:
            kept = self._keys.get((tenant_id, wrapped))
            # A clock that was set back makes no key stay longer.
            if kept is not None and 0 <= now - kept[1] < _LONGEST_S:
                self._keys.move_to_end((tenant_id, wrapped))
                return kept[0]
        answer = self._ask(
            lambda: self._kms().decrypt(
                CiphertextBlob=base64.b64decode(wrapped),
                KeyId=self._master_key_id,
                EncryptionContext=_context(tenant_id),
            )
        )
        return self._keep(tenant_id, wrapped, _Keys(answer["Plaintext"]))

    def _keep(self, tenant_id: str, wrapped: str, keys: _Keys) -> _Keys:
        """Hold an unwrapped key; drop those whose time is over, and the longest unused where there are too many."""
        now = self._now().timestamp()
        with self._lock:
            for each in [place for place, (_, since) in self._keys.items() if not 0 <= now - since < _LONGEST_S]:
                del self._keys[each]
            self._keys[tenant_id, wrapped] = (keys, now)
            self._keys.move_to_end((tenant_id, wrapped))
            while len(self._keys) > _MOST_KEYS:
                self._keys.popitem(last=False)
        return keys

    @staticmethod
    def _ask(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            raise Unavailable("The key service does not answer", retry_after_s=2) from error


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    text = inflater.decompress(data, _LONGEST_TEXT + 1)
    if not inflater.eof or len(text) > _LONGEST_TEXT:
        raise ValueError("longer than any text that was sealed")
    return text


def _context(tenant_id: str) -> dict[str, str]:
    return {"tenant_id": tenant_id}
