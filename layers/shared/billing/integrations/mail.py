"""Sends mails: by SES, or into the local stack's mailbox."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from billing.domain.kernel.errors import Unavailable
from billing.services.access.mail import Mail

_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class SesMailer:
    """Amazon SES.

    Args:
        ses: gives botocore's SES client (v2).
        sender: an address that SES knows.
    """

    ses: Callable[[], Any]
    sender: str

    def send(self, mail: Mail) -> None:
        """Send one."""
        simple = {"Subject": {"Data": mail.subject}, "Body": {"Text": {"Data": mail.text}}}
        try:
            self.ses().send_email(
                FromEmailAddress=self.sender, Destination={"ToAddresses": [mail.to]}, Content={"Simple": simple}
            )
        except (ClientError, BotoCoreError) as error:
            raise Unavailable("The mail could not be sent", retry_after_s=5) from error


@dataclass(frozen=True, slots=True)
class MailboxMailer:
    """The local stack's mailbox."""

    url: str

    def send(self, mail: Mail) -> None:
        """Put one into it."""
        body = json.dumps({"to": mail.to, "subject": mail.subject, "text": mail.text})
        try:
            with urllib3.PoolManager(num_pools=1) as pool:
                headers = {"Content-Type": "application/json"}
                pool.request("POST", self.url, body=body, headers=headers, timeout=_TIMEOUT_S, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("The mail could not be sent", retry_after_s=5) from error


class NoMailer:
    """A stack that sends no mails."""

    def send(self, mail: Mail) -> None:
        """Refuse."""
        raise Unavailable("This stack sends no mails: its MailFrom is not set", retry_after_s=60)
