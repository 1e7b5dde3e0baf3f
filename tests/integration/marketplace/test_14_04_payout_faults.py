"""Issue 14, 4: each call of a payout at Stripe is slow, refused, carried out in silence, or sent twice."""

from typing import Any

import pytest

from billing.bootstrap import connect
from billing.domain.marketplace.payout import Payout
from tests.integration.marketplace.market import cents
from tests.integration.marketplace.paying import Payday, reasons
from tests.integration.world import Json

TRANSFER, BANK, REVERSAL = "^/v1/transfers$", "^/v1/payouts$", "/reversals$"


def begun(payday: Payday, amount: int = 10000) -> Json:
    payday.earn(payday.market.x, amount)
    return payday.paid_out(payday.market.x)


def sent(payday: Payday) -> tuple[Json, Payout]:
    payout = begun(payday)
    return payout, payday.work(payday.market.x, payout, 2)


def settled(payday: Payday, payout: Json, status: str) -> Payout:
    """Turns, each when the payout is due, until it has a status."""
    x = payday.market.x
    for _ in range(12):
        made = payday.stored(x, payout)
        if made.status == status or made.due is None:
            return made
        payday.look(x, payout)
    return payday.stored(x, payout)


def made_at_bank(payday: Payday, payout: Payout) -> list[Any]:
    options: Any = {"stripe_account": payout.stripe_account_id}
    return list(payday.world.stripe.v1.payouts.list({"limit": 100}, options).data)


def keys(payout: Payout) -> tuple[int, int]:
    return payout.transfer.attempt, payout.bank.attempt


@pytest.mark.parametrize("path", [TRANSFER, BANK])
@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "status_after"])
def test_a_call_without_an_answer_keeps_its_key_and_moves_the_money_once(payday: Payday, kind: str, path: str) -> None:
    """C11: it is looked up, and sent again under the same key; one transfer, one payout to the bank."""
    payout = begun(payday)
    payday.world.stripe_fails(kind, path, method="POST")
    payday.work(payday.market.x, payout, 2)
    payday.world.stripe_works()
    made = settled(payday, payout, "in_transit")
    assert (made.status, keys(made)) == ("in_transit", (1, 1))
    assert len(payday.transfers(payout)) == 1
    assert len(made_at_bank(payday, made)) == 1
    assert len([each for each in payday.market.lines(payday.market.x) if each.type == "payout"]) == 1


@pytest.mark.parametrize("path", [TRANSFER, BANK])
def test_a_crash_after_a_call_makes_no_second_one(payday: Payday, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """C11: the process dies between Stripe's answer and the commit: what was made is found."""
    payout = begun(payday)
    gateway = connect.connect_gateway()
    name = "transfer" if path == TRANSFER else "pay_out"
    real = getattr(gateway, name)

    def dies(order: Any) -> Any:
        real(order)
        raise MemoryError("the process ended here")

    with monkeypatch.context() as patch:
        patch.setattr(gateway, name, dies)
        payday.work(payday.market.x, payout, 2)
    made = settled(payday, payout, "in_transit")
    assert (made.status, keys(made)) == ("in_transit", (1, 1))
    assert (len(payday.transfers(payout)), len(made_at_bank(payday, made))) == (1, 1)


@pytest.mark.parametrize("path", [TRANSFER, BANK])
def test_a_key_that_is_too_old_is_never_sent_again(payday: Payday, path: str) -> None:
    """After 23 hours Stripe may have forgotten the key: what was never made gets a new attempt, and a new key."""
    payout = begun(payday)
    payday.world.stripe_fails("drop_before", path, method="POST")
    payday.work(payday.market.x, payout, 2)
    payday.world.stripe_works()
    payday.world.clock.advance(hours=24)
    made = settled(payday, payout, "in_transit")
    assert keys(made) == ((2, 1) if path == TRANSFER else (1, 2))
    assert (len(payday.transfers(payout)), len(made_at_bank(payday, made))) == (1, 1)


def test_too_many_requests_are_no_failure(payday: Payday) -> None:
    """429: nothing was done, nobody counts it, and the same is sent again soon."""
    payout = begun(payday)
    payday.world.stripe_fails("status", TRANSFER, status=429)
    for _ in range(3):
        payday.look(payday.market.x, payout)
    made = payday.stored(payday.market.x, payout)
    assert made.due is not None
    assert (made.status, made.due.attempts, keys(made)) == ("transferring", 0, (1, 1))
    payday.world.stripe_works()
    assert settled(payday, payout, "in_transit").status == "in_transit"


def test_a_platform_without_the_money_waits_under_another_key(payday: Payday) -> None:
    """A definite refusal ends the attempt: Stripe would answer the key so for a day. An alarm goes off."""
    market, x = payday.market, payday.market.x
    body = {"amount": 900_000_000_000, "currency": "USD", "reason": "a bonus that nobody has paid in"}
    market.shop.post(f"/v1/commerce/providers/{x.id}/adjustments", body)
    payout = payday.paid_out(x)
    made = payday.work(x, payout)
    assert (made.status, made.transfer.attempt, made.transfer.refusal) == ("transferring", 2, "balance_insufficient")
    assert made.transfer.submitted_at is None
    assert "transfer of a payout refused" in [each["message"] for each in payday.world.logs.lines]
    made = settled(payday, payout, "failed")
    assert (made.status, made.failure_code, made.transfer.attempt) == ("failed", "balance_insufficient", 12)
    assert (cents(payday.head(x).balance), payday.head(x).open_payout_id) == (900_000_000, None)
    assert payday.transfers(payout) == []


def test_what_stripe_does_not_take_back_is_stranded_and_paid_to_nobody_twice(payday: Payday) -> None:
    """C13: the returned money was eaten at Stripe: shown, alarmed, not payable; when it comes back after all, it is."""
    x = payday.market.x
    payout, made = sent(payday)
    payday.bank(made, "failed")
    payday.world.sandbox.post(f"accounts/{made.stripe_account_id}/debit", amount=10000, currency="usd")
    assert payday.look(x, payout).status == "failed"
    made = payday.work(x, payout)
    assert made.stranded is not None
    head = payday.head(x)
    assert head.stranded == made.stranded
    assert (cents(head.balance), head.open_payout_id) == (0, None)
    assert payday.earnings(x)["stranded"] == 100_00_000
    assert "reversal of a payout refused" in [each["message"] for each in payday.world.logs.lines]
    assert reasons(payday.trigger(providerTenantId=x.id)) == ["nothing_available"]
    (transfer,) = payday.transfers(payout)
    assert transfer["amount_reversed"] == 0


def test_an_account_that_owes_stripe_is_sent_nothing(payday: Payday) -> None:
    """C13: a transfer there would be eaten, come back, and be made again, for ever: not attempted, and told why."""
    x = payday.market.x
    payday.earn(x, 10000)
    from billing.bootstrap import storage
    from billing.domain.marketplace.provider import ACCOUNT_ID, ProviderAccount
    from billing.services.kernel.work import Ref

    ref = Ref(ProviderAccount, x.id, ACCOUNT_ID)
    provider = storage.units().begin(x.id).load(ref).require(ref)
    assert provider.account is not None
    payday.world.sandbox.post(f"accounts/{provider.account.id}/debit", amount=500, currency="usd")
    answer = payday.trigger(providerTenantId=x.id)
    assert reasons(answer) == ["account_not_ready"]
    assert "owes 5.00 USD" in answer["skipped"][0]["detail"]


def test_a_reversal_without_an_answer_brings_the_money_back_once(payday: Payday) -> None:
    """The transfer was taken back in silence: it is found, and one line says so."""
    x = payday.market.x
    payout, made = sent(payday)
    payday.bank(made, "failed")
    payday.look(x, payout)
    payday.world.stripe_fails("drop_after", REVERSAL, method="POST")
    payday.work(x, payout)
    payday.world.stripe_works()
    for _ in range(3):
        if payday.stored(x, payout).due is not None:
            payday.look(x, payout)
    returned = [each for each in payday.market.lines(x) if each.type == "payout_returned"]
    assert [cents(each.amount) for each in returned] == [10000]
    (transfer,) = payday.transfers(payout)
    assert transfer["amount_reversed"] == 10000
