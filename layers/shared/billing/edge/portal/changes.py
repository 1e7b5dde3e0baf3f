"""Another plan, other quantities: chosen, previewed, and made as previewed or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from billing.domain.catalog.plan import Plan
from billing.domain.kernel.errors import BillingError, Forbidden
from billing.domain.portal import Feature
from billing.domain.subscriptions.subscription import Subscription
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.portal.agreements import agreed_in, agreed_to, whole
from billing.edge.portal.doors import Form, PortalDoors, Refused, led_to, refused
from billing.edge.portal.prices import foreseen, price_words
from billing.edge.portal.visit import HOME, Visit
from billing.services.payer.contents import Writer
from billing.services.portal import overview
from billing.services.portal.acts import NothingChanges, Offer, PortalActs, Wish

CHANGE = "/portal/subscriptions/{id}/change"
_PLAN, _QUANTITY = "plan", "q."
_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ChangePages:
    """The handlers."""

    doors: PortalDoors
    acts: PortalActs
    writer: Writer

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", CHANGE, self.choose)
        api.route("POST", CHANGE, self.change)

    def choose(self, call: FormCall) -> FormResponse:
        """What can be chosen, and what it would cost once something is."""
        query = call.request.query
        return self.doors.shown(call, None, lambda visit: self._page(_may_change(visit), _id(call), query))

    def change(self, call: FormCall) -> FormResponse:
        """Make the change that was previewed."""

        def changed(visit: Visit, form: Form) -> str:
            _may_change(visit)
            self.acts.change(visit.unit, visit.terms, visit.customer, _id(call), _wish(form), agreed_to(form))
            return led_to(HOME, "changed")

        def again(visit: Visit, form: Form, wrong: Refused) -> FormResponse:
            return self._page(visit, _id(call), form, wrong)

        return self.doors.acted(call, None, changed, again)

    def _page(self, visit: Visit, subscription_id: str, asked: Form, wrong: Refused | None = None) -> FormResponse:
        subscription, plan = overview.own_subscription(visit.unit, visit.customer, subscription_id)
        choice = self._choice(visit, subscription, plan, asked)
        previewed = ""
        if any(name == _PLAN or name.startswith(_QUANTITY) for name in asked):
            try:
                offer = self.acts.offer(visit.unit, visit.terms, visit.customer, subscription_id, _wish(asked))
                previewed = self._offer(visit, offer)
            except Forbidden:
                raise
            except NothingChanges:  # who comes back to the preview of what was done is told no mistake
                previewed = f"<p>{visit.word('portal_nothing')}</p>"
            except BillingError as error:  # what was refused before says more than that it is so again
                wrong = wrong or refused(visit.language, error)
        said, status = (wrong.said, wrong.status) if wrong else ("", 200)
        back = f'<p><a href="{HOME}">{visit.word("portal_home")}</a></p>'
        title = visit.language["portal_change_title"].format(plan=plan.name)
        return visit.page(title, choice + previewed + back, wrong=said, status=status)

    def _choice(self, visit: Visit, subscription: Subscription, plan: Plan, asked: Form) -> str:
        """The form; it changes nothing, so it is sent by GET: the preview has an address, and the way back works."""
        plans = overview.offered(visit.unit, visit.terms, plan.currency) if visit.may(Feature.CHANGE_PLAN) else ()
        known = {each.id: each for each in (plan, *plans)}
        chosen = asked.get(_PLAN, plan.id)
        options = "".join(
            f'<p><label><input type="radio" name="{_PLAN}" value="{escape(each.id)}"'
            f"{' checked' * (each.id == chosen)}> "
            f"<strong>{escape(each.name)}</strong> {price_words(visit, each, _kept(each, subscription))}"
            f"{' ' + visit.word('portal_current') if each.id == plan.id else ''}</label></p>"
            for each in known.values()
        )
        keys = dict.fromkeys(key for each in known.values() for key in each.licensed_keys)
        fields = ""
        if visit.may(Feature.QUANTITIES):
            fields = "".join(_quantity(key, asked, subscription) for key in keys)
        action = f"/portal/subscriptions/{escape(subscription.id)}/change"
        legend = f"<legend>{visit.word('portal_choose')}</legend>"
        button = f'<p class="acts"><button type="submit" class="no">{visit.word("portal_preview")}</button></p>'
        inside = f"<fieldset>{legend}{options}</fieldset>{fields}{button}"
        return f'<form method="get" action="{action}">{inside}</form>'

    def _offer(self, visit: Visit, offer: Offer) -> str:
        preview, language = offer.preview, visit.language
        due = preview.invoice.amount_due
        lines = foreseen(visit, self.writer, preview.invoice) if preview.invoice.lines else ""
        now = (
            visit.word("portal_pay_now", amount=language.money(due))
            if due.micros > 0
            else visit.word("portal_pay_none")
        )
        if preview.invoice.total.is_negative:
            now = visit.word("portal_given_back", amount=language.money(-preview.invoice.total))
        then = ""
        if preview.next_invoice is not None:
            amount = language.money(preview.next_invoice.invoice.amount_due)
            then = visit.word("portal_then", amount=amount, date=language.date(preview.next_invoice.at))
        moves = f"<p>{visit.word('portal_moves')}</p>" if offer.agreed.sums and offer.agreed.sums.or_less else ""
        hidden = _hidden(offer)
        button = f'<p class="acts"><button type="submit">{visit.word("portal_confirm")}</button></p>'
        form = visit.form(f"/portal/subscriptions/{offer.subscription.id}/change", button, hidden)
        title = f"<h2>{visit.word('portal_preview_title', plan=offer.target.name)}</h2>"
        return f"{title}{lines}<p><strong>{now}</strong></p><p>{then}</p>{moves}{form}"


def _quantity(key: str, asked: Form, subscription: Subscription) -> str:
    name = escape(f"{_QUANTITY}{key}")
    value = escape(asked.get(f"{_QUANTITY}{key}", str(subscription.quantities.get(key, 1))))
    return (
        f'<label for="{name}">{escape(key)}</label>'
        f'<input id="{name}" name="{name}" type="number" min="0" max="{_MOST}" step="1" required value="{value}">'
    )


def _hidden(offer: Offer) -> Mapping[str, str]:
    found = {**agreed_in(offer.agreed), _PLAN: offer.target.id}
    # Only those that are not as they would be by themselves: where they are fixed, a form names none.
    own = offer.subscription.quantities
    found |= {f"{_QUANTITY}{key}": str(n) for key, n in offer.quantities.items() if n != own.get(key, 1)}
    return found


def _kept(plan: Plan, subscription: Subscription) -> dict[str, int]:
    return {key: subscription.quantities.get(key, 1) for key in plan.licensed_keys}


def _wish(form: Form) -> Wish:
    quantities = {
        name.removeprefix(_QUANTITY): whole(name, value, 0, _MOST)
        for name, value in form.items()
        if name.startswith(_QUANTITY)
    }
    return Wish(form.get(_PLAN), quantities or None)


def _may_change(visit: Visit) -> Visit:
    if not (visit.may(Feature.CHANGE_PLAN) or visit.may(Feature.QUANTITIES)):
        raise Forbidden("The portal offers no changes")
    return visit


def _id(call: FormCall) -> str:
    return call.parameters["id"]
