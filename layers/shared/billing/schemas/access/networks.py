"""Networks in the API: from where a caller is let in."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from billing.domain.access.networks import canonical


def _network(value: str) -> str:
    try:
        return canonical(value)
    except ValueError:
        raise PydanticCustomError("invalid_network", "an address or a CIDR without bits behind its prefix") from None


Network = Annotated[
    str,
    StringConstraints(max_length=50),
    AfterValidator(_network),
    Field(description="an IPv4 or IPv6 address, or a CIDR", examples=["203.0.113.0/24"]),
]
