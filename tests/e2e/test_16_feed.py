"""The feed on the deployed stack: the table's stream, its mapping and the function as they are."""

from typing import Any
from urllib.parse import quote

from tests.e2e.conftest import Seller, Stack, soon

PATIENCE_S = 120.0
"""The emulator polls its streams when it comes to it; on AWS an event takes a second."""


class Poller:
    """Goes on where the page before ended, and keeps what it saw."""

    def __init__(self, seller: Seller) -> None:
        self._client = seller.client
        self._cursor = ""
        self.seen: list[Any] = []

    def look(self) -> int:
        """Ask once more; how many events were seen by now."""
        answer = self._client.call("GET", "/v1/events?limit=2" + self._cursor)
        self.seen += answer.data
        self._cursor = "&cursor=" + quote(answer.body["meta"]["pagination"]["next_cursor"])
        return len(self.seen)


def test_16_a_poller_meets_every_event_once_in_the_order_of_its_places(stack: Stack) -> None:
    seller = Seller.new(stack, "Feed")
    poller = Poller(seller)
    made = []
    for n in range(5):
        made.append(seller.client.post("/v1/customers", {"name": f"Ada {n}", "email": "ada@example.com"})["id"])
        poller.look()
    seller.client.patch(f"/v1/customers/{made[0]}", {"name": "Ada Lovelace"})
    stored = soon(lambda: seller.client.aws("dynamodb").query(
        TableName=stack.tables["events"],
        KeyConditionExpression="tenant_id = :t",
        ExpressionAttributeValues={":t": {"S": seller.tenant_id}},
    )["Items"])  # fmt: skip
    soon(lambda: poller.look() >= len(stored), PATIENCE_S)
    poller.look()
    assert sorted(each["id"] for each in poller.seen) == sorted(each["id"]["S"] for each in stored)
    assert [each["sequence"] for each in poller.seen] == list(range(1, len(stored) + 1))
    changed = [each["data"]["changed"] for each in poller.seen if each["type"] == "customer.updated"]
    assert changed == [["name"]]
