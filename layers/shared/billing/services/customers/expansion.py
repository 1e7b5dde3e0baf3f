"""The customers of a page of something else, in one batch."""

from collections.abc import Iterable
from typing import Protocol

from billing.domain.customers.customer import Customer
from billing.services.kernel.work import Ref, Work


class OfCustomer(Protocol):
    """What has a customer."""

    @property
    def customer_id(self) -> str:
        """Its id."""


def customers_of(work: Work, items: Iterable[OfCustomer], wanted: object) -> dict[str, Customer]:
    """The customers of some things, by id: one ``BatchGetItem`` for a page, of 100 at most.

    Args:
        wanted: whether anybody asked; else there are none, and nothing is read.
    """
    ids = list(dict.fromkeys(each.customer_id for each in items)) if wanted else []
    if not ids:
        return {}
    refs = [Ref(Customer, work.tenant.id, each) for each in ids]
    found = work.load(*refs)
    return {ref.id: customer for ref in refs if (customer := found.get(ref)) is not None}
