"""Stories of movements of MRR, for tests of what is folded out of them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from billing.domain.kernel.money import Money
from billing.domain.subscriptions.mrr import MrrMovement
from billing.domain.subscriptions.recurring import Mrr, MrrStanding

BEGIN = datetime(2028, 2, 25, 5, 30, tzinfo=UTC)


@dataclass
class Story:
    """Movements of some subscriptions, in order, and what each counts for after each of them."""

    moves: list[MrrMovement] = field(default_factory=list)
    latest: dict[str, Mrr] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)
    snapshots: list[tuple[datetime, dict[str, Mrr]]] = field(default_factory=list)

    def enter(self, moved: MrrMovement) -> None:
        self.moves.append(moved)
        self.latest[moved.subscription_id] = moved.after
        self.customers[moved.subscription_id] = moved.customer_id
        self.snapshots.append((moved.at, dict(self.latest)))

    def at(self, end: datetime) -> dict[str, Mrr]:
        """What each counted for just before an instant."""
        found: dict[str, Mrr] = {}
        for at, mrr in self.snapshots:
            if at < end:
                found = mrr
        return found

    def customers_at(self, end: datetime, currency: str) -> int:
        sums: dict[str, int] = {}
        for subscription_id, mrr in self.at(end).items():
            if mrr.currency == currency:
                who = self.customers[subscription_id]
                sums[who] = sums.get(who, 0) + mrr.figures.mrr.micros
        return sum(1 for each in sums.values() if each)


@st.composite
def stories(draw: st.DrawFn, currencies: tuple[str, ...] = ("USD", "EUR", "JPY")) -> Story:
    """Subscriptions of three customers that become anything at all, also of another currency."""
    story, at = Story(), BEGIN
    for n in range(draw(st.integers(0, 25))):
        at += timedelta(seconds=draw(st.integers(0, 3 * 86_400)))
        subscription = draw(st.integers(0, 4))
        before = story.latest.get(f"sub_{subscription}")
        amount = draw(st.integers(0, 3))
        kept = before.currency if before is not None and draw(st.integers(0, 9)) else draw(st.sampled_from(currencies))
        standing = draw(st.sampled_from(MrrStanding))
        after = Mrr(
            standing,
            Money(amount, kept),
            Money(draw(st.integers(0, amount)), kept),
            draw(st.sampled_from(["basic", "pro"])),
            at,
            at_risk=draw(st.booleans()),
            ending=draw(st.booleans()),
            involuntary=draw(st.booleans()),
            counted_since=(before.counted_since if before else None)
            or (at if standing is MrrStanding.COUNTED else None),
        )
        story.enter(
            MrrMovement(
                f"mrr_{n:03d}", "ten_1", f"sub_{subscription}", n, f"cus_{subscription % 3}", at, at, before, after,
                opening=before is None and draw(st.booleans()),
            )
        )  # fmt: skip
    return story
