"""A payout by its id, for the two tenants that it concerns: the provider who gets it, and the marketplace that pays."""

from billing.domain.kernel.errors import NotFound
from billing.domain.marketplace.payout import OF_MARKETPLACE, Payout
from billing.services.kernel.work import Query, Ref, Work


def payout_of(work: Work, payout_id: str) -> Payout:
    """A payout that the caller gets as a provider, or pays as a marketplace; as it is now.

    The marketplace's way goes through an index, which may be some milliseconds behind: what it names is read again, in
    the provider's tenant, so that only the very first moment of a payout can be a 404.

    Raises:
        NotFound: there is none, or it is of two other tenants.
    """
    own = Ref(Payout, work.tenant.id, payout_id)
    found = work.load(own).get(own)
    if found is not None:
        return found
    paid = work.query(Query(Payout, index="marketplace", value=OF_MARKETPLACE, id=payout_id, limit=1)).items
    for each in paid:
        ref = Ref(Payout, each.tenant_id, payout_id)
        payout = work.load(ref).get(ref)
        if payout is not None and payout.marketplace_id == work.tenant.id:
            return payout
    raise NotFound.of(Payout, payout_id)
