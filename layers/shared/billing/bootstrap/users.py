"""Wires users, OAuth clients and mails."""

import secrets
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import process, storage
from billing.integrations.aws.clients import aws_client
from billing.services.access.users import Users
from billing.storage.form_limits import FormLimits

if TYPE_CHECKING:
    from billing.services.access.mail import Mailer


def new_client_secret() -> str:
    """A client's secret: 256 bits, with a prefix that secret scanners can know."""
    return "lls_" + secrets.token_urlsafe(32)


@cache
def mailer() -> "Mailer":
    """Who sends mails."""
    from billing.integrations.mail import MailboxMailer, NoMailer, SesMailer

    s = process.settings()
    if s.mailbox_url:
        return MailboxMailer(s.mailbox_url)
    return SesMailer(lambda: aws_client("sesv2"), s.mail_from) if s.mail_from else NoMailer()


@cache
def users() -> Users:
    """The service of users."""
    return Users(
        mailer(),
        FormLimits(storage.database(), process.now),
        storage.vault().blinds,
        process.new_secret,
        process.settings().issuer,
    )
