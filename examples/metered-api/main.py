"""A metered API: requests are counted where they are served, reported in batches, and each is billed once.

    python examples/metered-api/main.py

The counter writes each request down before it is answered, and forgets it when Ledgerline has it: after a crash, or an
answer that was lost, the batch is sent again, and nothing is counted twice, because every event has an id of its own.
"""

import json
import sqlite3
import sys
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))
from ledgerline import Ledgerline

METER = {"key": "requests", "aggregation": "sum", "dimensions": ["model"]}
PLAN = {
    "id": "metered-api",
    "name": "Metered API",
    "currency": "USD",
    "interval": "month",
    "components": [
        {"key": "small", "type": "metered", "meter": "requests", "unitAmount": 100, "filters": {"model": ["small"]}},
        {"key": "large", "type": "metered", "meter": "requests", "unitAmount": 2_000, "filters": {"model": ["large"]}},
    ],
}
BATCH = 500
ledgerline = Ledgerline()


class Counter:
    """The requests that were served and not yet reported; SQLite stands for the database that you have."""

    def __init__(self, subscription_id: str, path: str = ":memory:") -> None:
        self._subscription_id = subscription_id
        self._database = sqlite3.connect(path)
        self._database.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT)")

    def count(self, model: str, quantity: int = 1) -> None:
        """Write a request down; before it is answered, so that none is given away."""
        event = {
            "eventId": f"req-{uuid.uuid4()}",
            "subscriptionId": self._subscription_id,
            "meter": METER["key"],
            "quantity": str(quantity),
            "timestamp": datetime.now(UTC).isoformat(),
            "properties": {"model": model},
        }
        with self._database:
            self._database.execute("INSERT INTO events VALUES (?, ?)", (event["eventId"], json.dumps(event)))

    def report(self) -> int:
        """Send what there is, and forget it once it is taken; returns how many events."""
        sent = 0
        while rows := self._database.execute("SELECT id, body FROM events LIMIT ?", (BATCH,)).fetchall():
            ledgerline.post("/v1/usage/events", {"events": [json.loads(body) for _, body in rows]})
            with self._database:
                self._database.executemany("DELETE FROM events WHERE id = ?", [(each,) for each, _ in rows])
            sent += len(rows)
        return sent


def main() -> None:
    ledgerline.publish("/v1/meters", METER)
    ledgerline.publish("/v1/plans", PLAN)
    customer = ledgerline.post("/v1/customers", {"name": "Inference Ltd"})
    wanted = {"customerId": customer["id"], "planId": PLAN["id"], "paymentMethodId": "pm_card_visa"}
    subscription = ledgerline.post("/v1/subscriptions", wanted)
    counter = Counter(subscription["id"])
    for n in range(600):
        counter.count("large" if n % 3 == 0 else "small")
    print(f"reported: {counter.report()}")
    while sum(Decimal(each["total"]) for each in usage(subscription)) < 600:
        time.sleep(0.2)
    for each in usage(subscription):
        print(f"counted: {each['total']} of {each['dimensions']['model']}")
    bill = ledgerline.post("/v1/invoices/preview", {"subscriptionId": subscription["id"]})
    for line in bill["lines"]:
        print(f"so far: {line['description']}, {line['quantity']}, {line['amount'] / 1_000:.0f} cents")


def usage(subscription: Any) -> list[Any]:
    return sorted(ledgerline.get("/v1/usage", subscription=subscription["id"]), key=lambda each: each["total"])


if __name__ == "__main__":
    main()
