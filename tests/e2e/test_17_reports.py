"""Exports on the deployed stack: the request, the queue, the worker, the bucket, and the link from outside."""

import csv
import io
import json

import requests

from local.client import Client
from tests.e2e.conftest import soon


def _file(client: Client, export_id: str) -> bytes:
    path = f"/v1/exports/{export_id}"
    done = soon(lambda: next((run for run in [client.get(path)] if run["state"] == "done"), None))
    link = client.get(f"/v1/exports/{export_id}/file")
    answer = requests.get(link["url"], timeout=60)
    assert answer.status_code == 200, answer.text
    assert len(answer.content) == done["bytes"]
    return answer.content


def test_17_customers_are_exported_and_downloaded_by_a_link(client: Client) -> None:
    made = client.post("/v1/customers", {"name": "=Ada", "email": "ada@example.com"})
    export = client.post("/v1/exports", {"kind": "customers", "format": "jsonl"})
    found = {each["id"]: each for each in map(json.loads, _file(client, export["id"]).splitlines())}
    assert found[made["id"]] == client.get(f"/v1/customers/{made['id']}")
    export = client.post("/v1/exports", {"kind": "customers"})
    rows = csv.DictReader(io.StringIO(_file(client, export["id"]).decode()))
    assert {row["name"] for row in rows if row["id"] == made["id"]} == {"'=Ada"}


def test_17_the_ledger_is_read_page_by_page(client: Client) -> None:
    sold = client.post("/v1/customers", {"name": "Grace"})["id"]
    lines = [{"description": "Setup", "quantity": "1", "unitAmount": 1_500_000}]
    invoice = client.post("/v1/invoices", {"customerId": sold, "lines": lines})["id"]
    client.post(f"/v1/invoices/{invoice}/finalize")
    entries = soon(lambda: client.get(f"/v1/ledger/entries?customer={sold}"))
    assert [(each["account"], each["amount"]) for each in entries[0]["postings"]] == [
        ("receivable", 1_500_000), ("revenue", -1_500_000),
    ]  # fmt: skip
