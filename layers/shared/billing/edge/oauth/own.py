"""A user's own page: where they are signed in, what applications may do in their name, and how to end either."""

from dataclasses import dataclass
from datetime import datetime
from html import escape

from billing.domain.access.grant import Grant, Session
from billing.domain.access.oauth_client import OAuthClient
from billing.domain.access.user import User
from billing.domain.kernel.errors import NotFound
from billing.edge.forms import cookies
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.forms.html import form, page, problem
from billing.edge.oauth.account import AccountPages
from billing.edge.oauth.pages import OWN, WORDS
from billing.services.access.form_limits import OF_ADDRESS
from billing.services.access.users import Users
from billing.services.kernel.work import Ref, Unit


@dataclass(frozen=True, slots=True)
class OwnPage:
    """The handlers."""

    account: AccountPages
    users: Users

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", OWN, self.show)
        api.route("POST", OWN, self.change)

    def show(self, call: FormCall) -> FormResponse:
        """What is signed in and allowed."""
        call.count_address(OF_ADDRESS)
        return self.account.signed_in(call, lambda work, csrf, user: self._page(call, work, csrf, user))

    def change(self, call: FormCall) -> FormResponse:
        """The user ends a session, takes a consent back, or ends everything."""
        call.count_address(OF_ADDRESS)
        values = call.posted()

        def changed(work: Unit, csrf: str, user: User) -> FormResponse:
            if not cookies.same(values.get("csrf"), csrf):
                return problem("This page is too old.", 403)
            if "everything" in values:
                self.users.sign_out(work, user.id)
                return page("Signed out", "<p>You are signed out everywhere.</p>", cookies=(cookies.no_session(),))
            back = f'<p><a href="{OWN}">Back</a></p>'
            try:
                self._end(work, user, values.get("session"), values.get("grant"))
            except NotFound:
                return problem("There is no such browser or application of yours.", 404)
            return page("Done", "<p>It has ended; an access token of it is refused from now on.</p>" + back)

        return self.account.signed_in(call, changed)

    def _end(self, work: Unit, user: User, session_id: str | None, grant_id: str | None) -> None:
        if session_id is not None:
            self.users.end_session(work, user.id, session_id)
        elif grant_id is not None:
            self.users.end_grant(work, user.id, grant_id)
        else:
            raise NotFound.of(Grant, "")

    def _page(self, call: FormCall, work: Unit, csrf: str, user: User) -> FormResponse:
        sessions = self.users.sessions(work, user.id).items
        here = self.account.pages.signed_in(call, work)
        shown = "".join(_session(each, csrf, is_here=here is not None and here[0].id == each.id) for each in sessions)
        grants = self.users.grants(work, user)
        refs = {each.id: Ref(OAuthClient, work.tenant.id, each.client_id) for each in grants}
        clients = work.load(*set(refs.values())) if refs else None
        allowed = "".join(_grant(each, clients.get(refs[each.id]) if clients else None, csrf) for each in grants)
        everything = '<button type="submit" name="everything" value="yes" class="no">Sign out everywhere</button>'
        content = (
            f"<p>For {escape(user.email)}.</p><h2>Browsers</h2><ul>{shown}</ul><h2>Applications</h2>"
            + (f"<ul>{allowed}</ul>" if allowed else "<p>None.</p>")
            + form(OWN, {"csrf": csrf}, everything)
        )
        return page("Your account", content)


def _session(session: Session, csrf: str, *, is_here: bool) -> str:
    text = f"Signed in {_time(session.created_at)}, last seen {_time(session.seen_at)}"
    button = '<button type="submit" class="no">End</button>'
    ended = " (this one)" if is_here else form(OWN, {"csrf": csrf, "session": session.id}, button)
    return f"<li>{text}{ended}</li>"


def _grant(grant: Grant, client: OAuthClient | None, csrf: str) -> str:
    name = escape(client.name) if client is not None else escape(grant.client_id)
    scopes = "; ".join(escape(WORDS[each]) for each in grant.scopes)
    button = '<button type="submit" class="no">Take back</button>'
    form_of = form(OWN, {"csrf": csrf, "grant": grant.id}, button)
    return f"<li><strong>{name}</strong>, since {_time(grant.created_at)}: {scopes}{form_of}</li>"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
