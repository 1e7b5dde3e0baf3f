"""How a tenant's documents look, whom its customers ask, and where they transfer money to, in the API."""

import base64
import binascii
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from billing.domain.kernel.bank import BankDetails, is_bic, is_iban
from billing.domain.kernel.errors import Detail
from billing.domain.kernel.images import CannotDraw, image_type
from billing.domain.tenant import Branding, Contact, TenantLogo
from billing.schemas.base import Email, Name, Request, Resource, ShortText, unsaid
from billing.services.invoicing.looks import INVOICE_ID, NUMBER
from billing.services.tenants import Logo

LARGEST_LOGO = 64 * 1024
_DATA_URL = re.compile(r"data:([a-z]+/[a-z+]+);base64,([A-Za-z0-9+/]*={0,2})", re.ASCII)
_PLACEHOLDERS = (INVOICE_ID, NUMBER)
_AUTHORITY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?(?::[0-9]{1,5})?", re.ASCII)
_URL = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+", re.ASCII)


def _logo(value: Any) -> Any:
    """The picture of a data URL, which is what it says it is."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "a text")
    found = _DATA_URL.fullmatch(value)
    if found is None:
        raise PydanticCustomError("must_be_a_data_url", "data:image/png;base64,...")
    if len(found[2]) > (LARGEST_LOGO + 2) // 3 * 4:
        raise PydanticCustomError("too_long", "64 KB at most")
    try:
        content = base64.b64decode(found[2], validate=True)
        kind = image_type(content)
    except binascii.Error:
        raise PydanticCustomError("must_be_a_data_url", "no base64") from None
    except CannotDraw as why:
        raise PydanticCustomError("cannot_be_drawn", "{what}", {"what": str(why)}) from None
    if kind is None or kind.value != found[1]:
        raise PydanticCustomError("not_that_image", "a PNG, JPEG or SVG, named as what it is")
    return Logo(kind.value, found[2])


def _color(value: str) -> str:
    return value.upper()


def _iban(value: str) -> str:
    compact = value.replace(" ", "").upper()
    if not is_iban(compact):
        raise PydanticCustomError("invalid_iban", "no IBAN: its check digits are wrong")
    return compact


def _bic(value: str) -> str:
    if not is_bic(value.upper()):
        raise PydanticCustomError("invalid_format", "no BIC")
    return value.upper()


def _link(value: str) -> str:
    authority = re.split(r"[/?#]", value.removeprefix("https://"), maxsplit=1)[0]
    bare = value
    for placeholder in _PLACEHOLDERS:
        bare = bare.replace(placeholder, "x")
    # No placeholder in the host, and nobody before an @: whose page it is, no invoice decides.
    if not value.startswith("https://") or not _AUTHORITY.fullmatch(authority) or not _URL.fullmatch(bare):
        raise PydanticCustomError("invalid_format", "an https URL in which {invoiceId} and {number} may stand")
    return value


LogoIn = Annotated[
    Any,
    BeforeValidator(_logo, json_schema_input_type=str),
    Field(
        description="a data URL of a PNG or JPEG, or of an SVG of nothing but shapes and colours;"
        " 64 KB at most, before base64"
    ),
]
Color = Annotated[
    str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$"), AfterValidator(_color), Field(examples=["#1F6FEB"])
]
PaymentLink = Annotated[
    str,
    StringConstraints(max_length=500),
    AfterValidator(_link),
    Field(
        description="a page to pay an invoice on: an https URL; `{invoiceId}` and `{number}` in it stand for these",
        examples=["https://pay.example.com/{invoiceId}"],
    ),
]
Iban = Annotated[
    str, StringConstraints(max_length=42), AfterValidator(_iban), Field(examples=["DE89370400440532013000"])
]
Bic = Annotated[str, StringConstraints(max_length=11), AfterValidator(_bic), Field(examples=["COBADEFFXXX"])]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ()/.\-]{2,38}$"), Field(examples=["+49 30 901820"])]
AccountPart = Annotated[Name, StringConstraints(max_length=50)]


RoutingIn = Annotated[AccountPart | None, Field(description="what leads to an account number: ABA, sort code, BSB")]


class BrandingIn(Request):
    """How documents look. Where it is changed, what is not said stays as it is, and null clears."""

    logo: LogoIn | None = unsaid()
    color: Color | None = unsaid()
    footer: ShortText | None = unsaid()
    legal_line: Annotated[
        ShortText | None, Field(description="what the law wants a seller to say: court, register number, directors")
    ] = unsaid()

    def changes(self) -> dict[str, Any]:
        """What is said, by the names of the domain."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    def branding(self) -> Branding:
        """That of a new tenant; its logo is kept apart."""
        return Branding(self.color, self.footer, self.legal_line)


class BrandingOut(Resource):
    logo: str | None
    color: str | None
    footer: str | None
    legal_line: str | None

    @classmethod
    def of(cls, branding: Branding, logo: TenantLogo | None) -> "BrandingOut":
        shown = f"data:{logo.media_type};base64,{logo.content}" if logo is not None and logo.content else None
        return cls(logo=shown, color=branding.color, footer=branding.footer, legal_line=branding.legal_line)


class BankDetailsIn(Request):
    """Where customers transfer money to; it is changed as a whole."""

    holder: Annotated[Name, StringConstraints(max_length=70)]
    iban: Annotated[Iban | None, Field(description="an IBAN, or an account number, or both")] = None
    bic: Bic | None = None
    account_number: AccountPart | None = None
    routing: RoutingIn = None
    bank_name: Annotated[Name, StringConstraints(max_length=100)] | None = None

    def bad(self) -> list[Detail]:
        """What does not fit together."""
        if self.iban is not None or self.account_number is not None:
            return []
        return [Detail(f"bankDetails.{name}", "iban_or_account_number") for name in ("iban", "accountNumber")]

    def details(self) -> BankDetails:
        return BankDetails(self.holder, self.iban, self.bic, self.account_number, self.routing, self.bank_name)


class ContactIn(Request):
    """Whom a buyer asks about an invoice; an XRechnung needs all three. It is changed as a whole."""

    name: Annotated[Name | None, Field(description="a person or a department")] = None
    phone: Phone | None = None
    email: Email | None = None

    def contact(self) -> Contact:
        return Contact(self.name, self.phone, self.email)


class ContactOut(Resource):
    name: str | None
    phone: str | None
    email: str | None

    @classmethod
    def of(cls, contact: Contact | None) -> "ContactOut | None":
        return None if contact is None else cls(name=contact.name, phone=contact.phone, email=contact.email)


class BankDetailsOut(Resource):
    holder: str
    iban: str | None
    bic: str | None
    account_number: str | None
    routing: str | None
    bank_name: str | None

    @classmethod
    def of(cls, bank: BankDetails | None) -> "BankDetailsOut | None":
        if bank is None:
            return None
        return cls(
            holder=bank.holder,
            iban=bank.iban,
            bic=bank.bic,
            account_number=bank.account_number,
            routing=bank.routing,
            bank_name=bank.bank_name,
        )
