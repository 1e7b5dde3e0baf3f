"""Meters in the API."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from billing.domain.catalog.meter import MOST_SHARDS, MOST_SHARDS_WITH_DIMENSIONS, QUANTITY, Aggregation, Meter
from billing.domain.tenant import PLATFORM
from billing.schemas.base import Immutable, MetadataKey, Name, Request, Resource, Time, unsaid
from billing.schemas.catalog.plans import MOST_DIMENSIONS, Dimension, MeterKey
from billing.services.catalog.meters import NewMeter

Shards = Annotated[
    int,
    Field(
        ge=1,
        le=MOST_SHARDS,
        description="over how many items a total is spread, for many writers at once; 8 at most with dimensions",
    ),
]


class MeterIn(Request):
    # In this order: what is measured is checked against how it is aggregated, and the dimensions against both.
    key: MeterKey
    name: Annotated[Name | None, Field(description="the key where it is not said")] = None
    aggregation: Literal["sum", "count", "max", "last", "unique"]
    property: Annotated[
        MetadataKey | None,
        Field(
            validate_default=True,
            description="which of an event's properties is measured: of sum, max and last `quantity` where it is not "
            "said; unique needs one; count measures none",
        ),
    ] = None
    dimensions: Annotated[
        list[Dimension],
        Field(
            max_length=MOST_DIMENSIONS,
            description="properties by whose values totals are kept apart, for components to filter and group by",
        ),
    ] = []
    shards: Shards = 1

    @field_validator("property", mode="after")
    @classmethod
    def _fits_the_aggregation(cls, value: str | None, info: ValidationInfo) -> str | None:
        aggregation = info.data.get("aggregation")
        if aggregation == "count" and value is not None:
            raise PydanticCustomError("not_with_count", "an event counts as one, whatever it says")
        if aggregation == "unique" and value is None:
            raise PydanticCustomError("missing_required_field", "values of which property")
        if aggregation == "unique" and value == QUANTITY:
            raise PydanticCustomError("must_not_be_quantity", "quantities are numbers, not values")
        return value

    @field_validator("dimensions", mode="after")
    @classmethod
    def _keep_totals_apart(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if info.data.get("aggregation") == "unique" and value:
            raise PydanticCustomError("not_with_unique", "of 3 users here and 2 there, one may be the same")
        measured = info.data.get("property") or QUANTITY
        bad = {n: "duplicate_dimension" for n, name in enumerate(value) if name in value[:n]}
        bad |= {n: "measured_property" for n, name in enumerate(value) if name in (measured, QUANTITY)}
        if bad:
            problems = [
                InitErrorDetails(type=PydanticCustomError(reason, "no dimension"), loc=(n,), input=value[n])
                for n, reason in sorted(bad.items())
            ]
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return value

    @field_validator("shards", mode="after")
    @classmethod
    def _not_too_many(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("dimensions") and value > MOST_SHARDS_WITH_DIMENSIONS:
            raise PydanticCustomError("too_many_with_dimensions", "each of them has totals of its own")
        return value

    def new(self) -> NewMeter:
        """The meter that is asked for."""
        aggregation = Aggregation(self.aggregation)
        return NewMeter(
            key=self.key,
            name=self.name or self.key,
            aggregation=aggregation,
            property=None if aggregation is Aggregation.COUNT else self.property or QUANTITY,
            dimensions=tuple(self.dimensions),
            shards=self.shards,
        )


class MeterChanges(Request):
    """What may be changed of a meter; a field that is not there stays as it is. What it counts never changes."""

    name: Name = unsaid()
    shards: Shards = unsaid()
    id: Immutable = None
    key: Immutable = None
    aggregation: Immutable = None
    property: Immutable = None
    dimensions: Immutable = None

    def changes(self) -> dict[str, Any]:
        """The changed fields by their names in the domain."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class MeterOut(Resource):
    id: str
    key: str
    name: str
    aggregation: str
    property: str | None
    dimensions: list[str]
    shards: int
    catalog: str
    created_at: Time
    version: int

    @classmethod
    def of(cls, meter: Meter) -> "MeterOut":
        return cls(
            id=meter.key,
            key=meter.key,
            name=meter.name,
            aggregation=meter.aggregation.value,
            property=meter.property,
            dimensions=list(meter.dimensions),
            shards=meter.shards,
            catalog="platform" if meter.tenant_id == PLATFORM else "tenant",
            created_at=meter.created_at,
            version=meter.version,
        )
