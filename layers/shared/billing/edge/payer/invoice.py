"""``/pay/{token}``: one invoice, to look at, to keep and to pay.

Cards are entered on Stripe's page alone. Pressing the button leads there, and Stripe leads back here, where the page
says what became of it: from what is recorded, and where the webhook has not told yet, from what Stripe says.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from html import escape
from typing import Protocol

from billing.domain.invoicing.invoice import InvoiceStatus
from billing.domain.kernel.errors import InvalidState, Unavailable, ValidationFailed
from billing.domain.payments.payment import PAYER_HAS
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.forms.html import alert, form, page, redirect
from billing.edge.payer.document import described, told
from billing.edge.payer.doors import Action, Doors
from billing.edge.payer.frame import LANGUAGE, around, written
from billing.services.invoicing import printing
from billing.services.invoicing.documents import InvoiceDocument
from billing.services.invoicing.einvoice import EInvoice
from billing.services.invoicing.payments import InvoicePayments, Paid
from billing.services.kernel.work import Unit
from billing.services.payer.contents import Writer
from billing.services.payer.invoices import Shown, Standing, shown
from billing.services.payer.language import Language, Languages
from billing.services.payer.links import Link
from billing.services.payments.processor import Page

PAY, PAY_PDF = "/pay/{token}", "/pay/{token}/pdf"
BACK = "back"
"""The parameter by which Stripe's page leads back: then what is not recorded yet is looked up."""
_RETURNS_WITHIN = timedelta(hours=6)
"""So much longer than Stripe's page the way back from it works."""
_GOOD = (Standing.PAID, Standing.PROCESSING)


class Printer(Protocol):
    """Prints invoices."""

    def pdf(self, document: InvoiceDocument, data: EInvoice) -> bytes:
        """The invoice as PDF."""


@dataclass(frozen=True, slots=True)
class InvoicePages:
    """The handlers.

    Args:
        base_url: the stack's own address, which Stripe's page leads back to.
        checkout_origin: where Stripe's pages are: the one other place that a form of this page may lead to.
    """

    doors: Doors
    languages: Languages
    writer: Writer
    printer: Printer
    payments: InvoicePayments
    base_url: str
    checkout_origin: str

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", PAY, self.show)
        api.route("POST", PAY, self.pay)
        api.route("GET", PAY_PDF, self.pdf)

    def show(self, call: FormCall) -> FormResponse:
        """The invoice, and what can be done about it."""
        return self._opened(call, lambda unit, link: self._show(call, unit, link))

    def pay(self, call: FormCall) -> FormResponse:
        """On to Stripe's page; back to this one where there is nothing to be paid any more."""
        values = call.posted()
        return self._opened(call, lambda unit, link: self._pay(call, unit, link, values.get(LANGUAGE, "")))

    def pdf(self, call: FormCall) -> FormResponse:
        """The invoice as PDF."""
        return self._opened(call, lambda unit, link: self._pdf(call, unit, link))

    def _opened(self, call: FormCall, action: Action) -> FormResponse:
        """What a link leads to while it is good."""

        def led(unit: Unit, link: Link) -> FormResponse:
            return self._over(call, unit) if link.is_over(unit.now) else action(unit, link)

        return self.doors.opened(call, led)

    def _show(self, call: FormCall, unit: Unit, link: Link) -> FormResponse:
        trouble = False
        if BACK in call.request.query:
            try:
                self.payments.looked_up(unit, link.subject_id)
            except Unavailable:  # what is recorded is shown; the webhook will tell
                trouble = True
        return self._page(call, unit, link, "pay_processing" if trouble else None)

    def _pay(self, call: FormCall, unit: Unit, link: Link, chosen: str) -> FormResponse:
        here = f"/pay/{call.parameters['token']}"
        query = f"?{LANGUAGE}={chosen}" if chosen in self.languages.names else ""
        found = shown(unit, link.subject_id)
        if not found.standing.is_payable or not self.base_url or found.invoice.status is InvoiceStatus.DRAFT:
            return redirect(f"{here}{query}")
        back = f"{self.base_url}/pay/{self._way_back(unit.now, link)}{query}"
        locale = chosen if chosen in self.languages.names else found.document().locale
        way = Page(f"{back}{'&' if query else '?'}{BACK}=1", back, locale)
        try:
            opened = self.payments.checkout(unit, link.subject_id, way)
        except InvalidState:  # paid, or being charged, since it was read
            if shown(unit, link.subject_id).standing.is_payable:  # the page would have the same button, without a word
                return self._page(call, unit, link, "pay_unavailable", chosen, 409)
            return redirect(f"{here}{query}")
        except ValidationFailed:  # Stripe's own limits may be narrower than those that are documented
            return self._page(call, unit, link, "pay_not_by_card", chosen, 400)
        except Unavailable:
            return self._page(call, unit, link, "pay_unavailable", chosen, 503)
        if isinstance(opened, Paid) or opened.url is None:
            return redirect(f"{here}{query}")
        return redirect(opened.url)

    def _way_back(self, now: datetime, link: Link) -> str:
        """A link to the same invoice that works when its payer comes back from Stripe, as theirs may not."""
        until = now + PAYER_HAS + _RETURNS_WITHIN
        if link.expires_at >= until:
            return self.doors.links.token(link)
        # By the hour, so that whoever presses the button again gets the same way back.
        expires_at = until.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return self.doors.links.token(replace(link, expires_at=expires_at))

    def _page(
        self, call: FormCall, unit: Unit, link: Link, trouble: str | None, chosen: str = "", status: int = 200
    ) -> FormResponse:
        """The invoice as it stands.

        Args:
            trouble: a key of the words, for what does not work just now.
            chosen: the language that the form was in.
        """
        found = shown(unit, link.subject_id)
        invoice = found.invoice
        if invoice.status is InvoiceStatus.DRAFT:  # its amounts may change: nobody is asked for them
            return self._over(call, unit)
        own = found.document().locale
        language = written(call, self.languages, chosen if chosen in self.languages.names else own, invoice.timezone)
        document = found.document(language.locale)
        frame = around(unit.tenant, document.branding, language, self.languages, document.seller.name)
        contents = self.writer.contents(document)
        title = " ".join(part for part in (contents.title, document.number) if part)
        acts = self._acts(call, found, language)
        content = f"{_told(found, language, trouble, contents.headline)}{acts}{described(contents, language)}"
        return page(title, content, status=status, form_to=self.checkout_origin, frame=frame)

    def _acts(self, call: FormCall, found: Shown, language: Language) -> str:
        here = escape(f"/pay/{call.parameters['token']}")
        download = f'<a class="button no" href="{here}/pdf">{escape(language["pay_download"])}</a>'
        standing = found.standing
        if standing is Standing.PROCESSING:
            again = f"{here}?{BACK}=1&amp;{LANGUAGE}={language.tag}"
            download = f'<a class="button" href="{again}">{escape(language["pay_look_again"])}</a>{download}'
        if not standing.is_payable or not self.base_url:
            return f'<div class="acts">{download}</div>'
        text = language["pay_button"].format(amount=language.money(found.invoice.amount_due))
        button = form(here, {LANGUAGE: language.tag}, f'<button type="submit">{escape(text)}</button>')
        note = f'<p class="quiet">{escape(language["pay_at_stripe"])}</p>'
        return f'<div class="acts">{button}{download}</div>{note}'

    def _pdf(self, call: FormCall, unit: Unit, link: Link) -> FormResponse:
        printed = printing.invoice(unit, link.subject_id)
        if printed.document.number is None:
            return self._over(call, unit)
        content = self.printer.pdf(printed.document, printed.data)
        headers = {"Content-Disposition": f'inline; filename="{printed.name}.pdf"', "Referrer-Policy": "no-referrer"}
        return FormResponse(200, content, "application/pdf", headers)

    def _over(self, call: FormCall, unit: Unit) -> FormResponse:
        """A link that was good once: whose it was is said, and nothing else."""
        tenant = unit.tenant
        language = written(call, self.languages, tenant.locale, tenant.timezone)
        frame = around(tenant, None, language, self.languages)
        text = language["page_expired_text"].format(name=tenant.legal_name or tenant.name)
        return page(language["page_expired"], alert(text), status=410, frame=frame)


def _told(found: Shown, language: Language, trouble: str | None, headline: str | None) -> str:
    """How it stands, in one sentence; and what is due when, where that is the news."""
    standing = found.standing
    if standing is Standing.PAID:
        return told(language["pay_paid"])
    if trouble is not None:
        return told(language[trouble]) if trouble == "pay_processing" else alert(language[trouble])
    lead = f"<p><strong>{escape(headline)}</strong></p>" if headline else ""
    if standing is Standing.TO_PAY:
        return lead
    text = language[f"pay_{standing}"]
    return told(text) if standing in _GOOD else f"{alert(text)}{lead if standing.is_payable else ''}"
