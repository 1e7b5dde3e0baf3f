"""Entering the password again, in the dashboard, before something dangerous (RFC 9470): a form without a page."""

from dataclasses import dataclass

from billing.edge.forms import cookies
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.oauth.pages import Pages
from billing.services.access.form_limits import OF_ADDRESS, OF_SESSION
from billing.services.access.oauth import OAuthError
from billing.services.kernel.work import Unit

REAUTHENTICATE = "/oauth2/reauthenticate"


@dataclass(frozen=True, slots=True)
class Reauthentication:
    """The handler."""

    pages: Pages

    def add_to(self, api: FormApi) -> None:
        """Add the route."""
        api.route("POST", REAUTHENTICATE, self.enter)

    def enter(self, call: FormCall) -> FormResponse:
        """The user of this browser's session enters password and code; the next token says when that was."""
        denied, nobody = (FormResponse.error(each, status=403) for each in ("access_denied", "login_required"))
        tenant_id, _, _ = call.request.cookies.get(cookies.SESSION, "").partition(".")
        if not tenant_id or not self._is_from_here(call):
            call.count_address(OF_ADDRESS)
            return denied if tenant_id else nobody
        values = call.request.form()
        tried: list[str] = []

        def entered(work: Unit) -> FormResponse:
            found = self.pages.signed_in(call, work)
            if found is None:
                call.count_address(OF_ADDRESS)
                return nobody
            session, user = found
            call.count_session(session.id, OF_SESSION)
            if not tried:
                tried.append(user.id)
                self.pages.count_try(call, user.tenant_id, user.email)
            password, code = values.get("password", ""), values.get("code", "")
            right = self.pages.sign_in.reauthenticate(work, session, user, password, code)
            return FormResponse(204) if right else denied

        try:
            return call.in_unit(tenant_id, call.principal, entered)
        except OAuthError:  # the cookie names no tenant, or one that is closed
            call.count_address(OF_ADDRESS)
            return nobody

    def _is_from_here(self, call: FormCall) -> bool:
        """Whether a page of this very origin has sent it, by what no page can write; a browser that says neither has
        not shown that."""
        site, origin = call.request.headers.get("sec-fetch-site"), call.request.headers.get("origin")
        if site is None and origin is None:
            return False
        return site in (None, "same-origin") and origin in (None, self.pages.issuer)
