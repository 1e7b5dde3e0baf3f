"""Issue 17, number 2: the ledger for people, page by page and as a journal."""

import csv
import io

import pytest

from tests.integration.payer import sale
from tests.integration.reports.runs import at_most, file_of, steps_of, work
from tests.integration.world import Json, Tenant, World

PATH = "/v1/ledger/entries"


def pages(tenant: Tenant, limit: int, **query: str) -> list[list[Json]]:
    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = tenant.get(PATH, limit=str(limit), **query, **more)
        assert answer.status == 200, answer.json
        found.append(answer.data)
        cursor = answer.json["meta"]["pagination"]["next_cursor"]
        if cursor is None:
            return found


@pytest.fixture
def sold(tenant: Tenant, world: World) -> Tenant:
    """Three sales in three months, each of three entries: the sale, the money, Stripe's fee."""
    for _ in range(3):
        sale(tenant)
        world.clock.advance(days=31)
    return tenant


def test_17_entries_come_in_the_order_of_posting_whatever_the_size_of_a_page(sold: Tenant) -> None:
    (whole,) = pages(sold, 100)
    assert len(whole) == 9
    assert [each["postedAt"] for each in whole] == sorted(each["postedAt"] for each in whole)
    for each in whole:
        assert sum(posting["amount"] for posting in each["postings"]) == 0
    for limit in (1, 2, 3, 9):
        cut = pages(sold, limit)
        assert [each for page in cut for each in page] == whole
        assert all(len(page) == limit for page in cut[:-1])


def test_17_entries_are_found_by_account_kind_customer_currency_and_days(sold: Tenant, world: World) -> None:
    (whole,) = pages(sold, 100)
    party = next(one["party"] for each in whole for one in each["postings"] if one["account"] == "receivable")
    fees = [each for each in whole if any(one["account"] == "processing_fees" for one in each["postings"])]
    assert len(fees) == 3
    assert pages(sold, 100, account="processing_fees") == [fees]
    assert pages(sold, 100, kind=whole[0]["kind"]) == [[each for each in whole if each["kind"] == whole[0]["kind"]]]
    theirs = [each for each in whole if any(one["party"] == party for one in each["postings"])]
    assert theirs
    assert pages(sold, 100, customer=party) == [theirs]
    assert pages(sold, 100, customer=party, account="revenue") == [[]]  # one posting has to be both
    assert pages(sold, 100, currency="EUR") == [[]]
    assert pages(sold, 100, currency="USD") == [whole]
    second = whole[3]["postedAt"][:10]
    assert [each["id"] for each in pages(sold, 100, **{"from": second})[0]] == [each["id"] for each in whole[3:]]
    assert [each["id"] for each in pages(sold, 100, to=second)[0]] == [each["id"] for each in whole[:3]]


def test_17_a_filter_that_matches_little_reads_a_bounded_number_and_goes_on(
    sold: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.services.reports.ledger._READ_AT_MOST", 2)
    cut = pages(sold, 100, account="processing_fees")
    assert len(cut) == 5  # nine entries, two at a time
    assert sum(len(page) for page in cut) == 3


def test_17_what_is_asked_wrongly_is_named_all_at_once(tenant: Tenant) -> None:
    answer = tenant.get(PATH, account="pocket", currency="usd?", limit="0")
    assert answer.status == 400
    assert answer.bad_fields.keys() == {"account", "currency", "limit"}
    assert tenant.get(PATH, **{"from": "2026-02-01", "to": "2026-01-01"}).bad_fields == {"to": "before_from"}
    assert tenant.get(PATH, cursor="made-up").bad_fields == {"cursor": "invalid_cursor"}
    assert tenant.get(PATH, acount="cash").bad_fields == {"acount": "unknown_parameter"}


def test_17_a_cursor_is_of_its_list_and_of_its_tenant(sold: Tenant, world: World) -> None:
    cursor = sold.get(PATH, limit="1").json["meta"]["pagination"]["next_cursor"]
    assert sold.get(PATH, limit="1", cursor=cursor, account="cash").status == 400
    assert world.tenant().get(PATH, limit="1", cursor=cursor).status == 400


def test_17_nobody_sees_anothers_ledger(sold: Tenant, world: World) -> None:
    assert pages(world.tenant(), 100) == [[]]


def test_17_the_journal_has_whole_entries_with_debits_and_credits_apart(sold: Tenant) -> None:
    answer = sold.get(f"{PATH}.csv", account="processing_fees")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["account"], row["debit"], row["credit"]) for row in rows[:2]] == [
        ("processing_fees", "1.75", ""), ("cash", "", "1.75"),
    ]  # fmt: skip
    assert len(rows) == 6


@pytest.mark.parametrize("records", [1, 2, 4, 100])
def test_17_a_long_journal_is_a_run_with_the_same_rows(
    sold: Tenant, world: World, monkeypatch: pytest.MonkeyPatch, records: int
) -> None:
    at_once = sold.get(f"{PATH}.csv", bom="true").content
    assert at_once.startswith(b"\xef\xbb\xbfpostedAt,")
    at_most(monkeypatch, 2)
    run = sold.get(f"{PATH}.csv", bom="true").data
    with steps_of(monkeypatch, step_records=records):
        world.clock.advance(seconds=1)
        work(world, run["id"])
    done = sold.get(f"/v1/report-runs/{run['id']}").data
    assert (done["state"], done["records"], done["rows"]) == ("done", 9, 18)
    assert done["bytes"] == len(at_once)
    assert file_of(sold, f"/v1/report-runs/{run['id']}") == at_once
