"""Runs the reconciliation in the world of the integration tests, over the lines of one test only."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from billing.bootstrap import reports, storage
from billing.domain.deposits import PayoutAtStripe
from billing.domain.kernel.money import Money
from billing.domain.reconciliation import RECONCILIATION_ID, StripeLine
from billing.domain.tenant import PLATFORM
from billing.services.reports import reconciliation
from billing.services.reports.ports import LinePage, StripeAccount
from billing.services.reports.reconciliation import Reconciler
from tests.integration.world import Json, World


@dataclass
class OwnLines:
    """Stripe's account without what other tests did to it.

    Args:
        balances: what Stripe is said to have, where that is not the truth.
    """

    real: StripeAccount
    since: datetime
    others: set[str]
    balances: dict[str, Money] | None = None

    def lines(self, created_from: datetime, created_to: datetime, place: str | None, limit: int) -> LinePage:
        page = self.real.lines(max(created_from, self.since), created_to, place, limit)
        return replace(page, lines=tuple(each for each in page.lines if each.id not in self.others))

    def line(self, line_id: str) -> StripeLine | None:
        return self.real.line(line_id)

    def payout(self, payout_id: str) -> PayoutAtStripe | None:
        return self.real.payout(payout_id)

    def lines_of_payout(self, payout_id: str, place: str | None, limit: int) -> LinePage:
        return self.real.lines_of_payout(payout_id, place, limit)

    def balance(self) -> dict[str, Money]:
        return self.real.balance() if self.balances is None else self.balances


@dataclass
class Books:
    """The reconciliation, and what it leaves behind."""

    world: World
    own: OwnLines
    reconciler: Reconciler

    def begin(self) -> None:
        """Have it be there, as a worker's turn does."""
        unit = storage.units().begin(PLATFORM)
        reconciliation.found(unit, "00")
        unit.commit()

    def forget(self) -> None:
        """Have it never have been."""
        for table in ("reconciliations", "ledger"):
            for row in self.world.rows_of(table, PLATFORM):
                key = {"tenant_id": row["tenant_id"], "id": row["id"]}
                self.world.aws("dynamodb").delete_item(TableName=self.world.tables[table], Key=key)

    def run(self, **later: float) -> None:
        """A whole run, after some time."""
        self.world.clock.advance(**(later or {"minutes": 61}))
        self.begin()
        while self.turn():
            pass

    def turn(self) -> bool:
        """One turn; whether there is more to do."""
        unit = storage.units().begin(PLATFORM)
        due = self.reconciler.reconcile(unit, RECONCILIATION_ID, self.world.clock())
        unit.commit()
        assert due is not None
        return due.at <= self.world.clock()

    def report(self) -> Json:
        """What the operator reads."""
        answer = self.world.platform().get("/v1/reports/reconciliation")
        assert answer.status == 200, answer.json
        return dict(answer.data)

    def open(self) -> list[tuple[str, str]]:
        """Status and reason of what does not agree."""
        return [(each["status"], each["reason"]) for each in self.report()["differences"]]

    def critical(self) -> list[str]:
        """The critical lines of the log since the last look."""
        found = [each["message"] for each in self.world.logs.lines if each["level"] == "CRITICAL"]
        self.world.logs.clear()
        return found

    def of_platform(self) -> list[Json]:
        """The platform's own entries."""
        return [json.loads(row["body"]["S"]) for row in self.world.rows_of("ledger", PLATFORM)]


def _ids(account: StripeAccount, since: datetime) -> Iterator[str]:
    """The lines that there are: a quick machine makes hundreds in a few seconds."""
    place: str | None = None
    while True:
        page = account.lines(since, since + timedelta(hours=1), place, 100)
        yield from (each.id for each in page.lines)
        place = page.next_place
        if place is None:
            return


def books(world: World) -> Iterator[Books]:
    """A reconciliation that begins now, and is gone afterwards."""
    real = reports.reconciler()
    since = datetime.now(UTC) - timedelta(seconds=5)
    own = OwnLines(real.stripe, since, set(_ids(real.stripe, since)))
    made = Books(world, own, replace(real, units=storage.units(), stripe=own))
    made.begin()
    yield made
    made.forget()
