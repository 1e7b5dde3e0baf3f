"""Plans in the API."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from billing.domain.catalog.plan import PauseBilling, Plan, TaxBehavior
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel, Tier
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.kernel.money import MICROS_PER_MINOR
from billing.domain.kernel.periods import Interval
from billing.domain.kernel.proration import ProrationUnit
from billing.domain.tenant import PLATFORM
from billing.schemas.base import (
    Amount,
    Currency,
    Immutable,
    MetadataKey,
    Micros,
    Name,
    Request,
    Resource,
    Time,
    unsaid,
)
from billing.services.catalog.plans import NewPlan

PlanId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_\-]{0,63}$")]
ComponentKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_\-]{0,63}$")]
MeterKey = ComponentKey
Dimension = MetadataKey
MOST_DIMENSIONS = 5


LARGEST_QUANTITY = 10**12
MOST_TIERS = 500
MOST_FILTER_VALUES = 500
"""Both over all components: a plan is one DynamoDB item."""


class TierIn(Request):
    up_to: Annotated[int, Field(ge=1, le=LARGEST_QUANTITY)] | None
    unit_amount: Micros = 0
    flat_amount: Amount = 0

    def tier(self) -> Tier:
        return Tier(None if self.up_to is None else Decimal(self.up_to), self.unit_amount, self.flat_amount)


FilterValue = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Filters = Annotated[
    dict[Dimension, Annotated[list[FilterValue], Field(min_length=1, max_length=50)]],
    Field(max_length=MOST_DIMENSIONS, description="only usage whose dimension has one of these values"),
]


class ComponentIn(Request):
    """A price component; a metered one names the meter that counts its quantity."""

    key: ComponentKey
    type: Literal["flat", "licensed", "metered"]
    meter: MeterKey | None = None
    model: Literal["per_unit", "graduated", "volume", "package"] | None = None
    unit_amount: Micros | None = None
    tiers: Annotated[list[TierIn], Field(max_length=100)] = []
    package_size: Annotated[int, Field(ge=1, le=LARGEST_QUANTITY)] | None = None
    free_units: Annotated[int, Field(ge=0, le=LARGEST_QUANTITY)] = 0
    minimum: Amount | None = None
    filters: Filters = {}
    group_by: Annotated[
        list[Dimension],
        Field(max_length=MOST_DIMENSIONS, description="dimensions by whose values usage is priced and billed apart"),
    ] = []

    @field_validator("unit_amount", mode="after")
    @classmethod
    def _whole_where_charged_as_it_is(cls, value: int | None, info: ValidationInfo) -> int | None:
        if info.data.get("type") == "flat" and value is not None and value % MICROS_PER_MINOR:
            raise PydanticCustomError("sub_minor_unit", "a flat amount is charged as it is")
        return value

    def problems(self) -> list[tuple[str, str]]:
        """What is wrong with single fields that the types cannot say: the field and the reason."""
        if self.type != "metered":
            metered = {"meter": self.meter, "filters": self.filters, "groupBy": self.group_by}
            return [(name, "only_for_metered") for name, value in metered.items() if value]
        return [*([("meter", "missing_required_field")] if self.meter is None else []), *self._twice()]

    def _twice(self) -> list[tuple[str, str]]:
        values = [
            (f"filters.{name}.{k}", each[:k], each[k]) for name, each in self.filters.items() for k in range(len(each))
        ]
        values += [(f"groupBy.{k}", self.group_by[:k], name) for k, name in enumerate(self.group_by)]
        return [(field, "duplicate_value") for field, before, value in values if value in before]

    def component(self) -> Component:
        """The component.

        Raises:
            ValueError: its parts do not fit together.
        """
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
            meter=self.meter,
            filters={name: tuple(values) for name, values in self.filters.items()},
            group_by=tuple(self.group_by),
        )


ComponentsIn = Annotated[list[ComponentIn], Field(min_length=1, max_length=50)]
TrialDays = Annotated[int, Field(ge=0, le=730)]
ProrationUnitIn = Literal["second", "day"]
PauseBillingIn = Literal["credit", "keep"]
TaxBehaviorIn = Literal["exclusive", "inclusive"]


class PlanIn(Request):
    id: PlanId
    name: Name
    currency: Currency
    interval: Literal["day", "week", "month", "year"]
    interval_count: Annotated[int, Field(ge=1, le=366)] = 1
    trial_days: TrialDays = 0
    proration_unit: ProrationUnitIn = "second"
    pause_billing: PauseBillingIn = "credit"
    tax_behavior: TaxBehaviorIn = "exclusive"
    components: ComponentsIn

    def new(self) -> NewPlan:
        """The plan that is asked for.

        Raises:
            ValidationFailed: components contradict themselves or each other.
        """
        return NewPlan(
            id=self.id,
            name=self.name,
            currency=self.currency,
            interval=Interval(self.interval),
            interval_count=self.interval_count,
            trial_days=self.trial_days,
            proration_unit=ProrationUnit(self.proration_unit),
            pause_billing=PauseBilling(self.pause_billing),
            tax_behavior=TaxBehavior(self.tax_behavior),
            components=_components(self.components),
        )


class PlanChanges(Request):
    """What the next version of a plan may have different; a field that is not there stays as it is."""

    name: Name = unsaid()
    trial_days: TrialDays = unsaid()
    proration_unit: ProrationUnitIn = unsaid()
    pause_billing: PauseBillingIn = unsaid()
    tax_behavior: TaxBehaviorIn = unsaid()
    components: ComponentsIn = unsaid()
    id: Immutable = None
    currency: Immutable = None
    interval: Immutable = None
    interval_count: Immutable = None

    def changes(self) -> dict[str, object]:
        """The changed fields by their names in the domain.

        Raises:
            ValidationFailed: components contradict themselves or each other.
        """
        convert: dict[str, Any] = {
            "proration_unit": ProrationUnit,
            "pause_billing": PauseBilling,
            "tax_behavior": TaxBehavior,
            "components": _components,
        }
        return {name: convert.get(name, _same)(getattr(self, name)) for name in self.model_fields_set}


def _same(value: Any) -> Any:
    return value


def _components(asked: list[ComponentIn]) -> tuple[Component, ...]:
    """The components, or all that is wrong with them at once."""
    if sum(len(component.tiers) for component in asked) > MOST_TIERS:
        raise ValidationFailed.of("components", "too_many_tiers")
    if sum(len(values) for component in asked for values in component.filters.values()) > MOST_FILTER_VALUES:
        raise ValidationFailed.of("components", "too_many_filter_values")
    made: list[Component] = []
    bad: list[Detail] = []
    messages: list[str] = []
    keys = [component.key for component in asked]
    for n, component in enumerate(asked):
        place = f"components.{n}"
        problems = component.problems()
        if component.key in keys[:n]:
            problems.append(("key", "duplicate_key"))
        bad += [Detail(f"{place}.{field}", reason) for field, reason in problems]
        messages += [f"{place}.{field}: {reason}" for field, reason in problems]
        if problems:
            continue
        try:
            made.append(component.component())
        except ValueError as error:
            bad.append(Detail(place, "inconsistent"))
            messages.append(f"{place}: {error}")
    if bad:
        raise ValidationFailed(", ".join(messages[:5]), tuple(bad))
    return tuple(made)


class TierOut(Resource):
    up_to: int | None
    unit_amount: int
    flat_amount: int


class ComponentOut(Resource):
    key: str
    type: str
    meter: str | None
    model: str | None
    unit_amount: int | None
    tiers: list[TierOut]
    package_size: int | None
    free_units: int
    minimum: int | None
    filters: dict[str, list[str]]
    group_by: list[str]

    @classmethod
    def of(cls, component: Component) -> "ComponentOut":
        values: dict[str, Any] = {
            "key": component.key,
            "type": component.type.value,
            "meter": component.meter,
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
            "filters": {name: list(values) for name, values in component.filters.items()},
            "group_by": list(component.group_by),
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
    proration_unit: str
    pause_billing: str
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
            proration_unit=plan.proration_unit.value,
            pause_billing=plan.pause_billing.value,
            tax_behavior=plan.tax_behavior.value,
            components=[ComponentOut.of(component) for component in plan.components],
            active=plan.active,
            catalog="platform" if plan.tenant_id == PLATFORM else "tenant",
            created_at=plan.created_at,
        )
