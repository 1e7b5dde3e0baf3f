"""The product's secret with Stripe's credentials: where a key comes from, its shape, and what is written of it.

A key is taken from a file or from a prompt. It is never an argument (`ps` shows those), never in the environment (sam
and its children would inherit it), and no message of ours has it.
"""

import json
import re
import sys
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path
from typing import Any

from local.console import Failure

_KEY = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]{8,}")


@dataclass
class StripeSecret:
    """What the secret holds.

    Args:
        others: members that are none of ours; they stay.
    """

    api_key: str = ""
    webhook_secrets: list[str] = field(default_factory=list)
    connect_webhook_secrets: list[str] = field(default_factory=list)
    others: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "StripeSecret(...)"

    def signing(self, kind: str) -> list[str]:
        """The signing secrets of the endpoints of a kind: ``account`` or ``connect``."""
        return self.connect_webhook_secrets if kind == "connect" else self.webhook_secrets

    @property
    def mode(self) -> str:
        """``test`` or ``live``."""
        return mode_of(self.api_key)


def mode_of(key: str) -> str:
    """Whether a key moves real money: ``test`` or ``live``."""
    return "live" if "_live_" in key else "test"


def read(manager: Any, secret_id: str) -> StripeSecret:
    """What the secret holds now; an empty one where it was never filled in.

    Raises:
        Failure: it holds something that the product cannot read.
    """
    try:
        text = manager.get_secret_value(SecretId=secret_id)["SecretString"]
    except manager.exceptions.ResourceNotFoundException:  # it has no value yet
        return StripeSecret()
    if not text.strip():
        return StripeSecret()
    try:
        values = json.loads(text)
        known = {name: values.pop(name) for name in ("api_key", "webhook_secrets") if name in values}
        return StripeSecret(
            str(known.get("api_key", "")),
            _texts(known.get("webhook_secrets", [])),
            _texts(values.pop("connect_webhook_secrets", [])),
            values,
        )
    except (ValueError, TypeError, AttributeError):
        raise Failure(
            "the Stripe secret is not the JSON that the product reads: mend it in the Secrets Manager console "
            '({"api_key": "...", "webhook_secrets": ["..."]}), or empty it'
        ) from None


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise TypeError
    return values


def write(manager: Any, secret_id: str, secret: StripeSecret) -> None:
    """Put a value, unless it is that already."""
    values = secret.others | {
        "api_key": secret.api_key,
        "webhook_secrets": secret.webhook_secrets,
        "connect_webhook_secrets": secret.connect_webhook_secrets,
    }
    if secret != read(manager, secret_id):
        manager.put_secret_value(SecretId=secret_id, SecretString=json.dumps(values))


def asked_key(path: Path | None, known: str) -> str:
    """The key that is to be in the secret: a file's, else the known one, else what a person types.

    Raises:
        Failure: there is none, or it is not a secret key of Stripe's.
    """
    if path is not None:
        try:
            key = path.read_text().strip()
        except OSError as error:
            raise Failure(f"the file of the Stripe key cannot be read: {error.strerror} ({path})") from None
    elif known:
        return known
    elif sys.stdin.isatty():
        key = getpass("Stripe's secret key (sk_test_... or sk_live_...; it is not shown): ").strip()
    else:
        raise Failure("there is no Stripe key yet: say STRIPE_KEY_FILE=path/to/a/file that has it, and nothing else")
    if not _KEY.fullmatch(key):
        raise Failure(
            "that is no secret key of Stripe's: it begins with sk_test_, sk_live_, rk_test_ or rk_live_ "
            "(Stripe's dashboard, Developers, API keys)"
        )
    return key


def require_fitting(key: str, stage: str) -> None:
    """A key that moves real money is for production.

    Raises:
        Failure: it is for another stage.
    """
    if mode_of(key) == "live" and stage != "prod":
        raise Failure(f"that is a live key, and {stage} is no production: give it a key that begins with sk_test_")
