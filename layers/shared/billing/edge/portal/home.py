"""The portal's first page, and what was used so far: what a customer has, pays, and owes."""

from dataclasses import dataclass
from datetime import timedelta
from html import escape

from billing.domain.catalog.plan import Plan
from billing.domain.invoicing.invoice import Invoice
from billing.domain.portal import Feature
from billing.domain.subscriptions.subscription import RENEWING, Subscription, SubscriptionState
from billing.edge.forms.endpoint import FormApi, FormResponse
from billing.edge.portal.doors import PortalDoors
from billing.edge.portal.prices import foreseen, price_words
from billing.edge.portal.visit import HOME, USAGE, Visit
from billing.services.payer.contents import Writer
from billing.services.payer.links import Link, Links
from billing.services.portal.overview import Home, PortalViews, Running

_PAY_WITHIN = timedelta(days=1)
"""How long a link to pay an invoice works that a page of the portal has."""


@dataclass(frozen=True, slots=True)
class HomePages:
    """The handlers."""

    doors: PortalDoors
    views: PortalViews
    links: Links
    writer: Writer

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", HOME, lambda call: self.doors.shown(call, None, self.home))
        api.route("GET", USAGE, lambda call: self.doors.shown(call, Feature.USAGE, self.usage))

    def home(self, visit: Visit) -> FormResponse:
        """What the customer has."""
        found = self.views.home(visit.unit, visit.customer)
        owed = self._owed(visit, found.owed) if visit.may(Feature.INVOICES) else ""
        content = owed + _balance(visit, found) + _subscriptions(visit, found)
        return visit.page(visit.language["portal_home"], content)

    def usage(self, visit: Visit) -> FormResponse:
        """What the next invoices would bill if they were made now: the usage so far, and all the rest."""
        running = self.views.home(visit.unit, visit.customer).running
        shown = "".join(self._foreseen(visit, each) for each in running if each.following is not None)
        content = f"<p>{visit.word('portal_usage_text')}</p>{shown or _said(visit, 'portal_usage_none')}"
        return visit.page(visit.language["portal_usage"], content)

    def _foreseen(self, visit: Visit, each: Running) -> str:
        assert each.following is not None
        title = f"<h2>{escape(each.plan.name)}</h2>"
        when = f"<p>{visit.word('portal_next', date=visit.language.date(each.following.created_at))}</p>"
        return title + when + foreseen(visit, self.writer, each.following)

    def _owed(self, visit: Visit, owed: tuple[Invoice, ...]) -> str:
        if not owed:
            return ""
        rows = "".join(
            f'<tr><th scope="row">{escape(each.number or each.id)}</th>'
            f'<td class="n">{escape(visit.language.money(each.amount_due))}</td>'
            f"<td>{self.pay_link(visit, each)}</td></tr>"
            for each in owed
        )
        return f"<h2>{visit.word('portal_owed')}</h2><table>{rows}</table>"

    def pay_link(self, visit: Visit, invoice: Invoice) -> str:
        """A link to the page on which an invoice is paid."""
        expires_at = (visit.unit.now + _PAY_WITHIN).replace(microsecond=0)
        token = self.links.token(Link(invoice.tenant_id, invoice.id, expires_at))
        label = f"{visit.word('portal_pay')}: {escape(invoice.number or invoice.id)}"
        return f'<a class="button" href="/pay/{escape(token)}" aria-label="{label}">{visit.word("portal_pay")}</a>'


def _balance(visit: Visit, home: Home) -> str:
    amount = home.balance.amount
    if amount.is_zero:
        return ""
    word = "portal_debt" if amount.is_negative else "portal_credit"
    shown = visit.language.money(-amount if amount.is_negative else amount)
    return f"<p>{visit.word(word, amount=shown)}</p>"


def _subscriptions(visit: Visit, home: Home) -> str:
    shown = "".join(_running(visit, each) for each in home.running)
    ended = "".join(_ended(visit, each) for each in home.ended)
    none = "" if home.running else _said(visit, "portal_no_subscription")
    return f"<h2>{visit.word('portal_subscriptions')}</h2>{none}{shown}{ended}"


def _running(visit: Visit, each: Running) -> str:
    subscription, plan = each.subscription, each.plan
    facts = [(visit.word("portal_state"), escape(state_words(visit, subscription)))]
    facts.append((visit.word("portal_price"), price_words(visit, plan, subscription.quantities)))
    facts += [(escape(key), str(amount)) for key, amount in subscription.quantities.items()]
    if each.following is not None:
        due = visit.language.money(each.following.amount_due)
        when = visit.language.date(each.following.created_at)
        facts.append((visit.word("portal_next_invoice"), visit.word("portal_next_amount", amount=due, date=when)))
    listed = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in facts)
    return f'<h3>{escape(plan.name)}</h3><dl>{listed}</dl><div class="acts">{_acts(visit, subscription, plan)}</div>'


def _ended(visit: Visit, each: Running) -> str:
    when = each.subscription.canceled_at
    text = (
        visit.word("portal_ended_on", date=visit.language.date(when)) if when else visit.word("portal_state_canceled")
    )
    return f'<h3>{escape(each.plan.name)}</h3><p class="quiet">{text}</p>'


def _acts(visit: Visit, subscription: Subscription, plan: Plan) -> str:
    """What can be done with a subscription as it is now; what is switched off, or has no meaning, is not there."""
    at = f"/portal/subscriptions/{subscription.id}"
    runs = subscription.state in RENEWING and not subscription.cancel_at_period_end
    paused = subscription.state is SubscriptionState.PAUSED
    changes = visit.may(Feature.CHANGE_PLAN) and bool(visit.terms.plans)
    found = []
    if runs and (changes or (visit.may(Feature.QUANTITIES) and plan.licensed_keys)):
        found.append(visit.link(f"{at}/change", "portal_change", plan.name))
    if runs and visit.may(Feature.PAUSE):
        found.append(visit.link(f"{at}/pause", "portal_pause", plan.name))
    if paused and visit.may(Feature.PAUSE):
        found.append(visit.link(f"{at}/resume", "portal_resume", plan.name))
    if visit.may(Feature.CANCEL) and (runs or (paused and not subscription.cancel_at_period_end)):
        found.append(visit.link(f"{at}/cancel", "portal_cancel", plan.name))
    if subscription.state in RENEWING and subscription.cancel_at_period_end and visit.may(Feature.CANCEL):
        version = {"version": str(subscription.version)}
        found.append(visit.button(f"{at}/resume", "portal_keep", version, plan.name))
    return "".join(found)


def state_words(visit: Visit, subscription: Subscription) -> str:
    """How a subscription stands, in a sentence."""
    end = visit.language.date(subscription.current_period.end)
    if subscription.cancel_at_period_end and subscription.state is not SubscriptionState.CANCELED:
        return visit.language["portal_state_ends"].format(date=end)
    if subscription.state is SubscriptionState.PAUSED and subscription.resumes_at is not None:
        until = visit.language.date(subscription.resumes_at)
        return visit.language["portal_state_paused_until"].format(date=until)
    text = visit.language[f"portal_state_{subscription.state.value}"]
    return text.format(date=end)


def _said(visit: Visit, key: str) -> str:
    return f"<p>{visit.word(key)}</p>"
