"""The ledger, as the API shows it."""

from billing.domain.ledger import LedgerEntry, Posting
from billing.schemas.base import Resource, Time


class PostingOut(Resource):
    """One line of an entry, in micro-units: a debit above zero, a credit below."""

    account: str
    amount: int
    party: str | None

    @classmethod
    def of(cls, posting: Posting) -> "PostingOut":
        return cls(account=posting.account.value, amount=posting.amount.micros, party=posting.party)


class LedgerEntryOut(Resource):
    """Postings of one currency that record one fact and sum to zero; written once, never changed."""

    id: str
    kind: str
    source_id: str
    invoice_id: str | None
    currency: str
    posted_at: Time
    postings: list[PostingOut]
    balance_transaction_id: str | None
    test_clock_id: str | None

    @classmethod
    def of(cls, entry: LedgerEntry) -> "LedgerEntryOut":
        return cls(
            id=entry.id,
            kind=entry.kind,
            source_id=entry.source_id,
            invoice_id=entry.invoice_id,
            currency=entry.postings[0].amount.currency,
            posted_at=entry.posted_at,
            postings=[PostingOut.of(each) for each in entry.postings],
            balance_transaction_id=entry.balance_transaction_id,
            test_clock_id=entry.test_clock_id,
        )
