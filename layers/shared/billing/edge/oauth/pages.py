"""The pages on which users sign in, allow clients what they ask for, and choose passwords.

What a client asked for travels through the sign-in as the text of its query (``request``), and is read anew at each
step: nothing of it is believed because a page before has shown it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, urlencode

from billing.domain import dashboard
from billing.domain.access.grant import Session
from billing.domain.access.oauth_client import OAuthClient
from billing.domain.access.redirects import origin
from billing.domain.access.user import ADMINS, User
from billing.edge.forms import cookies
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.forms.html import alert, field, form, page, problem, redirect
from billing.services.access.authorization import AuthorizationRefused, AuthorizationRequest, AuthorizationServer
from billing.services.access.dashboard import find_client
from billing.services.access.form_limits import OF_ACCOUNT, OF_ADDRESS, OF_SESSION
from billing.services.access.oauth import OAuthError
from billing.services.access.sign_in import SignIn
from billing.services.access.tokens import Derivation
from billing.services.kernel.work import Unit, Work

AUTHORIZE, LOGIN, LOGOUT, CODES = "/oauth2/authorize", "/oauth2/login", "/oauth2/logout", "/oauth2/codes"
OWN = "/oauth2/account"
WORDS = {
    "billing:read": "read customers, subscriptions, invoices and payments",
    "billing:write": "change customers, plans and invoices",
    "subscriptions:manage": "start, change and end subscriptions",
    "payments:process": "charge and refund",
    "billing:admin": "change settings, keys, users and payouts",
}
"""What the scopes mean, to a person."""
_LONGEST_REQUEST = 8192
_NOT_NOW = "This is not possible now."
_EXPIRED = "This page is too old. Go back to the application and begin again."


@dataclass(frozen=True, slots=True)
class Pages:
    """The handlers for signing in and consent.

    Args:
        new_secret: gives the secrets of forms for which nobody is signed in.
    """

    server: AuthorizationServer
    sign_in: SignIn
    secrets: Derivation
    new_secret: Callable[[], str]
    issuer: str

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", AUTHORIZE, self.authorize)
        api.route("POST", AUTHORIZE, self.decide)
        api.route("POST", LOGIN, self.login)
        api.route("POST", LOGOUT, self.logout)

    def authorize(self, call: FormCall) -> FormResponse:
        """A client has sent the browser here."""
        text = call.request.query_text
        if not self._may_renew(call, text):
            call.count_address(OF_ADDRESS)

        def shown(work: Unit, client: OAuthClient, asked: AuthorizationRequest) -> FormResponse:
            signed_in = self.signed_in(call, work)
            if signed_in is None:
                call.count_address(OF_ADDRESS)
                return self._silently(asked, "login_required") or self._login_page(text)
            call.count_session(signed_in[0].id, OF_SESSION)
            if _lacks_authenticator(work, signed_in[1]):
                return self._silently(asked, "interaction_required") or redirect(CODES)
            if client.is_built_in:
                return redirect(self.server.allow(work, asked, signed_in[1], signed_in[0]))
            return self._consent_page(asked, text, *signed_in)

        response = self._asked(call, text, shown)
        call.count_address(OF_ADDRESS)  # what was refused before anybody looked for the session
        return response

    def login(self, call: FormCall) -> FormResponse:
        """The user says who it is."""
        call.count_address(OF_ADDRESS)
        values = call.posted()
        text = values.get("request", "")
        if not cookies.same(values.get("visit"), call.request.cookies.get(cookies.VISIT)):
            return problem(_EXPIRED)
        email = values.get("email", "")

        def entered(work: Unit, client: OAuthClient, asked: AuthorizationRequest) -> FormResponse:
            found = self.sign_in.sign_in(work, email, values.get("password", ""), values.get("code", ""))
            if found is None:
                return self._login_page(text, "Address, password or code is not right.", 403)
            call.principal = found.user.id
            set_now = (
                cookies.session(f"{found.user.tenant_id}.{found.secret}"),
                cookies.device(self._device(found.user.tenant_id, email)),
            )
            return redirect(f"{AUTHORIZE}?{text}", set_now)

        def counted(work: Unit, client: OAuthClient, asked: AuthorizationRequest) -> FormResponse:
            if not tried:
                tried.append(email)
                self.count_try(call, client.tenant_id, email)
            return entered(work, client, asked)

        tried: list[str] = []
        return self._asked(call, text, counted)

    def decide(self, call: FormCall) -> FormResponse:
        """The user allows it, or does not."""
        call.count_address(OF_ADDRESS)
        values = call.posted()
        text = values.get("request", "")

        def decided(work: Unit, client: OAuthClient, asked: AuthorizationRequest) -> FormResponse:
            signed_in = self.signed_in(call, work)
            if signed_in is None or not cookies.same(values.get("csrf"), self.csrf(signed_in[0])):
                return problem(_EXPIRED, 403)
            if _lacks_authenticator(work, signed_in[1]):
                return redirect(CODES)
            if values.get("decision") != "allow":
                return redirect(self.server.error_uri(asked.redirect_uri, "access_denied", asked.state))
            return redirect(self.server.allow(work, asked, signed_in[1], signed_in[0]))

        return self._asked(call, text, decided)

    def logout(self, call: FormCall) -> FormResponse:
        """The user signs out of this browser: on a page, or in the dashboard, which wants JSON."""
        call.count_address(OF_ADDRESS)
        values = call.posted()
        tenant_id, _, _ = call.request.cookies.get(cookies.SESSION, "").partition(".")
        as_json = call.request.headers.get("accept", "").strip().lower() == "application/json"
        # Only what has come: another site's form brings none (SameSite), and would sign out whoever is signed in here.
        forget = (cookies.no_session(),) if tenant_id else ()
        if as_json:
            done = FormResponse(204, cookies=forget)
        else:
            done = page("Signed out", "<p>You are signed out.</p>", cookies=forget)

        def ended(work: Unit) -> FormResponse:
            signed_in = self.signed_in(call, work)
            if signed_in is not None:
                if not self._is_own(work, values, signed_in[0]):
                    return FormResponse.error("access_denied", status=403) if as_json else problem(_EXPIRED, 403)
                self.sign_in.sign_out(work, signed_in[0])
            return done

        try:
            return call.in_unit(tenant_id, call.principal, ended)
        except OAuthError:  # the cookie names no tenant, or one that is closed: no matter which
            return done

    def _is_own(self, work: Work, values: Mapping[str, str], session: Session) -> bool:
        """Whether who wants the session to end is in it: a form of its has its secret, the dashboard a token of its."""
        token = values.get("token")
        if token is None:
            return cookies.same(values.get("csrf"), self.csrf(session))
        return self.server.is_of_session(work, token, session)

    @staticmethod
    def _may_renew(call: FormCall, text: str) -> bool:
        """Whether a dashboard asks that somebody may be signed in to: then the session says on what it is counted."""
        tenant_id, _, secret = call.request.cookies.get(cookies.SESSION, "").partition(".")
        try:
            asked_for = dashboard.tenant_of(_query(text).get("client_id", ""))
        except OAuthError:
            return False
        return bool(secret) and asked_for == tenant_id

    def _silently(self, asked: AuthorizationRequest, error: str) -> FormResponse | None:
        """What goes back to a client that wants no page."""
        if not asked.is_silent:
            return None
        return redirect(self.server.error_uri(asked.redirect_uri, error, asked.state))

    # --- parts ----------------------------------------------------------------------------------------------------

    def signed_in(self, call: FormCall, work: Work) -> tuple[Session, User] | None:
        """The session of the browser, if it is of this tenant."""
        tenant_id, _, secret = call.request.cookies.get(cookies.SESSION, "").partition(".")
        if tenant_id != work.tenant.id or not secret:
            return None
        found = self.sign_in.session(work, secret)
        if found is not None:
            call.principal = found[1].id
        return found

    def csrf(self, session: Session) -> str:
        """What a form of a session has, and no other site knows."""
        return self.secrets.derived(session.tenant_id, "form of a session", session.id)

    def _asked(
        self,
        call: FormCall,
        text: str,
        action: Callable[[Unit, OAuthClient, AuthorizationRequest], FormResponse],
    ) -> FormResponse:
        """Read what a client asks for, and go on with it in its tenant."""
        try:
            query = _query(text)
        except OAuthError:
            return problem("The application's request cannot be understood.")
        client_id = query.get("client_id", "")
        tenant_id = call.edge.limits.tenant_of(client_id) if self.issuer else None
        if tenant_id is None:
            return problem("There is no such application here.")

        def run(work: Unit) -> FormResponse:
            client = find_client(work, client_id, self.issuer)
            if client is None:
                return problem("There is no such application here.")
            try:
                asked = self.server.request(client, query)
            except AuthorizationRefused as refusal:
                if refusal.redirect_uri is None:
                    return problem("The application's request names another address than it is registered with.")
                return redirect(self.server.error_uri(refusal.redirect_uri, refusal.error, query.get("state")))
            return action(work, client, asked)

        try:
            return call.in_unit(tenant_id, call.principal, run)
        except OAuthError:
            return self._silent_refusal(client_id, query) or problem(_NOT_NOW, 403)

    def _silent_refusal(self, client_id: str, query: Mapping[str, str]) -> FormResponse | None:
        """What a dashboard hears that wants no page, of a tenant that is closed, or that there is not: the same."""
        tenant_id = dashboard.tenant_of(client_id)
        if tenant_id is None:
            return None
        try:
            asked = self.server.request(dashboard.client_of(tenant_id, self.issuer), query)
        except AuthorizationRefused:
            return None
        return self._silently(asked, "unauthorized_client")

    def _login_page(self, text: str, wrong: str = "", status: int = 200) -> FormResponse:
        visit = self.new_secret()
        fields = (
            field("Email", "email", "email", "username")
            + field("Password", "password", "password", "current-password")
            + field("Code", "code", "text", "one-time-code", required=False, hint="If you use an authenticator.")
            + '<button type="submit">Sign in</button>'
        )
        client_id = _query(text).get("client_id", "")
        forgot = (
            f'<p><a href="/oauth2/forgot?{escape(urlencode({"client_id": client_id}))}">Forgot your password?</a></p>'
        )
        content = alert(wrong) + form(LOGIN, {"request": text, "visit": visit}, fields) + forgot
        return page("Sign in", content, status=status, cookies=(cookies.visit(visit),))

    def _consent_page(self, asked: AuthorizationRequest, text: str, session: Session, user: User) -> FormResponse:
        granted = {each.value for each in user.scopes}
        items = "".join(f"<li>{escape(WORDS[each])}</li>" for each in asked.scopes if each in granted)
        target = origin(asked.redirect_uri)
        said = (
            f"<p><strong>{escape(asked.client.name)}</strong> asks to do this in your name, {escape(user.email)}:</p>"
            f"<ul>{items}</ul><p>You will be sent to <code>{escape(target)}</code>.</p>"
        )
        buttons = (
            '<button type="submit" name="decision" value="allow">Allow</button>'
            '<button type="submit" name="decision" value="deny" class="no">Do not allow</button>'
        )
        csrf = self.csrf(session)
        out = form(LOGOUT, {"csrf": csrf}, '<button type="submit" class="no">Sign out</button>')
        own = f'<p><a href="{OWN}">Where you are signed in, and what you have allowed</a></p>'
        content = said + form(AUTHORIZE, {"request": text, "csrf": csrf}, buttons) + out + own
        return page("Allow access?", content, form_to=target)

    def count_try(self, call: FormCall, tenant_id: str, email: str) -> None:
        """Count a try to sign in to an account; a call that is run again after a lost race is one try.

        Those from a browser that knows the account are counted apart: whoever guesses locks nobody out.

        Raises:
            RateLimited: there were five of them in this minute.
        """
        known = "known" if self.is_known(call, tenant_id, email) else "new"
        call.edge.limits.count("login", f"{tenant_id}/{email.casefold()}/{known}", OF_ACCOUNT)

    def is_known(self, call: FormCall, tenant_id: str, email: str) -> bool:
        """Whether this user has signed in in this browser before."""
        return cookies.same(call.request.cookies.get(cookies.DEVICE), self._device(tenant_id, email))

    def _device(self, tenant_id: str, email: str) -> str:
        return self.secrets.derived(tenant_id, "known device", email.casefold())


def _lacks_authenticator(work: Work, user: User) -> bool:
    """Whether the tenant wants one of its admins, and this is one who has none."""
    return work.tenant.admins_use_authenticator and user.role in ADMINS and user.totp_secret is None


def in_tenant(call: FormCall, tenant_id: str, action: Callable[[Unit], FormResponse]) -> FormResponse:
    """Run an action in a tenant that exists and is active; a page says so where it is not."""
    try:
        return call.in_unit(tenant_id, call.principal, action)
    except OAuthError:
        return problem(_NOT_NOW, 403)


def _query(text: str) -> dict[str, str]:
    if len(text) > _LONGEST_REQUEST or not text.isascii():
        raise OAuthError("invalid_request")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=40)
    except (ValueError, UnicodeError):
        raise OAuthError("invalid_request") from None
    if len({name for name, _ in pairs}) != len(pairs) or any(not value.isprintable() for _, value in pairs):
        raise OAuthError("invalid_request")
    return {name: value for name, value in pairs if value}
