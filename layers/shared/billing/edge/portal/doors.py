"""Whoever comes with the portal's cookie: the session is looked up, counted, and led into its tenant.

A form that changes something carries what only pages of its session have, and is carried out once: two clicks, a reload
and the way back find what the first one did.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256

from billing.domain.access.caller import digest
from billing.domain.customers.customer import Customer
from billing.domain.kernel.errors import (
    AmountChanged,
    BillingError,
    Forbidden,
    InvalidState,
    LostRace,
    NotFound,
    PaymentDeclined,
    PaymentRequired,
    RateLimited,
    Unavailable,
    ValidationFailed,
    VersionMismatch,
)
from billing.domain.portal import Feature, PortalSession
from billing.domain.tenant import ANONYMOUS, Tenant
from billing.edge.forms import cookies
from billing.edge.forms.endpoint import FormCall, FormResponse
from billing.edge.forms.html import Frame, alert, page, redirect
from billing.edge.payer.frame import LANGUAGE, around, style
from billing.edge.portal.visit import CARDS, CSRF, DONE, DONE_WORDS, HOME, LEAVE, ONCE, Visit, around_pages
from billing.services.access.form_limits import OF_ADDRESS, OF_SESSION
from billing.services.access.oauth import OAuthError
from billing.services.access.tokens import Derivation
from billing.services.invoicing.looks import Looks
from billing.services.kernel.work import KeyedRequest, Ref, Unit
from billing.services.logos import logo_ref
from billing.services.payer.language import Language, Languages
from billing.services.portal.sessions import PortalSessions

Form = Mapping[str, str]
_PURPOSE = "portal's forms"
_WRONG: tuple[tuple[tuple[type[BillingError], ...], str], ...] = (
    ((AmountChanged, VersionMismatch), "portal_wrong_changed"),
    ((PaymentDeclined, PaymentRequired), "portal_wrong_declined"),
    ((ValidationFailed,), "portal_wrong_values"),
    ((InvalidState,), "portal_wrong_state"),
)


@dataclass(frozen=True, slots=True)
class Refused:
    """What a form asked for and did not get.

    Args:
        said: why, a text in the page's language.
        fields: what is wrong, by the names of the form's fields.
    """

    said: str
    status: int
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PortalDoors:
    """Lets customers in.

    Args:
        secrets: derives what forms carry.
    """

    sessions: PortalSessions
    secrets: Derivation
    languages: Languages
    new_secret: Callable[[], str]

    def shown(self, call: FormCall, feature: Feature | None, show: Callable[[Visit], FormResponse]) -> FormResponse:
        """A page, for the customer of the session.

        Raises:
            Forbidden: the page is switched off.
        """
        return self._let_in(call, lambda visit: show(_allowed(visit, feature)))

    def acted(
        self,
        call: FormCall,
        feature: Feature | None,
        act: Callable[[Visit, Form], str],
        again: Callable[[Visit, Form, Refused], FormResponse],
    ) -> FormResponse:
        """Carry a form out, once.

        Args:
            act: does it, and says where it leads.
            again: the page from which the form came, where it was refused.

        Raises:
            Forbidden, NotFound, Unavailable: a page that says no more than that.
        """
        form = dict(call.posted())
        mark, csrf = form.pop(ONCE, ""), form.pop(CSRF, "")
        secret = _cookie(call)[1]
        said = sha256(json.dumps([call.route, call.parameters, sorted(form.items())]).encode()).hexdigest()
        once = KeyedRequest(call.route, digest(f"{secret} {mark}"), said)

        def run(visit: Visit) -> FormResponse:
            return redirect(act(_allowed(visit, feature), form))

        try:
            return self._let_in(call, run, csrf, once)
        except (Forbidden, NotFound, RateLimited, Unavailable, LostRace):
            raise
        except BillingError as error:
            refusal = error
        return self._let_in(call, lambda visit: again(visit, form, refused(visit.language, refusal)))

    def ended(self, call: FormCall, end: Callable[[Visit], FormResponse]) -> FormResponse:
        """Have the customer leave: a form of the session's, after which nothing more is asked of it."""
        return self._let_in(call, end, call.posted().get(CSRF, ""))

    def _let_in(
        self,
        call: FormCall,
        action: Callable[[Visit], FormResponse],
        csrf: str | None = None,
        once: KeyedRequest | None = None,
    ) -> FormResponse:
        tenant_id, secret = _cookie(call)
        if not tenant_id or not secret:
            return self._nobody(call)

        def led(unit: Unit) -> FormResponse:
            tenant = unit.tenant
            # Before anything is loaded: what a form led to the first time is told to its own session alone.
            own = self.secrets.derived(tenant.id, _PURPOSE, digest(secret))
            if csrf is not None and not cookies.same(csrf, own):
                call.count_address(OF_ADDRESS)
                raise Forbidden("The form is not of this session")
            session = self.sessions.session(unit, secret)
            if session is None:
                return self._ended(call, tenant)
            call.principal = session.principal
            call.count_session(session.id, OF_SESSION)
            visit = self._visit(call, unit, session, own)
            return self._ended(call, tenant) if visit is None else action(visit)

        try:
            return call.in_unit(tenant_id, ANONYMOUS, led, from_anywhere=True, once=once)
        except OAuthError:  # there is no such tenant, or it is suspended
            return self._nobody(call)

    def _visit(self, call: FormCall, unit: Unit, session: PortalSession, csrf: str) -> Visit | None:
        ref, logo = Ref(Customer, unit.tenant.id, session.customer_id), logo_ref(unit.tenant.id)
        found = unit.load(ref, logo)
        customer = found.get(ref)
        if customer is None or customer.deleted_at is not None:
            return None
        query = call.request.query if call.request.method in ("GET", "HEAD") else {}
        chosen = query.get(LANGUAGE, "")
        if chosen in self.languages.names and chosen != session.locale:
            session = unit.save(replace(session, locale=chosen))
        language = self.languages.of(session.locale or customer.locale or unit.tenant.locale, customer.timezone)
        branding = Looks.of(unit.tenant, found.get(logo), None).branding
        done = query.get(DONE, "")
        path = _page_of(call)
        visit_of = partial(
            Visit,
            unit,
            session,
            customer,
            unit.tenant.portal.narrowed(session.features),
            language,
            csrf=csrf,
            new_once=self.new_secret,
            done=done if done in DONE_WORDS else "",
            path=path,
        )
        return around_pages(
            around(unit.tenant, branding, language, self.languages, address=path), lambda frame: visit_of(frame=frame)
        )

    def _ended(self, call: FormCall, tenant: Tenant) -> FormResponse:
        """A session that was good once, or never: whose it was is said, and nothing else."""
        call.count_address(OF_ADDRESS)
        language = self.language(call, tenant)
        name = tenant.legal_name or tenant.name
        text = language["portal_ended_text"].format(name=name)
        return page(
            language["portal_ended"],
            alert(text),
            status=403,
            frame=around(tenant, None, language, self.languages, address=_page_of(call)),
            cookies=(cookies.no_portal(),),
        )

    def language(self, call: FormCall, tenant: Tenant) -> Language:
        """The language of a page of which nobody knows for whom it is: the browser's, where it says one."""
        accepted = call.request.headers.get("accept-language", "")
        return self.languages.accepted(accepted) if accepted else self.languages.of(tenant.locale, tenant.timezone)

    def _nobody(self, call: FormCall) -> FormResponse:
        call.count_address(OF_ADDRESS)
        language = self.languages.accepted(call.request.headers.get("accept-language", ""))
        text = alert(language["portal_nobody_text"])
        return page(language["portal_ended"], text, status=403, frame=Frame(language=language.tag, style=style(None)))


def _page_of(call: FormCall) -> str:
    """The address of the page that is shown: mostly the one that its forms are sent to."""
    path = call.request.path
    if path.startswith(f"{CARDS}/"):
        return CARDS
    return HOME if path == LEAVE else path


def _cookie(call: FormCall) -> tuple[str, str]:
    """The tenant that a session is said to be of, and its secret."""
    tenant_id, _, secret = call.request.cookies.get(cookies.PORTAL, "").partition(".")
    return (tenant_id, secret) if tenant_id.isascii() and secret.isascii() else ("", "")


def _allowed(visit: Visit, feature: Feature | None) -> Visit:
    if feature is not None and not visit.may(feature):
        raise Forbidden(f"The portal does not offer {feature}")
    return visit


def refused(language: Language, error: BillingError) -> Refused:
    """An error as a page says it."""
    word = next((word for kinds, word in _WRONG if isinstance(error, kinds)), "portal_wrong_now")
    wrong = {each.field: each.reason for each in error.details}
    # A bank that declines is no failure of ours, which a 502 would be counted as.
    return Refused(language[word], error.status if error.status < 500 else PaymentRequired.status, wrong)


def led_to(path: str, done: str) -> str:
    """Where an act leads: a page that says what was done."""
    assert done in DONE_WORDS
    return f"{path}?{DONE}={done}"
