"""A tenant's users: invited, changed, disabled; and where they are signed in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from billing.domain.access.caller import digest
from billing.domain.access.grant import Grant, Session
from billing.domain.access.scopes import Scope
from billing.domain.access.user import (
    ADMINS,
    ADMINS_ID,
    INVITATION_LIFE,
    RESET_LIFE,
    SCOPES_OF,
    Admins,
    EmailClaim,
    Link,
    Role,
    User,
    UserStatus,
)
from billing.domain.kernel.errors import AlreadyExists, Forbidden, InvalidState, NotFound
from billing.services.access import mail
from billing.services.access.clients import check_reach
from billing.services.access.dashboard import end_session
from billing.services.access.form_limits import MAILS_OF_TENANT, MailLimits
from billing.services.access.mail import Mail, Mailer
from billing.services.access.tokens import end_grant, may_act
from billing.services.kernel.work import Page, Query, Ref, Window, Work

T = TypeVar("T", Session, Grant)

LINK_PATH = "/oauth2/password"
_PAGE = 100
_MOST_PAGES = 50
"""5,000 of a user's sessions or grants of a month: an application that asks each hour makes 720."""


def claim_ref(tenant_id: str, key: str) -> Ref[EmailClaim]:
    """Where it says whose an address is.

    Args:
        key: the address's key in the blind index.
    """
    return Ref(EmailClaim, tenant_id, "email#" + key)


@dataclass(frozen=True, slots=True)
class Users:
    """The use cases.

    Args:
        email_keys: gives an address's keys in a tenant's blind index: two while that is made anew, the one to write
            under first.
        new_secret: gives the secrets of links.
        issuer: the address that links begin with.
    """

    mailer: Mailer
    limits: MailLimits
    email_keys: Callable[[str, str], tuple[str, ...]]
    new_secret: Callable[[], str]
    issuer: str

    def invite(self, work: Work, email: str, name: str | None, role: Role, allowed: frozenset[Scope]) -> User:
        """Invite a person, who gets a mail with a link.

        Args:
            allowed: what the caller may do; nobody makes a user who may do more.

        Raises:
            Forbidden: the role may do more than the caller.
            AlreadyExists: the address is a user's.
            RateLimited: the tenant has sent all the mails that it may in a day.
        """
        check_reach(SCOPES_OF[role], allowed)
        tenant_id = work.tenant.id
        if self.claim_of(work, email) is not None:
            raise AlreadyExists("There is a user with this address already")
        user = User(
            id=work.fresh_id("usr"),
            tenant_id=tenant_id,
            email=email,
            name=name,
            role=role,
            status=UserStatus.INVITED,
            created_at=work.now,
        )
        self.limits.count_day("mails", tenant_id, MAILS_OF_TENANT)
        ref = claim_ref(tenant_id, self.email_keys(tenant_id, email.casefold())[0])
        work.save(EmailClaim(ref.id, tenant_id, user.id))
        return self._sent(work, user, INVITATION_LIFE, mail.invitation)

    def claim_of(self, work: Work, email: str) -> EmailClaim | None:
        """Whose an address is."""
        tenant_id = work.tenant.id
        refs = [claim_ref(tenant_id, each) for each in self.email_keys(tenant_id, email.casefold())]
        found = work.load(*refs)
        return next((claim for ref in refs if (claim := found.get(ref)) is not None), None)

    def send_link(self, work: Work, user_id: str) -> User:
        """Send the invitation again, or to an active user a link that resets the password. An older link ends.

        Raises:
            NotFound: there is none with this id.
            InvalidState: the user is disabled.
            RateLimited: as ``invite``.
        """
        user = self.get(work, user_id)
        if user.status is UserStatus.DISABLED:
            raise InvalidState.of("user", "disabled", "sent a link")
        self.limits.count_day("mails", user.tenant_id, MAILS_OF_TENANT)
        return self.send_to(work, user)

    def send_to(self, work: Work, user: User) -> User:
        """Send a link to a user that is not disabled."""
        if user.status is UserStatus.INVITED:
            return self._sent(work, user, INVITATION_LIFE, mail.invitation)
        return self._sent(work, user, RESET_LIFE, mail.reset)

    def get(self, work: Work, user_id: str) -> User:
        """A user.

        Raises:
            NotFound: there is none with this id.
        """
        ref = Ref(User, work.tenant.id, user_id)
        return work.load(ref).require(ref)

    def page(self, work: Work, window: Window) -> Page[User]:
        """Users, newest first."""
        return work.query(window.query(User))

    def update(self, work: Work, user_id: str, changes: dict[str, Any], allowed: frozenset[Scope]) -> User:
        """The user with another name or role, disabled, or enabled again; counts from the next call on.

        Raises:
            NotFound: there is none with this id.
            Forbidden: the role may do more than the caller.
            InvalidState: it is the last active admin, who would be none any more.
        """
        user = self.get(work, user_id)
        changed = replace(user, **changes)
        if changed.status is UserStatus.ACTIVE and user.status is not UserStatus.ACTIVE and not user.password_hash:
            changed = replace(changed, status=UserStatus.INVITED)
        if changed == user:
            return user
        enabled = user.status is UserStatus.DISABLED and changed.status is not UserStatus.DISABLED
        if changed.role is not user.role or enabled:
            check_reach(SCOPES_OF[changed.role], allowed)  # to enable somebody again gives away what the role may do
        if SCOPES_OF[user.role] - SCOPES_OF[changed.role]:
            changed = replace(changed, tokens_after=work.now)  # a refresh brings one that may do less
        if changed.status is UserStatus.DISABLED and user.status is not UserStatus.DISABLED:
            changed = replace(changed, link=None).signed_out(work.now)
        enter_admin(work, changed)
        return work.save(changed)

    def sessions(self, work: Work, user_id: str) -> Page[Session]:
        """Where the user is signed in."""
        user = self.get(work, user_id)
        good = [each for each in _all(work, Session, user, "ses_") if each.is_good(work.now, user.signed_out_at)]
        return Page(good, None, max(_PAGE, len(good)))

    def grants(self, work: Work, user: User) -> list[Grant]:
        """What clients may do in the user's name, newest first."""
        return [each for each in _all(work, Grant, user, "grt_") if each.is_good(work.now) and may_act(each, user)]

    def grant(self, work: Work, user_id: str, grant_id: str) -> Grant:
        """One of them.

        Raises:
            NotFound: the user has no such grant.
        """
        ref = Ref(Grant, work.tenant.id, grant_id)
        found = work.load(ref).require(ref)
        if found.user_id != user_id:
            raise NotFound.of(Grant, grant_id)
        return found

    def end_grant(self, work: Work, user_id: str, grant_id: str) -> Grant:
        """Take back what a client may do in the user's name; its access tokens are refused from now on.

        Raises:
            NotFound: the user has no such grant.
        """
        return end_grant(work, self.grant(work, user_id, grant_id))

    def end_session(self, work: Work, user_id: str, session_id: str) -> Session:
        """Sign the user out of one browser.

        Raises:
            NotFound: the user has no such session.
        """
        ref = Ref(Session, work.tenant.id, session_id)
        session = work.load(ref).require(ref)
        if session.user_id != user_id:
            raise NotFound.of(Session, session_id)
        return end_session(work, session)

    def reset_authenticator(self, work: Work, user_id: str, by: str, allowed: frozenset[Scope]) -> User:
        """The user without an authenticator that was lost, signed out everywhere; the user is told by mail.

        The password is asked for as before; an admin of a tenant that wants authenticators sets another one up first.

        Args:
            by: the principal that asks. Nobody takes the second factor off themselves: whoever has only stolen a token
                of theirs could.

        Raises:
            NotFound: there is none with this id.
            Forbidden: it is the caller, or may do more than the caller.
            InvalidState: it has none.
        """
        user = self.get(work, user_id)
        if user.id == by:
            raise Forbidden("Somebody else has to reset one's authenticator")
        check_reach(SCOPES_OF[user.role], allowed)
        if user.totp_secret is None and user.pending_totp is None:
            raise InvalidState.of("user", "without an authenticator", "given another")
        self.tell(work, user, "Your authenticator was reset by an administrator. Set another one up when you sign in.")
        return work.save(user.without_authenticator(work.now))

    def tell(self, work: Work, user: User, what: str) -> None:
        """Tell a user by mail that how they sign in was changed, after the commit."""
        letter = mail.changed(user.email, work.tenant.name, what)
        work.after_commit(lambda: self.mailer.send(letter))

    def sign_out(self, work: Work, user_id: str) -> User:
        """Sign the user out everywhere, and end what was granted in the user's name."""
        return work.save(self.get(work, user_id).signed_out(work.now))

    def _sent(self, work: Work, user: User, life: timedelta, words: Callable[[str, str, str], Mail]) -> User:
        secret = self.new_secret()
        link = Link(digest(secret), work.now + life)
        letter = words(
            user.email, work.tenant.name, f"{self.issuer}{LINK_PATH}?token={user.tenant_id}.{user.id}.{secret}"
        )
        # After the commit: a mail about what was not done would be worse than one that has to be sent again.
        work.after_commit(lambda: self.mailer.send(letter))
        return work.save(replace(user, link=link))


def _all(work: Work, kind: type[T], user: User, begins: str) -> Iterator[T]:
    """A user's sessions or grants, newest first: behind a hundred that have ended there may be one that has not."""
    cursor = None
    for _ in range(_MOST_PAGES):
        page = work.query(Query(kind, index="user", value=user.id, begins=begins, limit=_PAGE, start=cursor))
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def enter_admin(work: Work, user: User) -> None:
    """Keep the list of active admins; there is always one once there was one.

    Raises:
        InvalidState: the user is the last.
    """
    ref = Ref(Admins, user.tenant_id, ADMINS_ID)
    admins = work.load(ref).get(ref) or Admins(user.tenant_id)
    is_one = user.is_active and user.role in ADMINS
    if is_one == (user.id in admins.user_ids):
        return
    others = tuple(each for each in admins.user_ids if each != user.id)
    if not is_one and not others:
        raise InvalidState.of("user", "the last admin", "disabled or given another role")
    work.save(replace(admins, user_ids=(*others, user.id) if is_one else others))
