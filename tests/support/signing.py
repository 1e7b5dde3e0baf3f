"""KMS signs digests: moto takes a digest for the message, and signs the digest's digest."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from moto.kms.models import KmsBackend


def sign_digests(patch: pytest.MonkeyPatch) -> None:
    """Have moto sign a digest as KMS does."""

    def sign(self: KmsBackend, key_id: str, message: bytes, signing_algorithm: str, *_: Any) -> tuple[str, bytes, str]:
        key = self.describe_key(key_id)
        signed = key.private_key.private_key.sign(message, padding.PKCS1v15(), Prehashed(SHA256()))
        return key.arn, signed, signing_algorithm

    patch.setattr(KmsBackend, "sign", sign)
