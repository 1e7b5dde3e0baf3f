"""Issue 20: numbers of a series, claimed outside the transaction that uses them: each is used, and by one document."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.session import Session
from moto import mock_aws

from billing.domain.invoicing.numbers import number_id
from billing.domain.kernel.errors import LostRace
from billing.storage.database import Database, table_name
from billing.storage.numbers import LOOK_EVERY_S, Number, NumberBook, SeriesKey, short
from billing.storage.packing import pack
from billing.storage.tables import SequenceItem
from tests.support.tables import table_definitions

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LOOK = timedelta(seconds=LOOK_EVERY_S)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with mock_aws():
        definition = table_definitions()["sequences"]
        boto3.client("dynamodb", region_name="us-east-1").create_table(TableName="numbers", **definition)
        before = table_name(SequenceItem)
        SequenceItem.Meta.table_name = "numbers"
        yield Database(region="us-east-1", session=Session())
        SequenceItem.Meta.table_name = before


@pytest.fixture
def key() -> SeriesKey:
    return SeriesKey(f"ten_{uuid4().hex}", "invoice")


@pytest.fixture
def book(database: Database) -> NumberBook:
    return NumberBook(database)


def claimed(book: NumberBook, key: SeriesKey, *holders: str, at: datetime = NOW) -> list[int]:
    found = book.claim(key, "ACME", holders, at)
    assert {each.prefix for each in found.values()} == {"ACME"}
    return [found[each].value for each in holders]


def issue(database: Database, key: SeriesKey, number: int, claim: str = "somebody's") -> None:
    """What the transaction of a document does about its number."""
    body = pack(json.dumps({"claim": short(claim)}))
    item = SequenceItem(tenant_id=key.tenant_id, id=number_id(key.id, number), version=1, body=body)
    database.client.put_item(TableName=table_name(SequenceItem), Item=item.serialize())


def stored(database: Database, key: SeriesKey) -> dict[str, Any]:
    place = (key.tenant_id, key.id)
    return database.batch_get({SequenceItem: {place}})[SequenceItem][place]


def test_numbers_follow_each_other_from_one_on(book: NumberBook, key: SeriesKey) -> None:
    assert [claimed(book, key, "a"), claimed(book, key, "b", "c"), claimed(book, key, "d")] == [[1], [2, 3], [4]]


def test_a_page_of_more_than_one_update_takes_has_a_number_each(book: NumberBook, key: SeriesKey) -> None:
    assert claimed(book, key, *map(str, range(60))) == list(range(1, 61))


def test_a_holder_that_comes_back_has_the_same_number(database: Database, book: NumberBook, key: SeriesKey) -> None:
    """It was cut off between its claim and its commit; whoever does its work again names the same document."""
    assert claimed(book, key, "a", "b") == [1, 2]
    assert claimed(NumberBook(database), key, "b", "c") == [2, 3]


def test_a_holder_whose_number_is_in_use_gets_another(database: Database, book: NumberBook, key: SeriesKey) -> None:
    """Somebody took its claim for lost, and was faster. The claim beside it is found again, too."""
    assert claimed(book, key, "a") == [1]
    issue(database, key, 1)
    assert claimed(book, key, "a") == [2]
    assert claimed(NumberBook(database), key, "a", "b") == [2, 3]


def test_who_comes_after_a_twin_has_lost_and_claims_nothing(
    database: Database, book: NumberBook, key: SeriesKey
) -> None:
    assert claimed(book, key, "a") == [1]
    issue(database, key, 1, claim="a")
    with pytest.raises(LostRace):
        book.claim(key, "ACME", ["a"], NOW)
    assert claimed(book, key, "b") == [2]


def test_what_nobody_came_back_for_is_given_out_before_any_new_number(
    database: Database, book: NumberBook, key: SeriesKey
) -> None:
    assert claimed(book, key, "lost", "used") == [1, 2]
    issue(database, key, 2)
    assert claimed(book, key, "b", at=NOW + LOOK) == [3]  # looked at, and too young
    assert claimed(book, key, "c", at=NOW + 2 * LOOK) == [1]
    assert claimed(book, key, "d", "e", at=NOW + 2 * LOOK) == [4, 5]


def test_after_a_rest_what_nobody_came_back_for_is_the_very_next_ones(book: NumberBook, key: SeriesKey) -> None:
    """However young it was when somebody last looked."""
    assert claimed(book, key, "lost") == [1]
    assert claimed(book, key, "a", at=NOW + 2 * LOOK) == [1]


def test_a_claim_is_safe_for_at_least_the_time_between_two_looks(book: NumberBook, key: SeriesKey) -> None:
    claimed(book, key, "first")
    almost = NOW + LOOK - timedelta(seconds=1)
    assert claimed(book, key, "a", at=almost) == [2]
    assert claimed(book, key, "b", at=NOW + LOOK) == [3]
    assert claimed(book, key, "a", at=almost + LOOK) == [2]


def test_a_number_that_is_given_back_is_the_next_ones(book: NumberBook, key: SeriesKey) -> None:
    assert claimed(book, key, "a", "b") == [1, 2]
    book.give_back(key, Number("ACME", 1, "a"))
    book.give_back(key, Number("ACME", 1, "a"))  # a second time changes nothing
    assert claimed(book, key, "c", "d", "e") == [1, 3, 4]


def test_the_item_does_not_grow_with_what_was_issued(database: Database, book: NumberBook, key: SeriesKey) -> None:
    for n in range(1, 61):
        assert claimed(book, key, f"in_{n}") == [n]
        issue(database, key, n)
        book.close(key, Number("ACME", n, f"in_{n}"))
    assert len(stored(database, key)["claims"]["M"]) == 1  # the last one, until the next claim


def test_what_a_worker_left_behind_is_forgotten_once_it_is_looked_at(
    database: Database, book: NumberBook, key: SeriesKey
) -> None:
    for n in range(1, 31):
        assert claimed(NumberBook(database), key, f"in_{n}") == [n]
        issue(database, key, n)
    assert claimed(book, key, "a", at=NOW + LOOK) == [31]
    assert claimed(book, key, "b", at=NOW + 2 * LOOK) == [32]
    item = stored(database, key)
    assert (len(item["claims"]["M"]), len(item["before"]["M"]), item["free"]["M"]) == (1, 1, {})


def test_a_series_of_the_release_before_goes_on_where_it_was(
    database: Database, book: NumberBook, key: SeriesKey
) -> None:
    body = '{"tenant_id":"t","prefix":"OLD","next_number":42,"id":"invoice","version":41}'
    old = SequenceItem(tenant_id=key.tenant_id, id=key.id, version=41, body=body)
    database.client.put_item(TableName=table_name(SequenceItem), Item=old.serialize())
    assert book.claim(key, "ACME", ["a"], NOW) == {"a": Number("OLD", 42, "a")}
    item = stored(database, key)
    assert "body" not in item  # a worker of that release fails on it, rather than count on from 42
    assert item["version"] == {"N": "42"}  # and a commit of it that is under way loses its race


def test_series_of_a_tenant_do_not_share_numbers(book: NumberBook, key: SeriesKey) -> None:
    other = SeriesKey(key.tenant_id, "credit_note")
    assert claimed(book, key, "a") == claimed(book, other, "a") == [1]
