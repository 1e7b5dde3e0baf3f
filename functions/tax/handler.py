"""Tax: previews for a cart, and the places that the built-in table knows."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.bootstrap.http import http_api
from billing.bootstrap.tax import tax_table, taxes
from billing.domain.customers.customer import Address
from billing.edge.http.api import CurrentWork, Listing
from billing.edge.http.scopes import Scope
from billing.schemas.base import Country, Currency, Limit, ShortText
from billing.schemas.parameters import Cursor
from billing.schemas.tax import Amounts, JurisdictionOut, TaxBehavior, TaxCalculationOut, TaxCodes, cart
from billing.services.tax import preview

api = http_api("tax")
providers = taxes()


@api.get("/v1/tax/calculate", scope=Scope.BILLING_READ, answers=TaxCalculationOut)
def calculate_tax(
    work: CurrentWork,
    currency: Annotated[Currency, Query()],
    country: Annotated[Country, Query()],
    amount: Annotated[Amounts, Query()],
    state: Annotated[ShortText | None, Query()] = None,
    postal_code: Annotated[ShortText | None, Query(alias="postalCode")] = None,
    tax_id: Annotated[ShortText | None, Query(alias="taxId")] = None,
    tax_code: Annotated[TaxCodes, Query(alias="taxCode")] = [],  # noqa: B006 - read only
    tax_behavior: Annotated[TaxBehavior, Query(alias="taxBehavior")] = "exclusive",
) -> TaxCalculationOut:
    """Calculate the tax of a cart; a tenant without a provider sees the built-in table's answer."""
    address = Address(postal_code=postal_code, state=state, country=country)
    asked = cart(currency, address, tax_id, amount, tax_code, tax_behavior)
    return TaxCalculationOut.shown(preview.calculate(work, providers, asked))


@api.get("/v1/tax/jurisdictions", scope=Scope.BILLING_READ, answers=JurisdictionOut, many=True)
def list_tax_jurisdictions(
    work: CurrentWork,
    country: Annotated[Country | None, Query()] = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List the jurisdictions of the built-in tax table with their rates, by code."""
    page = preview.jurisdictions(work, tax_table(), country, limit, cursor)
    return Listing.of(page, JurisdictionOut.of)


lambda_handler = api.lambda_handler
