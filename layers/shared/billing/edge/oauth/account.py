"""The pages on which users choose a password, ask for a link, and set an authenticator up."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from billing.domain import dashboard
from billing.domain.access.user import SHORTEST_PASSWORD, User
from billing.edge.forms import cookies
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.forms.html import alert, field, form, page, problem
from billing.edge.oauth.pages import CODES, Pages, in_tenant
from billing.services.access.form_limits import OF_ACCOUNT, OF_ADDRESS
from billing.services.access.oauth import OAuthError
from billing.services.kernel.work import Unit

PASSWORD, FORGOT = "/oauth2/password", "/oauth2/forgot"
_FORGOT_TAKES_S = 2.0
"""As long as saving a link and sending a mail take on a slow day, and for everybody."""
_NO_LINK = "This link does not work any more. Ask for another one."
_PROBLEMS = {
    "too_short": f"Choose at least {SHORTEST_PASSWORD} characters.",
    "too_long": "Choose fewer characters.",
    "too_easy": "Choose one that is harder to guess.",
}


@dataclass(frozen=True, slots=True)
class AccountPages:
    """The handlers."""

    pages: Pages

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", PASSWORD, self.link)
        api.route("POST", PASSWORD, self.choose)
        api.route("GET", FORGOT, self.forgot)
        api.route("POST", FORGOT, self.send_link)
        api.route("GET", CODES, self.codes)
        api.route("POST", CODES, self.confirm)

    def link(self, call: FormCall) -> FormResponse:
        """Somebody follows a link of a mail; looking at it does not use it up."""
        call.count_address(OF_ADDRESS)
        token = call.request.query.get("token", "")
        return self._of_link(call, token, lambda work, user: self._password_page(token, user))

    def choose(self, call: FormCall) -> FormResponse:
        """The user chooses a password."""
        call.count_address(OF_ADDRESS)
        values = call.posted()
        token = values.get("token", "")

        def chosen(work: Unit, user: User) -> FormResponse:
            call.principal = user.id
            wrong = self.pages.sign_in.set_password(work, user, values.get("password", ""))
            if wrong is not None:
                return self._password_page(token, user, _PROBLEMS[wrong])
            text = f"<p>Your password is set. {self._leads_on(work, 'Sign in to the dashboard')}</p>"
            return page("Done", text, cookies=(cookies.no_session(),))

        return self._of_link(call, token, chosen)

    def forgot(self, call: FormCall) -> FormResponse:
        """Asks for the address."""
        call.count_address(OF_ADDRESS)
        client_id = call.request.query.get("client_id", "")
        fields = field("Email", "email", "email", "username") + '<button type="submit">Send me a link</button>'
        return page("Forgot your password?", form(FORGOT, {"client_id": client_id}, fields))

    def send_link(self, call: FormCall) -> FormResponse:
        """Sends a link to whoever has this address; the answer is the same if nobody has."""
        call.count_address(OF_ADDRESS)
        values = call.posted()
        email = values.get("email", "")
        tenant_id = call.edge.limits.tenant_of(values.get("client_id", ""))
        if tenant_id is None:
            return problem("There is no such application here.")
        # Counted apart, as tries to sign in are: whoever asks again and again in a user's name is in nobody's way.
        browser = "known" if self.pages.is_known(call, tenant_id, email) else "new"
        call.edge.limits.count("login", f"{tenant_id}/{email.casefold()}/link/{browser}", OF_ACCOUNT)

        def sent(work: Unit) -> FormResponse:
            self.pages.sign_in.forgot(work, email, browser)
            return page("Look into your mails", "<p>If the address is known here, a link is on its way to it.</p>")

        response = in_tenant(call, tenant_id, sent)
        # A mail takes longer than none: who stops the time would learn who is known.
        call.edge.pause(max(0.0, _FORGOT_TAKES_S - call.duration_ms / 1000))
        return response

    def codes(self, call: FormCall) -> FormResponse:
        """Shows the secret for an authenticator."""
        call.count_address(OF_ADDRESS)
        return self.signed_in(call, self._codes_page)

    def confirm(self, call: FormCall) -> FormResponse:
        """The authenticator's first code."""
        call.count_address(OF_ADDRESS)
        values = call.posted()

        def confirmed(work: Unit, csrf: str, user: User) -> FormResponse:
            if not cookies.same(values.get("csrf"), csrf):
                return problem("This page is too old.", 403)
            if self.pages.sign_in.confirm_codes(work, user, values.get("code", "")):
                text = "From now on you are asked for a code when you sign in."
                return page("Done", f"<p>{text} {self._leads_on(work, 'Go on to the dashboard')}</p>")
            return self._codes_page(work, csrf, user, "The code is not right.")

        return self.signed_in(call, confirmed)

    def _of_link(self, call: FormCall, token: str, action: Callable[[Unit, User], FormResponse]) -> FormResponse:
        tenant_id, _, rest = token.partition(".")
        user_id, _, secret = rest.partition(".")
        if not tenant_id or not user_id or not secret or not token.isascii() or len(token) > 512:
            return problem(_NO_LINK)

        def run(work: Unit) -> FormResponse:
            user = self.pages.sign_in.of_link(work, user_id, secret)
            return problem(_NO_LINK) if user is None else action(work, user)

        return self._in(call, tenant_id, run, problem(_NO_LINK))

    def signed_in(self, call: FormCall, action: Callable[[Unit, str, User], FormResponse]) -> FormResponse:
        """Run an action for who is signed in in this browser; it gets what this session's forms have to carry."""
        tenant_id, _, _ = call.request.cookies.get(cookies.SESSION, "").partition(".")
        nobody = problem("Sign in first: go to your application.", 403)

        def run(work: Unit) -> FormResponse:
            found = self.pages.signed_in(call, work)
            return nobody if found is None else action(work, self.pages.csrf(found[0]), found[1])

        return self._in(call, tenant_id, run, nobody) if tenant_id else nobody

    def _leads_on(self, work: Unit, text: str) -> str:
        """A link to the dashboard of the tenant, and what is to be done by who came from another application."""
        url = dashboard.url_of(work.tenant.id, self.pages.issuer)
        return f'<a href="{escape(url)}">{text}</a>, or go back to your application.'

    @staticmethod
    def _in(
        call: FormCall, tenant_id: str, action: Callable[[Unit], FormResponse], otherwise: FormResponse
    ) -> FormResponse:
        """In the tenant that a stranger names; whether there is one, or in what state, is nothing to talk about."""
        try:
            return call.in_unit(tenant_id, call.principal, action)
        except OAuthError:
            return otherwise

    @staticmethod
    def _password_page(token: str, user: User, wrong: str = "") -> FormResponse:
        fields = (
            # A field, for a password manager keeps the password under the name that it finds beside it.
            field("Email", "email", "email", "username", fixed=user.email)
            + field("New password", "password", "password", "new-password", hint=_PROBLEMS["too_short"])
            + '<button type="submit">Set the password</button>'
        )
        return page("Choose a password", alert(wrong) + form(PASSWORD, {"token": token}, fields))

    def _codes_page(self, work: Unit, csrf: str, user: User, wrong: str = "") -> FormResponse:
        if user.totp_secret is not None:
            on = self._leads_on(work, "Go on to the dashboard")
            return page("Authenticator", f"<p>You use an authenticator already. {on}</p>")
        secret = self.pages.sign_in.begin_codes(work, user)
        label = quote(f"Ledgerline:{user.email}")
        uri = f"otpauth://totp/{label}?secret={secret}&issuer=Ledgerline"
        fields = field("Code that it shows", "code", "text", "one-time-code") + '<button type="submit">Confirm</button>'
        content = (
            f"{alert(wrong)}<p>Enter this key into your authenticator:</p><p><code>{escape(secret)}</code></p>"
            f'<p><a href="{escape(uri)}">Open in an authenticator on this device</a></p>'
            + form(CODES, {"csrf": csrf}, fields)
        )
        return page("Set an authenticator up", content)
