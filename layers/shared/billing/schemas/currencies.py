"""Currencies as the API knows them."""

from typing import Annotated

from pydantic import Field

from billing.domain.kernel.currencies import charge_minimum, charge_step, is_charged, minor_digits
from billing.domain.kernel.money import MICROS_PER_MINOR
from billing.schemas.base import Resource


class CurrencyOut(Resource):
    """A currency, and in which amounts a card can be charged in it."""

    code: Annotated[str, Field(description="ISO 4217")]
    minor_digits: Annotated[
        int,
        Field(
            description="decimal digits of its minor unit, as ISO 4217 says: HUF 2, where browsers say 0. An amount in"
            " micro-units has three more"
        ),
    ]
    chargeable: Annotated[bool, Field(description="whether cards can be charged in it at all (Stripe)")]
    charge_step: Annotated[
        int, Field(description="amounts to be charged are multiples of this, in micro-units: KWD 10000 (0.010)")
    ]
    charge_minimum: Annotated[
        int, Field(description="the least that a card can be charged, in micro-units; 0 where none is known")
    ]

    @classmethod
    def of(cls, code: str) -> "CurrencyOut":
        return cls(
            code=code,
            minor_digits=minor_digits(code),
            chargeable=is_charged(code),
            charge_step=charge_step(code) * MICROS_PER_MINOR,
            charge_minimum=charge_minimum(code) * MICROS_PER_MINOR,
        )
