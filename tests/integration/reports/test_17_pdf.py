"""Issue 17, number 6: every report as PDF, with the figures of its CSV; and by a run, where there is much to read."""

import csv
import io
import re
from collections import Counter
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from billing.bootstrap.reports import OF_PLATFORM, all_reports
from billing.services.reports import printing
from tests.integration.invoices import line, make
from tests.integration.marketplace.paying import AVAILABLE
from tests.integration.payer import sale
from tests.integration.reports.books import Books, books
from tests.integration.reports.runs import at_most, file_of, work
from tests.integration.reports.shop import Shop, base, opened
from tests.integration.world import Answer, Json, Tenant, World

BERLIN = {"line1": "Rosenthaler Str. 1", "city": "Berlin", "postalCode": "10119", "country": "DE"}
OF_TENANTS = sorted(set(all_reports()) - OF_PLATFORM)
PERIOD = {"from": "2026-01-01", "to": "2026-04-01"}
AS_OF_NOW = {"trial-balance", "aging"}
NAMES = {"trial-balance": "Trial balance", "ledger-entries": "Journal", "mrr": "Monthly recurring revenue"}
MONEY = re.compile(r"-?[€$]\d[\d,]*(?:\.\d+)?")
SIGNS = {"EUR": "€", "USD": "$"}


def path_of(name: str) -> str:
    return "/v1/ledger/entries" if name == "ledger-entries" else f"/v1/reports/{name}"


def query_of(name: str, shop: Shop) -> dict[str, str]:
    return {"testClock": shop.clock} | ({} if name in AS_OF_NOW else PERIOD)


def text_of(answer: Answer) -> str:
    assert answer.status == 200, answer.json
    return text(answer.content)


def text(content: bytes) -> str:
    pages = PdfReader(BytesIO(content), strict=True).pages
    return "\n".join(page.extract_text() for page in pages).replace("\u00a0", " ").replace("\u202f", " ")


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def is_figure(cell: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", cell) is not None


def amounts_of(rows: list[dict[str, str]], columns: set[str]) -> Counter[str]:
    """As English documents write them."""
    found: Counter[str] = Counter()
    for row in rows:
        for name in columns:
            if row[name]:
                amount = Decimal(row[name])
                found[f"{'-' if amount < 0 else ''}{SIGNS[row['currency']]}{abs(amount):,}"] += 1
    return found


@pytest.fixture(scope="module")
def shop(world: World) -> Shop:
    """Subscriptions in two currencies, taxed and metered, over three months; one of them is given up."""
    world.clock.reset()
    tenant = world.tenant(
        name="Kontor", legalName="Kontor & Söhne GmbH", address=BERLIN, taxProvider="builtin", currency="EUR",
        timezone="Europe/Berlin", branding={"color": "#1d6f5c", "footer": "Kontor, Berlin"},
    )  # fmt: skip
    tenant.meter("calls", dimensions=["region"])
    made = opened(world, tenant)
    calls = {"key": "calls", "type": "metered", "meter": "calls", "unitAmount": 1_000, "groupBy": ["region"]}
    made.plan("pro", base(4_900), calls, currency="EUR")
    made.plan("abroad", base(1_234_567), currency="USD")
    made.customer("ada", address=BERLIN, currency="EUR")
    made.customer("grace", address={"country": "JP"}, currency="USD", taxExempt="exempt")
    subscription = made.subscribe("pro")
    ended = made.subscribe("abroad", "grace")
    event = {"eventId": "a", "subscriptionId": subscription["id"], "meter": "calls", "quantity": 1_250}
    event |= {"timestamp": "2026-01-01T00:00:00Z", "properties": {"region": "eu"}}
    assert tenant.post("/v1/usage/events", {"events": [event]}).status == 202
    world.count_usage()
    made.until("2026-02-15")
    made.post(ended, "cancel")
    debtor = made.customer("mary", address=BERLIN, currency="EUR", netTermsDays=10)
    make(tenant, line(123_456), customerId=debtor, autoFinalize=True)
    made.until("2026-03-20")
    return made


def test_every_report_has_rows_here(shop: Shop) -> None:
    """Else the next test would show little."""
    for name in OF_TENANTS:
        assert rows_of(shop.tenant.get(f"{path_of(name)}.csv", **query_of(name, shop)).content), name


@pytest.mark.parametrize("name", OF_TENANTS)
def test_a_report_as_pdf_has_every_cell_of_its_csv(shop: Shop, name: str) -> None:
    query = query_of(name, shop)
    rows = rows_of(shop.tenant.get(f"{path_of(name)}.csv", **query).content)
    answer = shop.tenant.get(f"{path_of(name)}.pdf", **query)
    said = text_of(answer)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert re.search(rf'filename="{name}-.*\.pdf"', answer.headers["Content-Disposition"])
    amounts = {each.name for each in columns_of(name, shop) if each.kind == "amount"}
    assert amounts
    assert amounts_of(rows, amounts) - Counter(MONEY.findall(said)) == Counter()
    whole = re.sub(r"\s", "", said)
    for row in rows:
        for column, cell in row.items():
            if column not in amounts and not re.match(r"\d{4}-\d\d-\d\d", cell):
                shown = f"{Decimal(cell):,}" if is_figure(cell) else cell
                assert re.sub(r"\s", "", shown) in whole, (column, cell)
    assert f"Rows {len(rows)}" in said
    for expected in ("Kontor & Söhne GmbH", "Kontor, Berlin", "Europe/Berlin", "TEST CLOCK", "Page 1 of"):
        assert expected in said
    assert shop.clock in whole


def columns_of(name: str, shop: Shop) -> Any:
    """The columns as the report has them, whatever its JSON shows."""
    from billing.services.reports.sources import Asked

    report: Any = all_reports()[name]
    if name == "ledger-entries":
        return report.columns(Asked(shop.world.clock(), "UTC"))
    if name == "trial-balance":
        from billing.domain.reports.trial_balance import Balances, table

        return table(Balances().at(shop.world.clock())).columns
    found = shop.tenant.get(path_of(name), **query_of(name, shop)).data["columns"]
    return [Shown(each["name"], each["kind"]) for each in found]


class Shown:
    """A column as JSON tells it."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind


@pytest.mark.parametrize("name", sorted(NAMES))
def test_it_says_what_it_is_and_what_was_asked_for(shop: Shop, name: str) -> None:
    said = text_of(shop.tenant.get(f"{path_of(name)}.pdf", **query_of(name, shop)))
    assert NAMES[name] in said
    if name not in AS_OF_NOW:
        assert "Period Jan 1, 2026 – Mar 31, 2026" in said
    assert "Currencies EUR, USD" in said


def test_options_are_said_in_words(shop: Shop) -> None:
    query = query_of("revenue", shop)
    said = text_of(shop.tenant.get("/v1/reports/revenue.pdf", per="day", by="customer", **query))
    assert "Divided by customer" in said
    assert "A row for each day" in said
    aging = text_of(shop.tenant.get("/v1/reports/aging.pdf", rows="invoices", asOf="2026-02-28", testClock=shop.clock))
    assert "End of Feb 28, 2026" in aging
    journal = text_of(
        shop.tenant.get("/v1/ledger/entries.pdf", account="receivable", **query_of("ledger-entries", shop))
    )
    assert "Account receivable" in journal


def test_it_is_in_the_tenant_s_language_and_in_another_where_that_is_asked_for(shop: Shop) -> None:
    said = text_of(shop.tenant.get("/v1/reports/trial-balance.pdf", testClock=shop.clock, locale="de"))
    for expected in ("Summen- und Saldenliste", "Soll", "Haben", "Testuhr", "Seite 1 von 1", "Summe"):
        assert expected in said
    assert re.search(r"\d,\d\d €", said)
    assert shop.tenant.get("/v1/reports/trial-balance.pdf", locale="!").status == 400


def test_without_anything_to_report_it_says_so(tenant: Tenant) -> None:
    for name in OF_TENANTS:
        said = text_of(tenant.get(f"{path_of(name)}.pdf"))
        if "Rows 0" in said:
            assert "There is nothing to report for what was asked." in said
        assert "TEST" in said


def test_a_parameter_that_only_another_form_has_is_refused(tenant: Tenant) -> None:
    assert tenant.get("/v1/reports/tax.pdf", bom="true").status == 400
    assert tenant.get("/v1/reports/tax.csv", locale="de").status == 400
    assert tenant.get("/v1/reports/tax", locale="de").status == 400


def test_they_have_the_limit_of_documents(tenant: Tenant) -> None:
    answer = tenant.get("/v1/reports/tax.pdf")
    assert answer.headers["X-RateLimit-Limit"] == "300"


# Of the platform


def test_payouts_are_printed_for_the_platform_alone(world: World, tenant: Tenant) -> None:
    world.clock.reset()
    for made in books(world):
        _a_deposit(world, tenant, made)
        platform = world.platform()
        world.clock.advance(seconds=1)
        rows = rows_of(platform.get("/v1/reports/payouts.csv").content)
        said = text_of(platform.get("/v1/reports/payouts.pdf"))
        assert rows
        amounts = {"gross", "refunds", "disputes", "transfers", "adjustments", "fees", "unexplained", "net"}
        assert amounts_of(rows, amounts) - Counter(MONEY.findall(said)) == Counter()
        assert "Payouts to the bank" in said
    assert tenant.get("/v1/reports/payouts.pdf").status == 403


def _a_deposit(world: World, tenant: Tenant, made: Books) -> None:
    sale(tenant, AVAILABLE)
    account = world.stripe.v1.accounts.retrieve_current().id
    world.sandbox.post("balance/pay_out", account=account, currency="usd")
    made.run()


# Runs


def test_what_is_too_long_to_read_is_printed_by_the_worker(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial balance of many entries is short: the run's PDF is the one that a request would have made."""
    query = query_of("trial-balance", shop)
    at_once = text_of(shop.tenant.get("/v1/reports/trial-balance.pdf", **query))
    at_most(monkeypatch, 2)
    answer = shop.tenant.get("/v1/reports/trial-balance.pdf", **query)
    assert answer.status == 202
    run = answer.data
    assert (run["format"], run["state"]) == ("pdf", "queued")
    world.clock.advance(seconds=1)
    assert work(world, run["id"]) == {"batchItemFailures": []}
    done = shop.tenant.get(f"/v1/report-runs/{run['id']}").data
    assert done["state"] == "done", done
    content = file_of(shop.tenant, f"/v1/report-runs/{run['id']}")
    assert len(content) == done["bytes"]
    assert without_time(text(content)) == without_time(at_once)


def without_time(said: str) -> str:
    """But for when it was made."""
    return re.sub(r"Made .*", "", said)


def test_the_journal_of_one_invoice_is_a_page_whatever_there_is_to_read(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing: its rows are kept until they are all there, and its language goes with the run."""
    invoice = next(
        each["invoiceId"]
        for each in shop.tenant.get("/v1/ledger/entries", **query_of("ledger-entries", shop)).data
        if each["invoiceId"]
    )
    query = query_of("ledger-entries", shop) | {"invoice": invoice, "locale": "fr"}
    at_once = text_of(shop.tenant.get("/v1/ledger/entries.pdf", **query))
    at_most(monkeypatch, 2)
    run = shop.tenant.get("/v1/ledger/entries.pdf", **query).data
    assert run["options"] == {"invoice": invoice, "locale": "fr"}
    world.clock.advance(seconds=1)
    work(world, run["id"])
    content = file_of(shop.tenant, f"/v1/report-runs/{run['id']}")
    assert re.sub(r"Établi le .*", "", text(content)) == re.sub(r"Établi le .*", "", at_once)
    assert invoice in re.sub(r"\s", "", text(content))


def test_the_three_forms_are_runs_of_their_own(tenant: Tenant, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sale(tenant)
    world.clock.advance(seconds=1)
    at_most(monkeypatch, 2)
    forms = ("", ".csv", ".pdf", ".pdf?locale=de")
    asked = [
        tenant.get(f"/v1/reports/trial-balance{form.partition('?')[0]}", **({"locale": "de"} if "?" in form else {}))
        for form in forms
    ]
    assert len({answer.data["id"] for answer in asked}) == len(forms)
    assert tenant.get("/v1/reports/trial-balance.pdf").data["id"] == asked[2].data["id"]


def test_what_has_too_many_rows_is_refused_at_once_and_its_csv_is_named(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "MOST_ROWS", 3)
    answer = shop.tenant.get("/v1/reports/trial-balance.pdf", testClock=shop.clock)
    assert (answer.status, answer.error["code"]) == (422, "report.too_long_for_pdf")
    assert "/v1/reports/trial-balance.csv" in answer.error["message"]
    assert shop.tenant.get("/v1/reports/trial-balance.csv", testClock=shop.clock).status == 200


def test_a_run_whose_rows_are_too_many_fails_and_says_where_they_are(
    tenant: Tenant, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is woken for it: it is an answer, not a fault."""
    sale(tenant)
    world.clock.advance(seconds=1)
    at_most(monkeypatch, 2)
    run = tenant.get("/v1/ledger/entries.pdf").data
    monkeypatch.setattr(printing, "MOST_ROWS", 3)
    world.clock.advance(seconds=1)
    assert work(world, run["id"]) == {"batchItemFailures": []}
    failed: Json = tenant.get(f"/v1/report-runs/{run['id']}").data
    assert failed["state"] == "failed"
    assert "/v1/ledger/entries.csv" in failed["reason"]
    assert tenant.get(f"/v1/report-runs/{run['id']}/file").error["code"] == "report_run.invalid_state"
    assert "report_run.failed" in {row["type"]["S"] for row in world.rows_of("events", tenant.id) if "type" in row}
