"""An ``EInvoice`` as XML of UN/CEFACT's Cross Industry Invoice (CII D16B), written by drafthorse.

The same invoice gives the same bytes. drafthorse's own way of writing would look for lxml, which the layer does not
have (decision 0033); its elements are written by Python's own XML here.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

from drafthorse.models.accounting import ApplicableTradeTax, TradeAllowanceCharge
from drafthorse.models.document import Document
from drafthorse.models.note import IncludedNote
from drafthorse.models.party import TaxRegistration, TradeParty
from drafthorse.models.payment import PaymentMeans, PaymentTerms
from drafthorse.models.tradelines import LineItem

from billing.domain.kernel.money import Money
from billing.domain.tax.tax_ids import EU_MEMBERS
from billing.services.invoicing.einvoice import (
    Category,
    EInvoice,
    ELine,
    EParty,
    Means,
    Profile,
    VatRow,
    decimal_of,
)

_GUIDELINES = {
    Profile.FACTUR_X: "urn:cen.eu:en16931:2017",
    Profile.XRECHNUNG: "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0",
}
_PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
_INVOICE, _CREDIT_NOTE = "380", "381"
_ONE = "C62"
_VAT, _VAT_ID, _EMAIL = "VAT", "VA", "EM"
_DISCOUNT = "95"
_REASONS = {Category.REVERSE_CHARGE: "Reverse charge", Category.EXEMPT: "Tax exempt"}
_REVERSE_CHARGE_IN_EU = "VATEX-EU-AE"
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def written(invoice: EInvoice, profile: Profile) -> bytes:
    """The XML of an invoice that has no problems (``einvoice.problems``)."""
    made = Document()
    made.context.guideline_parameter.id = _GUIDELINES[profile]
    if profile is Profile.XRECHNUNG:
        made.context.business_parameter.id = _PROCESS
    made.header.id = _text(invoice.number)
    made.header.type_code = _CREDIT_NOTE if invoice.preceding else _INVOICE
    made.header.issue_date_time = invoice.issued_on
    for words in invoice.notes:
        if _text(words):
            made.header.notes.add(_note(words))
    for number, line in enumerate(invoice.lines, 1):
        made.trade.items.add(_line(str(number), line))
    _agree(made, invoice)
    _settle(made, invoice)
    content = ET.tostring(made.to_etree(), "utf-8", xml_declaration=True)
    assert isinstance(content, bytes)
    return content


def _agree(made: Document, invoice: EInvoice) -> None:
    agreement = made.trade.agreement
    if invoice.buyer_reference:
        agreement.buyer_reference = _text(invoice.buyer_reference)
    if invoice.order_number:
        agreement.buyer_order.issuer_assigned_id = _text(invoice.order_number)
    _tell(agreement.seller, invoice.seller)
    _tell(agreement.buyer, invoice.buyer)
    if invoice.legal_line:
        agreement.seller.description = _text(invoice.legal_line)
    contact = invoice.contact
    if contact is not None:
        if contact.name:
            agreement.seller.contact.person_name = _text(contact.name)
        if contact.phone:
            agreement.seller.contact.telephone.number = _text(contact.phone)
        if contact.email:
            agreement.seller.contact.email.address = _text(contact.email)


def _tell(made: TradeParty, party: EParty) -> None:
    made.name = _text(party.name)
    address = party.address
    if address is not None:
        made.address.postcode = _text(address.postal_code)
        made.address.line_one = _text(address.line1)
        made.address.line_two = _text(address.line2)
        made.address.city_name = _text(address.city)
        made.address.country_id = party.country
        made.address.country_subdivision = _text(address.state)
    if party.email:
        made.electronic_address.uri_ID = (_EMAIL, _text(party.email))
    if party.vat_id:
        registration = TaxRegistration()
        registration.id = (_VAT_ID, party.vat_id)
        made.tax_registrations.add(registration)


def _line(number: str, line: ELine) -> LineItem:
    made = LineItem()
    made.document.line_id = number
    made.product.name = _text(line.name) or "-"
    if line.description:
        made.product.description = _text(line.description)
    made.agreement.net.amount = _plain(line.price)
    made.delivery.billed_quantity = (_plain(line.quantity), _ONE)
    settlement = made.settlement
    settlement.trade_tax.type_code = _VAT
    settlement.trade_tax.category_code = line.category.value if line.category else ""
    settlement.trade_tax.rate_applicable_percent = _plain(line.rate)
    if line.period is not None:
        settlement.period.start, settlement.period.end = line.period
    if line.allowance is not None:
        allowance = TradeAllowanceCharge()
        allowance.indicator = False
        allowance.actual_amount = _amount(line.allowance)
        allowance.reason_code = _DISCOUNT
        allowance.reason = _text(line.allowance_reason) or "Discount"
        settlement.allowance_charge.add(allowance)
    settlement.monetary_summation.total_amount = _amount(line.net)
    return made


def _settle(made: Document, invoice: EInvoice) -> None:
    settlement = made.trade.settlement
    settlement.currency_code = invoice.currency
    settlement.payment_reference = _text(invoice.number)
    settlement.payment_means.add(_means(invoice))
    for row in invoice.vat:
        settlement.trade_tax.add(_tax(row, invoice.seller.country))
    if invoice.period is not None:
        settlement.period.start, settlement.period.end = invoice.period
        made.trade.delivery.event.occurrence = invoice.period[1]
    if invoice.due_on is not None or invoice.terms:
        settlement.terms.add(_terms(invoice.due_on, invoice.terms))
    sums = settlement.monetary_summation
    sums.line_total = _amount(invoice.net)
    sums.charge_total = sums.allowance_total = _amount(Money.zero(invoice.currency))
    sums.tax_basis_total = (_amount(invoice.net), None)
    sums.tax_total = (_amount(invoice.tax), invoice.currency)
    sums.grand_total = (_amount(invoice.total), None)
    sums.prepaid_total = _amount(invoice.prepaid)
    sums.due_amount = _amount(invoice.due)
    if invoice.preceding:
        settlement.invoice_referenced_document.issuer_assigned_id = _text(invoice.preceding)


def _tax(row: VatRow, seller_country: str | None) -> ApplicableTradeTax:
    made = ApplicableTradeTax()
    made.calculated_amount = _amount(row.tax)
    made.type_code = _VAT
    made.basis_amount = _amount(row.base)
    made.category_code = row.category.value
    if row.category in _REASONS:
        made.exemption_reason = _REASONS[row.category]
    if row.category is Category.REVERSE_CHARGE and seller_country in EU_MEMBERS:
        made.exemption_reason_code = _REVERSE_CHARGE_IN_EU
    made.rate_applicable_percent = _plain(row.rate)
    return made


def _means(invoice: EInvoice) -> PaymentMeans:
    payment = invoice.payment
    made = PaymentMeans()
    made.type_code = payment.means.value
    if payment.words:
        made.information.add(_text(payment.words))
    if payment.means is Means.CARD:
        made.financial_card.id = payment.card
    elif payment.bank is not None:
        made.payee_account.account_name = _text(payment.bank.holder)
        if payment.bank.iban:
            made.payee_account.iban = payment.bank.iban
        else:
            made.payee_account.proprietary_id = _text(payment.bank.account_number)
        if payment.bank.bic:
            made.payee_institution.bic = payment.bank.bic
    return made


def _terms(due_on: date | None, words: str | None) -> PaymentTerms:
    made = PaymentTerms()
    if words:
        made.description = _text(words)
    if due_on is not None:
        made.due = due_on
    return made


def _note(words: str) -> IncludedNote:
    made = IncludedNote()
    made.content = _text(words)
    return made


def _text(words: str | None) -> str:
    """What XML can hold of a text: no control characters, nothing but spaces around it."""
    return _NO_XML.sub("", words or "").strip()


def _amount(amount: Money) -> str:
    """Two decimals in any currency: 28.50, and 500.00 yen."""
    return f"{decimal_of(amount):.2f}"


def _plain(number: Decimal) -> str:
    """A number as it is, without an exponent or zeros that say nothing: 0.0001, 1000."""
    return f"{number.normalize():f}"
