"""The customer portal in the API: a tenant's settings of it, and links into it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from billing.domain.access.redirects import may_be_registered
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.portal import MOST_PLANS, CancelWhen, Feature, PortalTerms
from billing.schemas.base import Email, Id, Locale, Name, Request, Resource, ShortText, Time, unsaid
from billing.schemas.customers import AddressIn
from billing.services.portal.sessions import Invitation, NewPortalLink

_ADDRESS = "address."


def _once(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _leads_back(value: str) -> str:
    if not value.startswith(("https://", "http://")) or not may_be_registered(value):
        raise PydanticCustomError("invalid_format", "an https URL, or http to 127.0.0.1 or [::1]")
    return value


FeatureName = Literal[
    "invoices", "paymentMethods", "changePlan", "quantities", "pause", "cancel", "details", "usage"
]  # fmt: skip
Features = Annotated[list[FeatureName], Field(max_length=len(Feature)), AfterValidator(_once)]
Plans = Annotated[list[Id], Field(max_length=MOST_PLANS), AfterValidator(_once)]
ReturnUrl = Annotated[
    str,
    StringConstraints(max_length=512),
    AfterValidator(_leads_back),
    Field(examples=["https://app.example.com/account"]),
]


class PortalIn(Request):
    """What customers may do in the portal. What is not said stays as it is."""

    features: Annotated[
        Features,
        Field(
            description="what is on. `changePlan` offers `plans`; `cancel` goes as the field `cancel` says. What is off"
            " is not shown, and refused"
        ),
    ] = unsaid()
    plans: Annotated[Plans, Field(description="the plans that may be changed to, in this order")] = unsaid()
    cancel: Annotated[
        Literal["period_end", "now", "either"],
        Field(description="when what a customer cancels ends: with its period, at once, or as the customer chooses"),
    ] = unsaid()

    def changes(self) -> dict[str, Any]:
        """What is said, by the names of the domain."""
        found: dict[str, Any] = {}
        if "features" in self.model_fields_set:
            found["features"] = tuple(map(Feature, self.features))
        if "plans" in self.model_fields_set:
            found["plans"] = tuple(self.plans)
        if "cancel" in self.model_fields_set:
            found["cancel"] = CancelWhen(self.cancel)
        return found


class PortalOut(Resource):
    features: list[str]
    plans: list[str]
    cancel: str

    @classmethod
    def of(cls, terms: PortalTerms) -> "PortalOut":
        features = [each.value for each in terms.features]
        return cls(features=features, plans=list(terms.plans), cancel=terms.cancel.value)


class PortalSessionIn(Request):
    customer_id: Id
    return_url: Annotated[ReturnUrl | None, Field(description="where the portal leads back to")] = None
    features: Annotated[
        Features | None, Field(description="what this customer may do of what is on; all of it where it is not said")
    ] = None
    locale: Annotated[Locale | None, Field(description="the language of the pages; null for the customer's")] = None

    def new(self) -> NewPortalLink:
        features = None if self.features is None else tuple(map(Feature, self.features))
        return NewPortalLink(self.customer_id, features, self.locale, self.return_url)


class PortalSessionOut(Resource):
    id: str
    customer_id: str
    url: Annotated[
        str | None,
        Field(description="opens the portal, once; null where this answer is repeated after the link was used"),
    ]
    expires_at: Annotated[Time, Field(description="until when the link can be used; what it opens lasts for an hour")]

    @classmethod
    def of(cls, made: Invitation) -> "PortalSessionOut":
        link = made.link
        return cls(id=link.id, customer_id=link.customer_id, url=made.url, expires_at=link.expires_at)


class DetailsIn(Request):
    """What a customer may change of itself; all of it is said each time."""

    name: Name
    email: Email | None = None
    address: AddressIn | None = None
    tax_id: ShortText | None = None


def details(form: Mapping[str, str]) -> dict[str, object]:
    """The changes of a customer that the portal's form asks for.

    Raises:
        ValidationFailed: naming every field that is wrong.
    """
    address = {name.removeprefix(_ADDRESS): value for name, value in form.items() if name.startswith(_ADDRESS)}
    body = {name: value for name, value in form.items() if not name.startswith(_ADDRESS)}
    try:
        read = DetailsIn.model_validate({"name": "", **body, **({"address": address} if address else {})})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        bad = [(".".join(map(str, each["loc"])), each["type"].removeprefix("string_")) for each in found]
        raise ValidationFailed.all([Detail(field, reason) for field, reason in bad]) from None
    place = read.address.address() if read.address is not None else None
    return {"name": read.name, "email": read.email, "address": place, "tax_id": read.tax_id}
