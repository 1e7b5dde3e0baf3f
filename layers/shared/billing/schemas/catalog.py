"""Plans in the API (contract.md sections 3 and 6)."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from billing.domain.currencies import charge_step
from billing.domain.errors import Detail, ValidationFailed
from billing.domain.money import MICROS_PER_MINOR
from billing.domain.periods import Interval
from billing.domain.plan import Plan
from billing.domain.pricing import Component, ComponentType, PricingModel, Tier
from billing.schemas.base import Amount, Currency, Micros, Name, Request, Resource, Time
from billing.services.catalog import NewPlan

PlanId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_\-]{0,63}$")]
ComponentKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_\-]{0,63}$")]


LARGEST_QUANTITY = 10**12
MOST_TIERS = 500
"""Over all components: a plan is one DynamoDB item."""


class TierIn(Request):
    up_to: Annotated[int, Field(ge=1, le=LARGEST_QUANTITY)] | None
    unit_amount: Micros = 0
    flat_amount: Amount = 0

    def tier(self) -> Tier:
        return Tier(None if self.up_to is None else Decimal(self.up_to), self.unit_amount, self.flat_amount)


class ComponentIn(Request):
    """A price component. Metered ones come with usage metering; until then they are refused by name."""

    key: ComponentKey
    type: Literal["flat", "licensed"]
    model: Literal["per_unit", "graduated", "volume", "package"] | None = None
    unit_amount: Micros | None = None
    tiers: Annotated[list[TierIn], Field(max_length=100)] = []
    package_size: Annotated[int, Field(ge=1, le=LARGEST_QUANTITY)] | None = None
    free_units: Annotated[int, Field(ge=0, le=LARGEST_QUANTITY)] = 0
    minimum: Amount | None = None

    @field_validator("unit_amount", mode="after")
    @classmethod
    def _whole_where_charged_as_it_is(cls, value: int | None, info: ValidationInfo) -> int | None:
        if info.data.get("type") == "flat" and value is not None and value % MICROS_PER_MINOR:
            raise PydanticCustomError("sub_minor_unit", "a flat amount is charged as it is")
        return value

    def charged_as_they_are(self) -> list[tuple[str, int]]:
        """The amounts that go onto an invoice unchanged, with their fields."""
        found = [(f"tiers.{n}.flatAmount", tier.flat_amount) for n, tier in enumerate(self.tiers)]
        if self.minimum is not None:
            found.append(("minimum", self.minimum))
        if self.type == "flat" and self.unit_amount is not None:
            found.append(("unitAmount", self.unit_amount))
        return found

    def component(self) -> Component:
        model = self.model or (None if self.type == "flat" else "per_unit")
        return Component(
            key=self.key,
            type=ComponentType(self.type),
            model=PricingModel(model) if model else None,
            unit_amount=self.unit_amount,
            tiers=tuple(tier.tier() for tier in self.tiers),
            package_size=self.package_size,
            free_units=self.free_units,
            minimum=self.minimum,
            meter=None,
        )


class PlanIn(Request):
    id: PlanId
    name: Name
    currency: Currency
    interval: Literal["day", "week", "month", "year"]
    interval_count: Annotated[int, Field(ge=1, le=366)] = 1
    trial_days: Annotated[int, Field(ge=0, le=730)] = 0
    components: Annotated[list[ComponentIn], Field(min_length=1, max_length=50)]

    def new(self) -> NewPlan:
        """The plan that is asked for.

        Raises:
            ValidationFailed: a component contradicts itself.
        """
        if sum(len(component.tiers) for component in self.components) > MOST_TIERS:
            raise ValidationFailed.of("components", "too_many_tiers")
        self._check_chargeable()
        keys = [component.key for component in self.components]
        for n, key in enumerate(keys):
            if key in keys[:n]:
                raise ValidationFailed.of(f"components.{n}.key", "duplicate_key")
        return NewPlan(
            id=self.id,
            name=self.name,
            currency=self.currency,
            interval=Interval(self.interval),
            interval_count=self.interval_count,
            trial_days=self.trial_days,
            tax_behavior="exclusive",
            components=tuple(_component(n, component) for n, component in enumerate(self.components)),
        )

    def _check_chargeable(self) -> None:
        """What is charged as it is must be chargeable: KWD 5.125 is not, for cards take it to two decimals."""
        step = charge_step(self.currency) * MICROS_PER_MINOR
        bad = [
            Detail(f"components.{n}.{field}", "not_chargeable_in_currency")
            for n, component in enumerate(self.components)
            for field, amount in component.charged_as_they_are()
            if amount % step
        ]
        if bad:
            raise ValidationFailed(f"Amounts that cannot be charged in {self.currency}", tuple(bad))


def _component(n: int, component: ComponentIn) -> Component:
    try:
        return component.component()
    except ValueError as error:
        raise ValidationFailed.of(f"components.{n}", "inconsistent", f"components.{n}: {error}") from None


class TierOut(Resource):
    up_to: int | None
    unit_amount: int
    flat_amount: int


class ComponentOut(Resource):
    key: str
    type: str
    model: str | None
    unit_amount: int | None
    tiers: list[TierOut]
    package_size: int | None
    free_units: int
    minimum: int | None

    @classmethod
    def of(cls, component: Component) -> "ComponentOut":
        values: dict[str, Any] = {
            "key": component.key,
            "type": component.type.value,
            "model": component.model.value if component.model else None,
            "unit_amount": component.unit_amount,
            "tiers": [
                TierOut(
                    up_to=None if tier.up_to is None else int(tier.up_to),
                    unit_amount=tier.unit_amount,
                    flat_amount=tier.flat_amount,
                )
                for tier in component.tiers
            ],
            "package_size": component.package_size,
            "free_units": component.free_units,
            "minimum": component.minimum,
        }
        return cls(**values)


class PlanOut(Resource):
    id: str
    version: int
    name: str
    currency: str
    interval: str
    interval_count: int
    trial_days: int
    tax_behavior: str
    components: list[ComponentOut]
    active: bool
    catalog: str
    created_at: Time

    @classmethod
    def of(cls, plan: Plan) -> "PlanOut":
        return cls(
            id=plan.id,
            version=plan.plan_version,
            name=plan.name,
            currency=plan.currency,
            interval=plan.interval.value,
            interval_count=plan.interval_count,
            trial_days=plan.trial_days,
            tax_behavior=plan.tax_behavior,
            components=[ComponentOut.of(component) for component in plan.components],
            active=plan.active,
            catalog="platform" if plan.tenant_id == "platform" else "tenant",
            created_at=plan.created_at,
        )
