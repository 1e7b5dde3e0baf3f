"""Into the portal by a link, and out of it."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from billing.domain.customers.customer import Customer
from billing.domain.tenant import ANONYMOUS
from billing.edge.forms import cookies, html
from billing.edge.forms.endpoint import NOT_FOUND, FormApi, FormCall, FormResponse
from billing.edge.payer.frame import Refusals, around
from billing.edge.portal.doors import PortalDoors
from billing.edge.portal.visit import HOME, LEAVE, Visit
from billing.services.access.form_limits import OF_ADDRESS
from billing.services.access.oauth import OAuthError
from billing.services.kernel.work import Ref, Unit
from billing.services.portal.sessions import ENTER, leave

_LINK = "token"
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class EntrancePages:
    """The handlers."""

    doors: PortalDoors
    refusals: Refusals

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", ENTER, self.link)
        api.route("POST", ENTER, self.enter)
        api.route("POST", LEAVE, self.leave)

    def link(self, call: FormCall) -> FormResponse:
        """Somebody, or a mail's scanner, follows a link; looking at it does not use it up."""
        call.count_address(OF_ADDRESS)
        token = call.request.query.get(_LINK, "")

        def seen(unit: Unit, secret: str) -> FormResponse:
            found = self.doors.sessions.link(unit, secret)
            if found is None:
                return self._used(call, unit)
            ref = Ref(Customer, unit.tenant.id, found.customer_id)
            customer = unit.load(ref).require(ref)
            locale = found.locale or customer.locale or unit.tenant.locale
            language = self.doors.languages.of(locale, customer.timezone)
            button = f'<p class="acts"><button type="submit">{escape(language["portal_enter"])}</button></p>'
            text = escape(language["portal_enter_text"].format(name=unit.tenant.legal_name or unit.tenant.name))
            frame = around(unit.tenant, None, language, None)
            content = f"<p>{text}</p>{html.form(ENTER, {_LINK: token}, button)}"
            return html.page(language["portal_home"], content, frame=frame)

        return self._of_link(call, token, seen)

    def enter(self, call: FormCall) -> FormResponse:
        """The button on that page: it opens the session, once."""
        call.count_address(OF_ADDRESS)
        token = call.posted().get(_LINK, "")

        def entered(unit: Unit, secret: str) -> FormResponse:
            opened = self.doors.sessions.enter(unit, secret)
            if opened is None:
                return self._used(call, unit)
            session, cookie = opened
            call.principal = session.principal
            return html.redirect(HOME, (cookies.portal(f"{unit.tenant.id}.{cookie}"),))

        return self._of_link(call, token, entered)

    def leave(self, call: FormCall) -> FormResponse:
        """The customer goes; the session ends for good."""

        def left(visit: Visit) -> FormResponse:
            leave(visit.unit, visit.session)
            back = visit.session.return_url
            on = f'<p><a class="button" href="{escape(back)}">{visit.word("portal_back")}</a></p>' if back else ""
            content = f'<p role="status">{visit.word("portal_left_text")}</p>{on}'
            frame = around(visit.unit.tenant, None, visit.language, None)
            return html.page(visit.language["portal_left"], content, frame=frame, cookies=(cookies.no_portal(),))

        return self.doors.ended(call, left)

    def _of_link(self, call: FormCall, token: str, action: Callable[[Unit, str], FormResponse]) -> FormResponse:
        tenant_id, _, secret = token.partition(".")
        if not tenant_id or not secret or not token.isascii() or len(token) > _LONGEST:
            return self.refusals(call, NOT_FOUND, 404)
        try:
            return call.in_unit(tenant_id, ANONYMOUS, lambda unit: action(unit, secret), from_anywhere=True)
        except OAuthError:  # there is no such tenant, or it is suspended
            return self.refusals(call, NOT_FOUND, 404)

    def _used(self, call: FormCall, unit: Unit) -> FormResponse:
        language = self.doors.language(call, unit.tenant)
        text = language["portal_used_text"].format(name=unit.tenant.legal_name or unit.tenant.name)
        frame = around(unit.tenant, None, language, None)
        return html.page(language["portal_used"], html.alert(text), status=410, frame=frame)
