"""Issue 14: a payout's statement through the API, as JSON, CSV and PDF: for both sides, and nobody else."""

import csv
from io import BytesIO, StringIO
from typing import Any

import pytest
from pypdf import PdfReader

from billing.domain.marketplace.account import LineType
from billing.domain.marketplace.payout import Payout
from tests.integration.marketplace.market import Market, item
from tests.integration.marketplace.provider_accounts import add_lines, figures, pay_out, send_back
from tests.integration.world import Json, Tenant

SOLD = (LineType.RELEASE, "73.18", "earn_1", figures("87.12", "13.94", "8.71"))
REFUNDED = (LineType.REFUND, "-25.20", "ref_1", figures("-30.00", "-4.80", "-3.00"))
SOLD_TOO = (LineType.RELEASE, "4.51", "earn_2", figures("6.45", "1.94"))


def e21(market: Market) -> tuple[Payout, Payout]:
    """Two payouts of one account: the first one comes back."""
    add_lines(market.x, market.shop, [SOLD, REFUNDED, SOLD_TOO])
    first = pay_out(market.x, market.shop, "52.49")
    send_back(first)
    add_lines(market.x, market.shop, [(LineType.RELEASE, "45.00", "earn_3", figures("50.00", "5.00"))])
    return first, pay_out(market.x, market.shop, "97.49")


def stated(caller: Tenant, payout: Payout, **query: Any) -> Json:
    return dict(caller.get(f"/v1/commerce/payouts/{payout.id}/statement", **query).data)


def cents(statement: Json) -> list[tuple[str, int, int]]:
    return [(each["type"], each["amount"] // 1000, each["balanceAfter"] // 1000) for each in statement["lines"]]


def test_14_e21_both_statements_add_up_and_chain(market: Market) -> None:
    """52.49 paid out, sent back, and paid out again with 45.00 more: closing is the next opening."""
    first, second = e21(market)
    one, two = stated(market.x, first), stated(market.x, second)
    assert cents(one) == [
        ("release", 7318, 7318),
        ("refund", -2520, 4798),
        ("release", 451, 5249),
        ("payout", -5249, 0),
    ]
    assert cents(two) == [("payout_returned", 5249, 5249), ("release", 4500, 9749), ("payout", -9749, 0)]
    assert (one["openingBalance"], one["payoutAmount"], one["closingBalance"]) == (0, 5_249_000, 0)
    assert one["closingBalance"] == two["openingBalance"]
    assert (one["status"], two["status"]) == ("failed", "in_transit")
    assert (one["number"], two["number"]) == ("X-USD-000001", "X-USD-000002")
    for each in (one, two):
        assert each["openingBalance"] + sum(line["amount"] for line in each["lines"]) == each["closingBalance"]
        assert sum(total["amount"] for total in each["totals"]) == each["closingBalance"] - each["openingBalance"]
    refund = one["lines"][1]
    assert refund["figures"] == {
        "gross": -3_000_000, "discount": 0, "commission": -480_000, "commissionTax": 0, "tax": -300_000, "fee": 0,
    }  # fmt: skip


def test_14_the_marketplace_reads_the_same_statement_and_a_third_tenant_none(market: Market) -> None:
    """The provider's key and the marketplace's bring the same; for the other provider and a stranger there is none."""
    first, _ = e21(market)
    mine, theirs = stated(market.x, first), stated(market.shop, first)
    assert mine | {"madeAt": ""} == theirs | {"madeAt": ""}
    assert (mine["issuer"]["tenantId"], mine["provider"]["tenantId"]) == (market.shop.id, market.x.id)
    for caller in (market.y, market.world.tenant(name="Stranger")):
        for ending in ("", ".csv", ".pdf"):
            answer = caller.get(f"/v1/commerce/payouts/{first.id}/statement{ending}")
            assert (answer.status, answer.json["error"]["code"]) == (404, "resource.not_found"), ending


def test_14_pending_and_held_stand_beside_the_balances(market: Market) -> None:
    """What is not released yet is beside the statement as of now, in none of its sums, for both callers."""
    add_lines(market.x, market.shop, [SOLD])
    payout = pay_out(market.x, market.shop, "73.18")
    order = market.sold(item(10_000, 1_000, market.x), item(5_000, 0, market.y))
    for caller in (market.x, market.shop):
        one = stated(caller, payout)
        assert (one["pending"], one["held"], one["closingBalance"]) == (9_000_000, 0, 0)
    market.release(order, market.x)
    assert stated(market.shop, payout)["pending"] == 0


def test_14_the_csv_has_every_line_and_the_pdf_the_same_numbers(market: Market) -> None:
    """A row for each line with the JSON's fields; the PDF opens, and its amounts are there."""
    first, _ = e21(market)
    one = stated(market.x, first)
    answer = market.shop.get(f"/v1/commerce/payouts/{first.id}/statement.csv")
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Content-Disposition"] == 'inline; filename="X-USD-000001-statement.csv"'
    rows = list(csv.DictReader(StringIO(answer.content.decode())))
    assert [(int(row["seq"]), row["type"], int(row["amount"]), int(row["balanceAfter"])) for row in rows] == [
        (line["seq"], line["type"], line["amount"], line["balanceAfter"]) for line in one["lines"]
    ]
    assert rows[1]["commission"] == str(one["lines"][1]["figures"]["commission"])
    pdf = market.shop.get(f"/v1/commerce/payouts/{first.id}/statement.pdf", locale="de")
    assert (pdf.status, pdf.headers["Content-Type"]) == (200, "application/pdf")
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf.content)).pages).replace("\u00a0", " ")
    for expected in ("X-USD-000001", "73,18 $", "-25,20 $", "-52,49 $", "kamen nicht an", "Market", "TEST"):
        assert expected in text, expected


def test_14_a_long_statement_comes_in_parts_with_the_totals_of_all(market: Market) -> None:
    """250 lines, 100 at a time: the parts are the whole, and each says the same totals."""
    add_lines(market.x, market.shop, [(LineType.RELEASE, "1.00", f"earn_{n}", None) for n in range(250)])
    payout = pay_out(market.x, market.shop, "250.00")
    after: Any = 0
    seen: list[int] = []
    while after is not None:
        part = stated(market.x, payout, after=after, limit=100)
        assert (part["lineCount"], part["totals"][0]["count"], part["closingBalance"]) == (251, 250, 0)
        seen += [each["seq"] for each in part["lines"]]
        after = part["nextAfter"]
    assert seen == list(range(1, 252))
    text = market.x.get(f"/v1/commerce/payouts/{payout.id}/statement.csv", after=200, limit=10).content.decode()
    assert len(text.splitlines()) == 11


def test_14_a_statement_that_does_not_add_up_is_not_shown(market: Market) -> None:
    """A line is gone from the table: nobody gets a statement with a hole, and the log tells somebody to look."""
    add_lines(market.x, market.shop, [SOLD, REFUNDED])
    payout = pay_out(market.x, market.shop, "47.98")
    key = {"tenant_id": {"S": market.x.id}, "id": {"S": f"{market.shop.id}:USD#{2:012d}"}}
    market.world.aws("dynamodb").delete_item(TableName=market.world.tables["account_lines"], Key=key)
    for ending in ("", ".csv", ".pdf"):
        assert market.x.get(f"/v1/commerce/payouts/{payout.id}/statement{ending}").status == 500
    assert "a statement does not add up" in market.world.logs.text


@pytest.mark.parametrize("query", [{"after": -1}, {"limit": 0}, {"limit": 5001}, {"after": "1.0"}, {"format": "csv"}])
def test_14_a_wrong_part_is_refused(market: Market, query: Json) -> None:
    assert market.x.get("/v1/commerce/payouts/po_1/statement", **query).status == 400


def test_14_a_note_is_no_formula_in_a_spreadsheet() -> None:
    """Text that begins like a formula is text in the CSV; a negative amount stays a number."""
    from billing.schemas.marketplace.statements import csv_of

    assert csv_of(["note", "amount"], [["=cmd()", -5]]) == b"note,amount\r\n'=cmd(),-5\r\n"
