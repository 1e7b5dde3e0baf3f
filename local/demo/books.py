"""The end of an act of the demo: the invoices as a table, and the books, Stripe and the invoices side by side."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from rich import box
from rich.table import Table

from local.client import Client
from local.demo.story import money, require

_SUMS = {"total": "total", "tax": "tax", "off": "discount", "balance": "balanceApplied", "paid": "amountPaid"}


def every(client: Client, path: str) -> list[Any]:
    """All of a list, page by page; newest first."""
    found: list[Any] = []
    cursor = ""
    while True:
        answer = client.call("GET", path + cursor)
        found += answer.data
        following = answer.body["meta"]["pagination"]["next_cursor"]
        if following is None:
            return found
        cursor = f"&cursor={quote(following)}"


def stripe_charges(client: Client, customer_id: str) -> list[Any]:
    """Every paid charge that Stripe has for a customer, with its balance transaction.

    They are found by Stripe's own customer id and not by our ids.
    """
    payments = every(client, f"/v1/payments?customer={customer_id}&limit=100")
    intent = next(each["paymentIntentId"] for each in payments if each["paymentIntentId"])
    stripe_customer = client.stripe(f"/v1/payment_intents/{intent}")["customer"]
    charges = client.stripe(f"/v1/charges?customer={stripe_customer}&limit=100&expand[]=data.balance_transaction")
    require(not charges["has_more"], "Stripe holds more than a page of charges")
    return [charge for charge in charges["data"] if charge["paid"]]


def entries(client: Client, tenant_id: str) -> Iterator[Any]:
    """The entries of a tenant's books, each summing to zero: read from the table, not from the API."""
    pages = (
        client.aws("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=client.stack["tables"]["ledger"],
            KeyConditionExpression="tenant_id = :tenant",
            ExpressionAttributeValues={":tenant": {"S": tenant_id}},
        )
    )
    for item in (item for page in pages for item in page["Items"]):
        entry = json.loads(item["body"]["S"])
        total = sum(each["amount"]["micros"] for each in entry["postings"])
        require(total == 0, f"entry {item['id']['S']} does not balance")
        yield entry


def ledger_sums(client: Client, tenant_id: str) -> dict[str, int]:
    """The balance of each account of a tenant's books, in micro-units."""
    sums: dict[str, int] = {}
    for entry in entries(client, tenant_id):
        for each in entry["postings"]:
            sums[each["account"]] = sums.get(each["account"], 0) + each["amount"]["micros"]
    return sums


def invoice_table(invoices: list[Any]) -> Table:
    """Invoices in the order in which they were made, and what they sum to: 80 columns wide."""
    title = f"The invoices of {invoices[0]['createdAt'][:4]}, in {invoices[0]['currency']}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False, show_footer=True)
    table.add_column("number", "sum")
    for name in ("date", "period", "reason"):
        table.add_column(name)
    for name, key in _SUMS.items():
        table.add_column(name, _plain(sum(each[key] for each in invoices)), justify="right")
    table.add_column("status")
    for each in invoices:
        period = each["period"]
        table.add_row(
            each["number"],
            each["createdAt"][5:10],
            f"{period['start'][5:10]}/{period['end'][5:10]}",
            each["billingReason"].removeprefix("subscription_"),
            *(_plain(each[key]) if each[key] else "" for key in _SUMS.values()),
            each["status"],
        )
    return table


def _plain(micros: int) -> str:
    return money(micros, "")
