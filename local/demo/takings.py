"""What a seller took, gave back and lost, from three sources: the API, Stripe's balance, and the ledger."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from typing import Any

from rich import box
from rich.table import Table

from local.client import Client
from local.demo.books import entries, every
from local.demo.story import money, require

_LOST = "lost"
_CASH, _HELD, _GONE, _FEES = "cash", "disputes", "bad_debt", "processing_fees"


@dataclass(frozen=True, slots=True)
class Takings:
    """Sums of one currency, in micro-units; what leaves the account is below zero.

    Args:
        charged: what payers paid.
        refunded: what went back to them.
        held: what banks hold while a dispute is open.
        lost: what they took for good.
    """

    charged: int = 0
    refunded: int = 0
    held: int = 0
    lost: int = 0

    @property
    def left(self) -> int:
        """What is on the account, before Stripe's own fees."""
        return self.charged + self.refunded + self.held + self.lost


def in_the_api(client: Client) -> Takings:
    """What the API says: its payments, their refunds, the disputes."""
    payments = [each for each in every(client, "/v1/payments?limit=100") if each["status"] == "succeeded"]
    refunds = [
        refund
        for payment in payments
        if payment["amountRefunded"]
        for refund in every(client, f"/v1/payments/{payment['id']}/refunds?limit=100")
    ]
    withdrawn = [each for each in every(client, "/v1/disputes?limit=100") if each["fundsWithdrawn"]]
    lost = [each for each in withdrawn if each["status"] == _LOST]
    return Takings(
        charged=sum(each["amount"] for each in payments),
        refunded=-sum(each["amount"] for each in refunds if each["status"] == "succeeded"),
        held=-sum(each["amount"] for each in withdrawn if each not in lost),
        lost=-sum(each["amount"] for each in lost),
    )


def at_stripe(client: Client, tenant_id: str) -> tuple[Takings, int]:
    """What Stripe's balance transactions say, and its fees, in micro-units.

    Which are the tenant's follows from Stripe's own list of PaymentIntents, not from ours: one that is missing here
    would be found.
    """
    charges = [
        charge
        for intent in intents_of(client, tenant_id)
        for charge in _list(client, f"/v1/charges?payment_intent={intent['id']}&expand[]=data.balance_transaction")
        if charge["paid"]
    ]
    came = [charge["balance_transaction"] for charge in charges]
    went = [
        refund["balance_transaction"]
        for charge in charges
        if charge["amount_refunded"]
        for refund in _list(client, f"/v1/refunds?charge={charge['id']}&expand[]=data.balance_transaction")
    ]
    disputes = [
        dispute
        for charge in charges
        if charge["disputed"]
        for dispute in _list(client, f"/v1/disputes?charge={charge['id']}")
    ]
    lost = [each for dispute in disputes if dispute["status"] == _LOST for each in dispute["balance_transactions"]]
    held = [each for dispute in disputes if dispute["status"] != _LOST for each in dispute["balance_transactions"]]
    takings = Takings(*(sum(each["amount"] for each in moved) * 1000 for moved in (came, went, held, lost)))
    return takings, sum(each["fee"] for moved in (came, went, held, lost) for each in moved) * 1000


def in_the_ledger(client: Client, tenant_id: str) -> tuple[Takings, int]:
    """What the books say, and Stripe's fees in them, read from their table.

    Raises:
        Failure: an entry does not sum to zero, or the rest does not sum to the cash.
    """
    sums = {"payment_received": 0, "refund_paid": 0, "refund_returned": 0, _CASH: 0, _HELD: 0, _GONE: 0, _FEES: 0}
    for entry in entries(client, tenant_id):
        for posting in entry["postings"]:
            account, micros = posting["account"], posting["amount"]["micros"]
            if account in sums:
                sums[account] += micros
            if account == _CASH and entry["kind"] in sums:
                sums[entry["kind"]] += micros
    # Held, 20.00: Dr disputes 20.00, Cr cash 20.00. So those two accounts stand at what the cash is short of.
    found = Takings(sums["payment_received"], sums["refund_paid"] + sums["refund_returned"], -sums[_HELD], -sums[_GONE])
    left = found.left - sums[_FEES]
    require(left == sums[_CASH], f"the ledger's cash is {money(sums[_CASH])}, not {money(left)}")
    return found, sums[_FEES]


def same_takings(client: Client, tenant_id: str) -> tuple[Takings, int]:
    """The takings that all three sources agree on, and Stripe's fees, on which the books and Stripe do.

    What is left less the fees is both the ledger's cash and Stripe's balance.

    Raises:
        Failure: one of them differs.
    """
    here, (books, entered) = in_the_api(client), in_the_ledger(client, tenant_id)
    there, fees = at_stripe(client, tenant_id)
    require(entered == fees, f"the ledger has {money(entered)} of Stripe's fees, Stripe took {money(fees)}")
    require(here == there == books, f"the API says {here}, Stripe {there}, the ledger {books}")
    return here, fees


def takings_table(client: Client, tenant_id: str) -> Table:
    """The three side by side, and what is left of them."""
    columns = {
        "payments": in_the_api(client),
        "Stripe's balance": at_stripe(client, tenant_id)[0],
        "ledger": in_the_ledger(client, tenant_id)[0],
    }
    table = Table(title="What came, and what is left", title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("USD")
    for name in columns:
        table.add_column(name, justify="right")
    words = {"charged": "came in", "refunded": "went back", "held": "held by banks", "lost": "lost to banks"}
    for number, each in enumerate(fields(Takings)):
        table.add_row(words[each.name], *(money(astuple(column)[number], "") for column in columns.values()))
    table.add_section()
    table.add_row("is left", *(money(column.left, "") for column in columns.values()))
    return table


def intents_of(client: Client, tenant_id: str) -> list[Any]:
    """Every PaymentIntent at Stripe that was made for a tenant."""
    return [each for each in _list(client, "/v1/payment_intents?") if each["metadata"].get("tenant_id") == tenant_id]


def _list(client: Client, path: str) -> Iterator[Any]:
    """All of a list of Stripe's."""
    cursor = ""
    while True:
        page = client.stripe(f"{path}&limit=100{cursor}")
        yield from page["data"]
        if not page["has_more"]:
            return
        cursor = f"&starting_after={page['data'][-1]['id']}"
