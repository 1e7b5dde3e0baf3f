"""Mails to users: invitations, and links that reset a password."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of plain text."""

    to: str
    subject: str
    text: str

    def __repr__(self) -> str:
        return "Mail()"  # no address and no link in any log


class Mailer(Protocol):
    """Sends mails."""

    def send(self, mail: Mail) -> None:
        """Send one, once or more often.

        Raises:
            Unavailable: it could not be sent.
        """


def invitation(to: str, tenant_name: str, link: str) -> Mail:
    """An invitation."""
    text = f"You are invited to {tenant_name}.\n\nChoose a password within 7 days:\n\n{link}\n"
    return Mail(to, f"Invitation to {tenant_name}", text)


def changed(to: str, tenant_name: str, what: str) -> Mail:
    """That something about how a user signs in was changed."""
    text = f"{what}\n\nIf you do not know why, tell whoever administers {tenant_name}.\n"
    return Mail(to, f"How you sign in at {tenant_name} has changed", text)


def reset(to: str, tenant_name: str, link: str) -> Mail:
    """A link that resets a password."""
    text = (
        f"Somebody, perhaps you, wants to reset your password at {tenant_name}.\n\n"
        f"If it was you, choose another one within an hour:\n\n{link}\n\nIf not, nothing has changed.\n"
    )
    return Mail(to, f"Your password at {tenant_name}", text)
