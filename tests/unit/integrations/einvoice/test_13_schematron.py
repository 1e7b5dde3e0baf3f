"""Issue 13: each kind of document is held against the official schema and rules of EN 16931, by other libraries."""

from functools import cache

import facturx
import pytest
from lxml import etree

from billing.integrations.einvoice import cii
from billing.services.invoicing.einvoice import Profile, problems
from tests.support import einvoices
from tests.support.schematron import broken_rules

KINDS = sorted(einvoices.dozen())
CODE_OF_PROFILE = "FX-SCH-A-000556"
"""The rules are Factur-X's, which know no XRechnung: that XML breaks the one which lists the names of profiles."""
EMPTY = "PEPPOL-EN16931-R008"
"""A warning: the schema wants an element of delivery, which is empty where nobody knows when it was supplied."""
NAMES = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
}


@cache
def written(kind: str, profile: Profile) -> bytes:
    _, invoice = einvoices.dozen()[kind]
    return cii.written(invoice, profile)


@cache
def broken() -> dict[tuple[str, Profile], dict[str, str]]:
    """What each document breaks; all are looked at by one process, as the rules take a second to compile."""
    asked = [(kind, profile) for kind in KINDS for profile in Profile]
    return dict(zip(asked, broken_rules([written(*each) for each in asked]), strict=True))


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_document_keeps_the_schema_and_the_rules(kind: str, profile: Profile) -> None:
    _, invoice = einvoices.dozen()[kind]
    assert problems(invoice, profile) == []
    assert facturx.xml_check_xsd(written(kind, Profile.FACTUR_X), level="en16931")
    allowed = {CODE_OF_PROFILE} if profile is Profile.XRECHNUNG else set()
    assert {key: words for key, words in broken()[kind, profile].items() if key not in allowed | {EMPTY}} == {}
    if profile is Profile.XRECHNUNG:
        assert CODE_OF_PROFILE in broken()[kind, profile]


def test_the_rules_are_awake() -> None:
    """A total that is a cent off, and a buyer without a country, are found."""
    good = written("standard", Profile.FACTUR_X)
    wrong = good.replace(b"<ram:GrandTotalAmount>119.00<", b"<ram:GrandTotalAmount>119.01<")
    placeless = good.replace(b"<ram:CountryID>FR</ram:CountryID>", b"")
    assert good not in (wrong, placeless)
    found = broken_rules([wrong, placeless])
    assert "BR-CO-15" in found[0]
    assert any(rule.startswith(("BR-11", "FX-SCH-A-000")) for rule in found[1])


@pytest.mark.parametrize("kind", KINDS)
def test_an_xrechnung_has_what_germany_asks_for_besides(kind: str) -> None:
    """The rules BR-DE of XRechnung 3.0, whose own schematron no package has: what they look for, looked for here."""
    root = etree.fromstring(written(kind, Profile.XRECHNUNG))

    def texts(path: str) -> list[str]:
        return [str(each.text) for each in root.iterfind(path, NAMES) if (each.text or "").strip()]

    seller, buyer = (f".//ram:{side}TradeParty/" for side in ("Seller", "Buyer"))
    contact = seller + "ram:DefinedTradeContact/"
    (means,) = texts(".//ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode")  # BR-DE-1
    assert len(texts(".//ram:BuyerReference")) == 1  # BR-DE-15
    for path in (
        seller + "ram:PostalTradeAddress/ram:CityName",  # BR-DE-3
        seller + "ram:PostalTradeAddress/ram:PostcodeCode",  # BR-DE-4
        contact + "ram:PersonName",  # BR-DE-5
        contact + "ram:TelephoneUniversalCommunication/ram:CompleteNumber",  # BR-DE-6
        contact + "ram:EmailURIUniversalCommunication/ram:URIID",  # BR-DE-7
        buyer + "ram:PostalTradeAddress/ram:CityName",  # BR-DE-8
        buyer + "ram:PostalTradeAddress/ram:PostcodeCode",  # BR-DE-9
        seller + "ram:URIUniversalCommunication/ram:URIID",  # PEPPOL-EN16931-R020
        buyer + "ram:URIUniversalCommunication/ram:URIID",  # PEPPOL-EN16931-R010
        ".//ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID",  # PEPPOL-EN16931-R001
    ):
        assert len(texts(path)) == 1, path
    assert len(texts(seller + "ram:SpecifiedTaxRegistration/ram:ID")) == 1  # BR-DE-16
    rows = root.findall(".//ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax", NAMES)
    assert all(row.findtext("ram:RateApplicablePercent", "", NAMES) for row in rows)  # BR-DE-14
    account = root.find(".//ram:PayeePartyCreditorFinancialAccount", NAMES) is not None
    card = root.find(".//ram:ApplicableTradeSettlementFinancialCard", NAMES) is not None
    assert (account, card) == (means in ("30", "58"), means == "48")  # BR-DE-23, BR-DE-24
    (type_code,) = texts(".//rsm:ExchangedDocument/ram:TypeCode")
    assert type_code in ("380", "381")  # BR-DE-17
    guideline = "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
    assert texts(".//ram:GuidelineSpecifiedDocumentContextParameter/ram:ID") == [guideline]  # BR-DE-21


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_is_its_quantity_times_its_price_less_its_allowance(kind: str) -> None:
    """PEPPOL-EN16931-R120: the sum that a reader makes of a line is the line's, to the cent."""
    _, invoice = einvoices.dozen()[kind]
    for line in invoice.lines:
        off = cii.decimal_of(line.allowance) if line.allowance else 0
        assert abs(line.quantity * line.price - off - cii.decimal_of(line.net)) <= cii.Decimal("0.005"), line
        assert line.price >= 0
