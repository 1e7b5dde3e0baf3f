"""Personal data at rest: AES-256-GCM under a data key of the tenant's own, which KMS wraps.

A sealed text is ``v1.<base64url(nonce || ciphertext || tag)>``. The tenant is bound twice: KMS unwraps the key
only in the tenant's encryption context, and the place (``Customer/cus_1/email``) is authenticated with the text,
so a sealed value that is copied to another field, item or tenant does not open.

A long text (an event or a response with an invoice of 500 lines) is compressed first and marked ``v2.``: a DynamoDB
item holds 400 KB. A short text is not, because the length of a compressed text reveals a little of its content, and a
key that is shown once is in a short response.
"""

import base64
import hmac
import os
import zlib
from binascii import Error as BadBase64
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from billing.domain.kernel.errors import Unavailable

_PLAIN = "v1."
_COMPRESSED = "v2."
_COMPRESS_FROM = 8 * 1024
_LONGEST_TEXT = 8 * 1024 * 1024
"""The most bytes that are opened, whatever length a sealed text claims to have."""
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class _Keys:
    """Derived from a tenant's data key: a cipher, and separate keys for the blind index and for secrets."""

    cipher: AESGCM
    blind_index: bytes
    secrets: bytes

    @classmethod
    def of(cls, data_key: bytes) -> "_Keys":
        blind_index, secrets = (
            hmac.new(data_key, b"ledgerline " + name, sha256).digest() for name in (b"blind index", b"secrets")
        )
        return cls(AESGCM(data_key), blind_index, secrets)


class Vault:
    """Seals and opens texts; keeps the unwrapped data keys for the life of the process.

    Args:
        kms: gives botocore's KMS client.
        master_key_id: the stack's KMS key.
        wrapped_key_of: gives a tenant's data key as KMS wrapped it (base64).
    """

    def __init__(self, kms: Callable[[], Any], master_key_id: str, wrapped_key_of: Callable[[str], str]) -> None:
        self._kms = kms
        self._master_key_id = master_key_id
        self._wrapped_key_of = wrapped_key_of
        self._keys: dict[tuple[str, str], _Keys] = {}

    def seal(self, tenant_id: str, place: str, text: str, data_key: str | None = None) -> str:
        """The sealed text; the same text sealed twice looks different.

        Args:
            data_key: the tenant's wrapped key, if the tenant itself is not stored yet.

        Raises:
            ValueError: it is too long to be opened again.
        """
        data = text.encode()
        if len(data) > _LONGEST_TEXT:
            raise ValueError(f"{len(data)} bytes are more than a sealed text may hold")
        version = _PLAIN if len(data) < _COMPRESS_FROM else _COMPRESSED
        data = data if version == _PLAIN else zlib.compress(data)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._keys_of(tenant_id, data_key).cipher.encrypt(nonce, data, _authenticated(version, place))
        return version + base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, tenant_id: str, place: str, sealed: str, data_key: str | None = None) -> str:
        """The text.

        Raises:
            ValueError: it was not sealed for this tenant and place, or it was changed.
        """
        version = sealed[: len(_PLAIN)]
        if version not in (_PLAIN, _COMPRESSED):
            raise ValueError("not a sealed text")
        try:
            data = base64.urlsafe_b64decode(sealed[len(version) :])
            cipher = self._keys_of(tenant_id, data_key).cipher
            text = cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _authenticated(version, place))
            return (text if version == _PLAIN else _inflated(text)).decode()
        except (InvalidTag, BadBase64, ValueError, zlib.error):
            raise ValueError("a sealed text that does not open here") from None

    def new_data_key(self, tenant_id: str) -> str:
        """A fresh data key for a new tenant, as KMS wrapped it (base64)."""
        answer = self._ask(
            lambda: self._kms().generate_data_key(
                KeyId=self._master_key_id, KeySpec="AES_256", EncryptionContext=_context(tenant_id)
            )
        )
        wrapped = base64.b64encode(answer["CiphertextBlob"]).decode()
        self._keys[tenant_id, wrapped] = _Keys.of(answer["Plaintext"])
        return wrapped

    def blind(self, tenant_id: str, text: str, data_key: str | None = None) -> str:
        """HMAC-SHA256 of a text under the tenant's own key: it can be looked up, but not read from the table."""
        key = self._keys_of(tenant_id, data_key).blind_index
        return hmac.new(key, text.encode(), sha256).hexdigest()

    def derived(self, tenant_id: str, purpose: str, text: str) -> str:
        """A secret that is stored nowhere: the same for the same purpose and text, base64url, 256 bits."""
        key = hmac.new(self._keys_of(tenant_id, None).secrets, purpose.encode(), sha256).digest()
        return base64.urlsafe_b64encode(hmac.new(key, text.encode(), sha256).digest()).rstrip(b"=").decode()

    def _keys_of(self, tenant_id: str, data_key: str | None) -> "_Keys":
        wrapped = data_key or self._wrapped_key_of(tenant_id)
        keys = self._keys.get((tenant_id, wrapped))
        if keys is None:
            answer = self._ask(
                lambda: self._kms().decrypt(
                    CiphertextBlob=base64.b64decode(wrapped),
                    KeyId=self._master_key_id,
                    EncryptionContext=_context(tenant_id),
                )
            )
            keys = self._keys[tenant_id, wrapped] = _Keys.of(answer["Plaintext"])
        return keys

    @staticmethod
    def _ask(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            raise Unavailable("The key service does not answer", retry_after_s=2) from error


def _authenticated(version: str, place: str) -> bytes:
    """What is authenticated with the text: its place, and whether it is compressed."""
    return (place if version == _PLAIN else version + place).encode()


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    text = inflater.decompress(data, _LONGEST_TEXT + 1)
    if not inflater.eof or len(text) > _LONGEST_TEXT:
        raise ValueError("longer than any text that was sealed")
    return text


def _context(tenant_id: str) -> dict[str, str]:
    return {"tenant_id": tenant_id}
