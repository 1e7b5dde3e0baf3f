"""An answer that is an error, though what was staged is committed."""

from dataclasses import dataclass

from billing.domain.kernel.errors import BillingError


@dataclass(frozen=True, slots=True)
class Refused:
    """What a use case answers where something happened and was no success: a declined charge is in the books.

    An error that is raised takes back what was staged; this one does not.
    """

    error: BillingError
