"""Issue 14, 4: two at once: each reads before the other commits, and exactly one of both happens."""

from datetime import timedelta
from typing import Any

import pytest

from billing.bootstrap import payouts as payouts_bootstrap
from billing.bootstrap import storage, sweep
from billing.domain.kernel.errors import LostRace
from billing.domain.marketplace.account import ProviderBalance, Skip
from billing.domain.marketplace.payout import Payout
from billing.services.kernel.work import Ref
from billing.services.marketplace.release import release_earning
from tests.integration.marketplace.market import cents, item
from tests.integration.marketplace.paying import AVAILABLE, Payday


def head_of(unit: Any, payday: Payday) -> ProviderBalance:
    x = payday.market.x
    ref = Ref(ProviderBalance, x.id, payday.head(x).id)
    found: ProviderBalance = unit.load(ref).require(ref)
    return found


def test_of_two_triggers_one_pays_and_the_other_finds_it(payday: Payday) -> None:
    """Both read the account without a payout; the head's version lets one commit, the other looks again."""
    payday.earn(payday.market.x, 10000)
    service = payouts_bootstrap.payouts(sweep.alarm())
    first, second = (storage.units().begin(payday.market.shop.id) for _ in range(2))
    made = [service.make(unit, head_of(unit, payday), unit.now, manual=True) for unit in (first, second)]
    assert all(isinstance(each, Payout) for each in made)
    first.commit()
    with pytest.raises(LostRace):
        second.commit()
    second.restart()
    again = service.make(second, head_of(second, payday), second.now, manual=True)
    assert isinstance(again, Skip)
    assert again.reason.value == "payout_open"
    second.commit()
    assert [str(each.type) for each in payday.market.lines(payday.market.x)] == ["release", "payout"]


@pytest.mark.parametrize("refund_first", [True, False])
def test_a_refund_and_the_release_at_the_deadline_take_the_earning_one_after_the_other(
    payday: Payday, refund_first: bool
) -> None:
    """Whoever commits second looks again: the provider is left 60.00 of 100.00 either way, and the line says so."""
    market = payday.market
    order = market.order(item(10000, 0, market.x))
    assert market.pay(order, AVAILABLE).status == 200
    earning = market.earning(order, market.x)
    clock, in_time = payday.world.clock, earning.release_at - timedelta(seconds=1)
    clock.freeze(earning.release_at)
    unit = storage.units().begin(market.x.id)
    release_earning(unit, earning.id, unit.now)
    if refund_first:
        clock.freeze(in_time)
        assert market.refund(order, amount=40_00_000).status == 201
        clock.freeze(earning.release_at)
        with pytest.raises(LostRace):
            unit.commit()
        unit.restart()
        release_earning(unit, earning.id, unit.now)
    unit.commit()
    if not refund_first:
        clock.freeze(in_time)
        assert market.refund(order, amount=40_00_000).status == 201
    kinds = [(str(each.type), cents(each.amount)) for each in market.lines(market.x)]
    assert kinds == ([("release", 6000)] if refund_first else [("release", 10000), ("refund", -4000)])
    assert cents(payday.head(market.x).balance) == 6000
    assert market.books()["provider_payable:x"] == -6000
    assert market.books().get("provider_pending", 0) == 0


def test_a_dispute_and_a_payout_that_begin_at_once_leave_the_provider_owing_what_was_paid(payday: Payday) -> None:
    """The payout has read the account before the dispute holds it: it loses, and finds nothing to pay."""
    market = payday.market
    order = payday.earn(market.x, 10000)
    service = payouts_bootstrap.payouts(sweep.alarm())
    unit = storage.units().begin(market.shop.id)
    service.make(unit, head_of(unit, payday), unit.now, manual=True)
    payment = market.shop.get(f"/v1/payments/{market.now(order)['paymentId']}").data
    payday.world.sandbox.post(f"charges/{payment['paymentIntentId']}/dispute")
    payday.world.deliver_all(market.shop)
    with pytest.raises(LostRace):
        unit.commit()
    unit.restart()
    found = service.make(unit, head_of(unit, payday), unit.now, manual=True)
    assert isinstance(found, Skip)
    assert found.reason.value == "nothing_available"
    assert (cents(payday.head(market.x).balance), cents(payday.head(market.x).held)) == (0, 10000)
