"""Tax in the API."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from billing.domain.customers.customer import Address
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.lines.line import TaxAmount
from billing.domain.tax.rules import REVERSE_CHARGE_COUNTRIES, Treatment
from billing.schemas.base import Amount, InQuery, Quantity, Resource
from billing.services.tax.assessment import Item
from billing.services.tax.preview import Cart, KnownPlace, Preview, Taxed

MOST_ITEMS = 100


def _several(value: Any) -> Any:
    """A parameter that is there once comes as its text, not as a list of one; one that is there twice as ``a,b``."""
    return value.split(",") if isinstance(value, str) else value


Amounts = Annotated[
    list[Annotated[Amount, InQuery]], Field(min_length=1, max_length=MOST_ITEMS), BeforeValidator(_several)
]
TaxCode = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9_\-]*$")]
TaxCodes = Annotated[list[TaxCode], Field(max_length=MOST_ITEMS), BeforeValidator(_several)]
TaxBehavior = Literal["exclusive", "inclusive"]


def cart(
    currency: str, address: Address, tax_id: str | None, amounts: list[int], codes: list[str], behavior: TaxBehavior
) -> Cart:
    """The cart of a query: the nth tax code is the nth amount's; none, or one for all, is as good.

    Raises:
        ValidationFailed: another number of codes than of amounts, or an amount that nobody can be charged.
    """
    step = charge_step(currency) * MICROS_PER_MINOR
    bad = [Detail(f"amount.{n}", "not_chargeable_in_currency") for n, amount in enumerate(amounts) if amount % step]
    if len(codes) not in (0, 1, len(amounts)):
        bad.append(Detail("taxCode", "must_be_as_many_as_amounts"))
    if bad:
        raise ValidationFailed(", ".join(f"{each.field}: {each.reason}" for each in bad[:5]), tuple(bad))
    parallel = codes if len(codes) == len(amounts) else [codes[0] if codes else ""] * len(amounts)
    items = tuple(
        Item(Money(amount, currency), behavior == "inclusive", code or None)
        for amount, code in zip(amounts, parallel, strict=True)
    )
    return Cart(currency, address, tax_id, items)


class TaxAmountOut(Resource):
    name: str
    rate_percent: Quantity
    amount: int
    inclusive: bool

    @classmethod
    def of(cls, tax: TaxAmount) -> "TaxAmountOut":
        return cls(name=tax.name, rate_percent=tax.rate_percent, amount=tax.amount.micros, inclusive=tax.inclusive)


class TaxedOut(Resource):
    """``amount`` as it was asked about; ``total`` is what the buyer would pay."""

    amount: int
    tax: int
    total: int
    taxes: list[TaxAmountOut]

    @classmethod
    def of(cls, taxed: Taxed) -> "TaxedOut":
        return cls(**_taxed(taxed))


class TaxCalculationOut(TaxedOut):
    """``provider`` is who said so: ``builtin`` also for a tenant that has none."""

    currency: str
    items: list[TaxedOut]
    provider: str
    jurisdiction: str
    reverse_charge: bool
    notes: list[str]

    @classmethod
    def shown(cls, preview: Preview) -> "TaxCalculationOut":
        return cls(
            **_taxed(preview.whole),
            currency=preview.whole.amount.currency,
            items=[TaxedOut.of(each) for each in preview.items],
            provider=preview.provider.value,
            jurisdiction=preview.jurisdiction,
            reverse_charge=preview.treatment is Treatment.REVERSE_CHARGE,
            notes=list(preview.notes),
        )


def _taxed(taxed: Taxed) -> dict[str, Any]:
    return {
        "amount": taxed.amount.micros,
        "tax": taxed.tax.micros,
        "total": taxed.total.micros,
        "taxes": [TaxAmountOut.of(each) for each in taxed.taxes],
    }


class JurisdictionRateOut(Resource):
    """``validFrom`` is its first day, null where it goes back as far as the table does; ``current``: in force today."""

    category: str
    name: str
    percent: Quantity
    valid_from: date | None
    current: bool


class JurisdictionOut(Resource):
    """``code`` is ISO 3166; ``reverseCharge``: businesses abroad account for the tax themselves."""

    code: str
    country: str
    state: str | None
    name: str
    reverse_charge: bool
    rates: list[JurisdictionRateOut]

    @classmethod
    def of(cls, known: KnownPlace) -> "JurisdictionOut":
        place = known.jurisdiction.place
        rates = sorted(known.jurisdiction.rates, key=lambda rate: (rate.category, rate.name, rate.since))
        return cls(
            code=place.code,
            country=place.country,
            state=place.state,
            name=known.jurisdiction.name,
            reverse_charge=place.country in REVERSE_CHARGE_COUNTRIES,
            rates=[
                JurisdictionRateOut(
                    category=rate.category,
                    name=rate.name,
                    percent=rate.percent,
                    valid_from=rate.valid_from,
                    current=rate in known.current,
                )
                for rate in rates
            ],
        )
