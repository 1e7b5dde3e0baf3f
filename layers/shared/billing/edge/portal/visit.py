"""One customer's call of the portal: who it is, what is switched on, and what its pages and forms are made with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from billing.domain.customers.customer import Customer
from billing.domain.portal import Feature, PortalSession, PortalTerms
from billing.edge.forms import html
from billing.edge.forms.endpoint import FormResponse
from billing.edge.forms.html import Frame
from billing.services.kernel.work import Unit
from billing.services.payer.language import Language

HOME, INVOICES, CARDS, DETAILS, USAGE = (
    "/portal", "/portal/invoices", "/portal/cards", "/portal/details", "/portal/usage",
)  # fmt: skip
LEAVE = "/portal/leave"
CSRF, ONCE, DONE = "csrf", "once", "done"
_TABS = (
    (HOME, "portal_home", None),
    (INVOICES, "portal_invoices", Feature.INVOICES),
    (CARDS, "portal_cards", Feature.PAYMENT_METHODS),
    (USAGE, "portal_usage", Feature.USAGE),
    (DETAILS, "portal_details", Feature.DETAILS),
)
DONE_WORDS = (
    "changed", "paused", "resumed", "kept", "canceled", "ends", "card_chosen", "card_removed", "card_added", "details",
)  # fmt: skip
"""What an act says on the page to which it leads; the page's address has nothing but one of these."""


@dataclass(frozen=True, slots=True)
class Visit:
    """See above.

    Args:
        csrf: what each form of this session carries, and no other site knows.
        new_once: gives each form a mark of its own, by which it is carried out once.
        done: what was done just now, one of ``DONE_WORDS``.
        path: of the page.
    """

    unit: Unit
    session: PortalSession
    customer: Customer
    terms: PortalTerms
    language: Language
    frame: Frame
    csrf: str
    new_once: Callable[[], str]
    done: str
    path: str

    def may(self, feature: Feature) -> bool:
        """Whether something is switched on."""
        return feature in self.terms.features

    def word(self, key: str, **values: str) -> str:
        """A word or a sentence, as HTML."""
        text = self.language[key]
        return escape(text.format(**values) if values else text)

    def page(self, title: str, content: str, *, wrong: str = "", status: int = 200, form_to: str = "") -> FormResponse:
        """A page of the portal.

        Args:
            title: a text.
            content: HTML.
            wrong: what did not work, a text.
            form_to: where a form's answer leads, outside.
        """
        done = f'<p role="status">{self.word(f"portal_done_{self.done}")}</p>' if self.done and not wrong else ""
        body = f"{done}{html.alert(wrong)}{content}"
        return html.page(title, body, status=status, frame=self.frame, form_to=form_to)

    def form(self, action: str, fields: str, hidden: Mapping[str, str] | None = None) -> str:
        """A form that changes something, once; ``fields`` is HTML."""
        return html.form(action, {CSRF: self.csrf, ONCE: self.new_once(), **(hidden or {})}, fields)

    def button(self, action: str, word: str, hidden: Mapping[str, str], name: str = "") -> str:
        """A form that is nothing but a button.

        Args:
            name: what it is about, for who does not see where it stands.
        """
        label = f' aria-label="{self.word(word)}: {escape(name)}"' if name else ""
        return self.form(action, f'<button type="submit" class="no"{label}>{self.word(word)}</button>', hidden)

    def link(self, address: str, word: str, name: str = "") -> str:
        """A link that looks like a button."""
        label = f' aria-label="{self.word(word)}: {escape(name)}"' if name else ""
        return f'<a class="button no" href="{escape(address)}"{label}>{self.word(word)}</a>'


def around_pages(frame: Frame, visit_of: Callable[[Frame], Visit]) -> Visit:
    """The visit, with what leads from page to page above each, and out of the portal below."""
    visit = visit_of(frame)
    tabs = "".join(
        f'<a href="{address}"{" aria-current=page" * (visit.path == address)}>{visit.word(word)}</a>'
        for address, word, feature in _TABS
        if feature is None or visit.may(feature)
    )
    back = visit.session.return_url
    leads_back = f'<a href="{escape(back)}">{visit.word("portal_back")}</a>' if back else ""
    out = visit.form(LEAVE, f'<button type="submit" class="no">{visit.word("portal_leave")}</button>')
    nav = f'<nav class="tabs" aria-label="{visit.word("portal_home")}">{tabs}{leads_back}</nav>'
    framed = Frame(
        language=frame.language,
        style=frame.style,
        above=frame.above + nav,
        below=f'<div class="tabs">{out}</div>{frame.below}',
        pictures=frame.pictures,
    )
    return visit_of(framed)
