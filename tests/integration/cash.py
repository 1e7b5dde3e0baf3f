"""The cash of the books beside Stripe's account: with Stripe's fees, to the transaction."""

import json
from collections import Counter
from typing import Any

from tests.integration.world import Json, Tenant, World


def before_fees(sums: dict[str, int]) -> dict[str, int]:
    """Accounts as they would be if Stripe took no fees, for tests that are about something else."""
    fees = sums.pop("processing_fees", 0)
    if fees:
        sums["cash"] = sums.get("cash", 0) + fees
    return sums


def entries(world: World, tenant: Tenant) -> list[Json]:
    """The entries of a tenant's ledger."""
    return [json.loads(row["body"]["S"]) for row in world.rows_of("ledger", tenant.id)]


def cash_lines(world: World, tenant: Tenant) -> dict[tuple[str, str], int]:
    """What the ledger's cash has, by the line of Stripe's account and the currency, in micro-units."""
    found: Counter[tuple[str, str]] = Counter()
    for entry in entries(world, tenant):
        for posting in entry["postings"]:
            if posting["account"] == "cash":
                assert entry["balance_transaction_id"], f"{entry['kind']} posts to cash without a line"
                found[entry["balance_transaction_id"], posting["amount"]["currency"]] += posting["amount"]["micros"]
    return dict(found)


def lines_at_stripe(world: World, tenant: Tenant) -> dict[tuple[str, str], int]:
    """What the lines of Stripe's account brought for a tenant's intents, each less its fee, in micro-units."""
    api, found = world.stripe.v1, {}
    for intent in world.intents(tenant):
        about: Any = {"payment_intent": intent["id"], "limit": 100}
        lines: list[Any] = []
        charges = api.charges.list(about | {"expand": ["data.balance_transaction"]}).data
        lines += [charge.balance_transaction for charge in charges]
        expand = ["data.balance_transaction", "data.failure_balance_transaction"]
        for refund in api.refunds.list(about | {"expand": expand}).data:
            lines += [refund.balance_transaction, getattr(refund, "failure_balance_transaction", None)]
        for dispute in api.disputes.list(about).data:
            lines += dispute.balance_transactions
        found |= {(line.id, line.currency.upper()): line.net * 1000 for line in lines if line is not None}
    return found
