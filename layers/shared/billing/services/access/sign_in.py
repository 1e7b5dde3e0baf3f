"""Signing in: passwords, one-time passwords, sessions, links. Nobody learns which part of it was wrong."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from billing.domain.access.caller import digest
from billing.domain.access.grant import SESSION_LIFE, Session, session_id
from billing.domain.access.user import User, password_problem
from billing.domain.kernel.errors import RateLimited
from billing.services.access.dashboard import end_session
from billing.services.access.form_limits import MAILS_TO_ONE
from billing.services.access.users import Users, enter_admin
from billing.services.kernel.work import Ref, Work

_SEEN_AGAIN = timedelta(minutes=1)


class Passwords(Protocol):
    """Hashes passwords, slowly."""

    def hashed(self, password: str) -> str:
        """What is kept of a password."""

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the password; for None as slowly as for another."""


class OneTimePasswords(Protocol):
    """Time-based one-time passwords (RFC 6238)."""

    def new_secret(self) -> str:
        """A secret for an authenticator, base32."""

    def step(self, secret: str, code: str, at: float, after: int) -> int | None:
        """The step of 30 seconds that a code is of, if it is of now or one beside, and later than ``after``."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user, and the secret of the session's cookie."""

    user: User
    secret: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """The use cases."""

    users: Users
    passwords: Passwords
    codes: OneTimePasswords
    new_secret: Callable[[], str]

    def sign_in(self, work: Work, email: str, password: str, code: str) -> SignedIn | None:
        """A new session; None where address, password or code is not right, whichever."""
        user = self._entered(work, self._user_of(work, email), password, code)
        return self._session(work, user) if user is not None else None

    def reauthenticate(self, work: Work, session: Session, user: User, password: str, code: str) -> bool:
        """Whether the user of a session has entered password and code again; from then on the session says so."""
        if self._entered(work, user, password, code) is None:
            return False
        work.save(replace(session, reauthenticated_at=work.now))
        return True

    def _entered(self, work: Work, user: User | None, password: str, code: str) -> User | None:
        """The user whose password and code these are; None where something is not right, after as much work."""
        good = self.passwords.fits(user.password_hash if user and user.is_active else None, password)
        if user is None or not user.is_active or not good:
            return None
        if user.totp_secret is None:
            work.rely_on(user)  # another password, set while this one was being hashed, lets nobody in with the old one
            return user
        step = self.codes.step(user.totp_secret, code, work.now.timestamp(), user.totp_step)
        return work.save(replace(user, totp_step=step)) if step is not None else None  # each code once

    def session(self, work: Work, secret: str) -> tuple[Session, User] | None:
        """The session of a cookie, and its user; None where it has ended."""
        ref = Ref(Session, work.tenant.id, session_id(secret))
        session = work.load(ref).get(ref)
        if session is None:
            return None
        user_ref = Ref(User, work.tenant.id, session.user_id)
        user = work.load(user_ref).get(user_ref)
        if user is None or not user.is_active or not session.is_good(work.now, user.signed_out_at):
            return None
        if work.now - session.seen_at >= _SEEN_AGAIN:
            session = work.save(replace(session, seen_at=work.now))
        return session, user

    def sign_out(self, work: Work, session: Session) -> None:
        """End a session, and the access tokens that came of it."""
        end_session(work, session)

    def of_link(self, work: Work, user_id: str, secret: str) -> User | None:
        """The user of a link that still works."""
        ref = Ref(User, work.tenant.id, user_id)
        user = work.load(ref).get(ref)
        return user if user is not None and user.accepts(digest(secret), work.now) else None

    def set_password(self, work: Work, user: User, password: str) -> str | None:
        """Set a password through a link; what is wrong with it, if anything.

        Whoever was signed in is not any more, and what was granted in the user's name ends: the old password may have
        been somebody else's, too.
        """
        problem = password_problem(password, user.email)
        if problem is not None:
            return problem
        ended = user.signed_out(work.now) if user.password_hash is not None else user
        changed = ended.with_password(self.passwords.hashed(password), work.now)
        enter_admin(work, changed)
        if user.password_hash is not None:
            self.users.tell(work, user, "Your password was changed.")
        work.save(changed)
        return None

    def forgot(self, work: Work, email: str, browser: str) -> None:
        """Send a link to whoever has this address; nobody learns whether somebody has.

        Each link ends the one before. Whoever asks again and again in somebody's name would fill the mailbox, and leave
        no link in it that works for long enough to be followed.

        Args:
            browser: ``known`` or ``new``: mails are counted apart, so that no stranger uses up those of the day.
        """
        user = self._user_of(work, email)
        if user is None or not user.is_active or user.has_fresh_link(work.now):
            return
        try:
            self.users.limits.count_day("mail", f"{user.tenant_id}/{user.id}/{browser}", MAILS_TO_ONE)
        except RateLimited:
            return
        self.users.send_to(work, user)

    def begin_codes(self, work: Work, user: User) -> str:
        """A secret to be entered into an authenticator; counts once a code was right."""
        if user.pending_totp is not None:
            return user.pending_totp
        secret = self.codes.new_secret()
        work.save(replace(user, pending_totp=secret))
        return secret

    def confirm_codes(self, work: Work, user: User, code: str) -> bool:
        """Whether a code of the new secret is right; from now on one is asked for at each sign-in."""
        if user.pending_totp is None:
            return False
        step = self.codes.step(user.pending_totp, code, work.now.timestamp(), 0)
        if step is None:
            return False
        self.users.tell(work, user, "An authenticator was set up: its codes are asked for when you sign in.")
        work.save(replace(user, totp_secret=user.pending_totp, pending_totp=None, totp_step=step))
        return True

    def _user_of(self, work: Work, email: str) -> User | None:
        found = self.users.claim_of(work, email)
        if found is None:
            return None
        ref = Ref(User, work.tenant.id, found.user_id)
        return work.load(ref).get(ref)

    def _session(self, work: Work, user: User) -> SignedIn:
        secret = self.new_secret()
        work.save(
            Session(
                id=session_id(secret),
                tenant_id=user.tenant_id,
                user_id=user.id,
                created_at=work.now,
                seen_at=work.now,
                expires_at=work.now + SESSION_LIFE,
            )
        )
        return SignedIn(user, secret)
