"""What the benchmark of one tenant's sweep stands on: items in flight collide as DynamoDB's do."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from benchmarks.sweep.case import Card, Case
from benchmarks.sweep.contention import Far, Register, answered
from benchmarks.sweep.run import Outcome
from benchmarks.sweep.scaling import Asked, Measured, section_of
from benchmarks.sweep.worker import Beat
from billing.storage.database import table_name
from billing.storage.tables import SequenceItem

KEY = {"tenant_id": {"S": "ten_1"}, "id": {"S": "invoice"}}


@pytest.fixture
def register(tmp_path: Path) -> Iterator[str]:
    address = tmp_path / "register"
    with Register().open(address):
        yield str(address)


def far_client(register: str) -> Any:
    """A client whose requests go nowhere: what is let through is answered here."""
    client = Session().create_client(
        "dynamodb", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b", endpoint_url="http://x"
    )
    Far(0.0, register).attach(client)
    client.meta.events.register_last("before-send.dynamodb", _fine)
    return client


def _fine(**_: object) -> Any:
    return answered("http://x", 200, {})


def transaction(client: Any) -> Any:
    put = {"TableName": table_name(SequenceItem), "Item": {**KEY, "version": {"N": "1"}}}
    return client.transact_write_items(TransactItems=[{"Put": put}])


def write(client: Any) -> Any:
    return client.update_item(TableName=table_name(SequenceItem), Key=KEY, UpdateExpression="REMOVE gone")


@pytest.mark.parametrize(("held", "kind", "collides"), [
    ("transaction", transaction, True), ("transaction", write, True),
    ("write", transaction, True), ("write", write, False),
])  # fmt: skip
def test_a_transaction_collides_with_whatever_is_in_flight_on_its_item(
    register: str, held: str, kind: Any, collides: bool
) -> None:
    other = Far(0.0, register)
    name = json.dumps([table_name(SequenceItem), "ten_1", "invoice"])
    assert other._enter(held, [name]) == []
    client = far_client(register)
    if not collides:
        kind(client)
        return
    with pytest.raises(client.exceptions.ClientError, match="TransactionConflict") as refused:
        kind(client)
    reasons = refused.value.response.get("CancellationReasons", [{"Code": "TransactionConflict"}])
    assert [reason["Code"] for reason in reasons] == ["TransactionConflict"]
    other._over()
    assert other._enter("transaction", ["another item"]) == []  # answered only after the one before was left
    kind(client)


def test_what_a_killed_worker_held_is_free_again() -> None:
    register = Register()
    here, there = Pipe()
    there.send(("transaction", ["an item"]))
    there.close()  # it was killed while its transaction was under way
    assert register.enter("transaction", ["another item"]) == []
    register.answer(here)
    assert register.enter("transaction", ["an item", "another item"]) == [False, True]


def test_a_card_pays_what_the_balance_does_not() -> None:
    at = datetime(2026, 3, 31, 12, tzinfo=UTC)
    case = Case(40, 1, 4, at, Card("cus_1", "pm_1"))
    order = case.order(0)
    assert order.balance.amount.is_zero
    assert (order.customer.stripe_customer_id, order.customer.default_payment_method_id) == ("cus_1", "pm_1")
    assert case.expected(0).charged
    assert not replace(case, card=None).expected(0).charged


def measured(workers: int, seconds: float, lost: int = 0, calls: float = 1.4) -> Measured:
    beat = Beat(commits=int(100 * calls) - lost, lost=lost, cpu_s=1.0)
    return Measured(Asked(1, False, workers, 100, 40.0), 100, Outcome(seconds=seconds, beat=beat))


@pytest.mark.parametrize(
    ("many", "verdict"),
    [
        (measured(16, 1.0), "ok"),
        (measured(16, 1.5), "over"),
        (measured(16, 1.0, lost=6), "over"),
        (measured(16, 1.0, calls=2.0), "over"),
    ],
    ids=["eight times as fast", "slower", "races", "more calls"],
)
def test_many_workers_are_judged_beside_one(many: Measured, verdict: str) -> None:
    assert [row.verdict for row in section_of([measured(1, 10.0), many]).rows] == ["ok", verdict]
