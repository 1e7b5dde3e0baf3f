"""What a customer pays with: shown, chosen, removed. Cards are entered at the card processor alone."""

from dataclasses import dataclass
from html import escape

from billing.domain.customers.customer import PaymentMethod
from billing.domain.portal import Feature
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.portal.doors import Form, PortalDoors, Refused, led_to
from billing.edge.portal.visit import CARDS, Visit
from billing.services.payments.processor import Page
from billing.services.portal import acts, overview
from billing.services.portal.acts import PortalActs

ADD, CHOOSE, REMOVE = "/portal/cards/add", "/portal/cards/choose", "/portal/cards/remove"
_METHOD = "method"


@dataclass(frozen=True, slots=True)
class CardPages:
    """The handlers.

    Args:
        checkout_origin: where the card processor's pages are, on which cards are entered.
    """

    doors: PortalDoors
    acts: PortalActs
    checkout_origin: str

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", CARDS, lambda call: self.doors.shown(call, Feature.PAYMENT_METHODS, self._listed))
        api.route("POST", ADD, self.add)
        api.route("POST", CHOOSE, self.choose)
        api.route("POST", REMOVE, self.remove)

    def add(self, call: FormCall) -> FormResponse:
        """Go and enter a card, at the card processor."""

        def leads(visit: Visit, form: Form) -> str:
            issuer = self.doors.sessions.issuer
            page = Page(f"{issuer}{led_to(CARDS, 'card_added')}", f"{issuer}{CARDS}", visit.language.locale)
            return self.acts.add_card(visit.unit, visit.customer, page)

        return self.doors.acted(call, Feature.PAYMENT_METHODS, leads, self._again)

    def choose(self, call: FormCall) -> FormResponse:
        """Have a card charged from now on."""

        def chosen(visit: Visit, form: Form) -> str:
            self.acts.choose_card(visit.unit, visit.customer, form.get(_METHOD, ""))
            return led_to(CARDS, "card_chosen")

        return self.doors.acted(call, Feature.PAYMENT_METHODS, chosen, self._again)

    def remove(self, call: FormCall) -> FormResponse:
        """Remove a card."""

        def removed(visit: Visit, form: Form) -> str:
            self.acts.remove_card(visit.unit, visit.customer, form.get(_METHOD, ""))
            return led_to(CARDS, "card_removed")

        return self.doors.acted(call, Feature.PAYMENT_METHODS, removed, self._again)

    def _again(self, visit: Visit, form: Form, refused: Refused) -> FormResponse:
        return self._listed(visit, refused)

    def _listed(self, visit: Visit, refused: Refused | None = None) -> FormResponse:
        cards = overview.cards(visit.unit, visit.customer)
        stays = len(cards) == 1 and acts.needs_card(visit.unit, visit.customer)
        rows = "".join(_row(visit, each, stays) for each in cards)
        why = f"<p>{visit.word('portal_last_card')}</p>" if stays else ""
        shown = f"<table>{rows}</table>" if cards else f"<p>{visit.word('portal_no_cards')}</p>"
        button = f'<p class="acts"><button type="submit">{visit.word("portal_card_add")}</button></p>'
        title, content = visit.language["portal_cards"], shown + why + visit.form(ADD, button)
        wrong, status = (refused.said, refused.status) if refused else ("", 200)
        return visit.page(title, content, wrong=wrong, status=status, form_to=self.checkout_origin)


def _row(visit: Visit, card: PaymentMethod, stays: bool) -> str:
    name = card_name(visit, card)
    until = ""
    if card.card is not None:
        month = f"{card.card.exp_month:02}/{card.card.exp_year}"
        until = f"<small>{visit.word('portal_card_until', month=month)}</small>"
    chosen = visit.customer.default_payment_method_id == card.id
    hidden = {_METHOD: card.id}
    acts_ = visit.word("portal_card_default") if chosen else visit.button(CHOOSE, "portal_card_choose", hidden, name)
    acts_ += "" if stays else visit.button(REMOVE, "portal_card_remove", hidden, name)
    return f'<tr><th scope="row">{escape(name)}{until}</th><td><div class="acts">{acts_}</div></td></tr>'


def card_name(visit: Visit, card: PaymentMethod) -> str:
    """A card as its customer knows it; never more of its number."""
    if card.card is None:
        return card.type
    return visit.language["portal_card"].format(brand=card.card.brand.title(), last4=card.card.last4)
