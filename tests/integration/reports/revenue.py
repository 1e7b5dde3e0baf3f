"""Reports on revenue and its recognition, as tests ask for them."""

import csv
import io
from typing import Any

from tests.integration.world import Json, Tenant

REVENUE, RECOGNITION = "/v1/reports/revenue", "/v1/reports/recognition"


def rows(tenant: Tenant, path: str, clock: str | None = None, /, **query: Any) -> list[Json]:
    """A report's rows, of a test clock's customers where one is named."""
    answer = tenant.get(path, **({"testClock": clock} if clock else {}), **query)
    assert answer.status == 200, answer.json
    found: list[Json] = answer.data["rows"]
    return found


def csv_rows(tenant: Tenant, path: str, clock: str, /, **query: Any) -> list[dict[str, str]]:
    """The same out of the CSV."""
    answer = tenant.get(f"{path}.csv", testClock=clock, **query)
    assert answer.status == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def by_month(tenant: Tenant, clock: str, column: str, **query: Any) -> dict[str, Any]:
    """A column of the report on recognition by its month; one currency."""
    return {row["month"]: row[column] for row in rows(tenant, RECOGNITION, clock, **query)}


def trial_balance(tenant: Tenant, account: str, clock: str | None = None, **query: Any) -> dict[str, int]:
    """What an account has by currency, a credit above zero; what is zero is left out."""
    found = tenant.get("/v1/reports/trial-balance", **({"testClock": clock} if clock else {}), **query)
    assert found.status == 200, found.json
    wanted = [each for each in found.data["accounts"] if each["account"] == account and each["balance"]]
    return {each["currency"]: -each["balance"] for each in wanted}
