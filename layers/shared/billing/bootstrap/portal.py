"""Wires the customer portal."""

from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import process
from billing.services.portal.sessions import PortalSessions

if TYPE_CHECKING:
    from billing.edge.forms.endpoint import FormApi


@cache
def portal_sessions() -> PortalSessions:
    """The service of links into the portal and of the sessions that they open."""
    return PortalSessions(process.new_secret, process.settings().issuer)


def portal_api() -> "FormApi":
    """The pages of the function ``portal``."""
    from billing.bootstrap import invoicing, payer, payments, storage, subscriptions
    from billing.bootstrap.forms import form_edge
    from billing.domain.customers.customer import Customer
    from billing.edge.forms.endpoint import FormApi
    from billing.edge.payer.frame import Refusals
    from billing.edge.portal.cards import CardPages
    from billing.edge.portal.changes import ChangePages
    from billing.edge.portal.details import DetailPages
    from billing.edge.portal.doors import PortalDoors
    from billing.edge.portal.entrance import EntrancePages
    from billing.edge.portal.home import HomePages
    from billing.edge.portal.papers import PaperPages
    from billing.edge.portal.stops import StopPages
    from billing.integrations.pages.contents import DocumentWriter
    from billing.integrations.pages.language import PageLanguages
    from billing.schemas import events
    from billing.schemas.portal import details
    from billing.services.portal.acts import PortalActs
    from billing.services.portal.overview import PortalViews

    events.prepare(Customer)
    languages, writer = PageLanguages(), DocumentWriter()
    refusals = Refusals(languages)
    api = FormApi(form_edge(), process.logger(), refusals)
    doors = PortalDoors(portal_sessions(), storage.vault(), languages, process.new_secret)
    acts = PortalActs(subscriptions.subscription_lifecycle(), payments.saved_methods())
    home = HomePages(doors, PortalViews(invoicing.invoice_previews()), payer.links(), writer)
    EntrancePages(doors, refusals).add_to(api)
    home.add_to(api)
    PaperPages(doors, home, invoicing.electronic_invoices()).add_to(api)
    CardPages(doors, acts, process.settings().checkout_origin).add_to(api)
    ChangePages(doors, acts, writer).add_to(api)
    StopPages(doors, acts, writer).add_to(api)
    DetailPages(doors, details).add_to(api)
    return api
