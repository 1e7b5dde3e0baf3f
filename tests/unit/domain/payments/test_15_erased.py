"""Issue 15, item 8: what Stripe says later of an erased customer's payment brings no card back; the money counts."""

from dataclasses import replace

from billing.domain.payments.payment import ChargedCard, ChargeResult, PaymentStatus, SettledBy, Taken
from billing.domain.payments.payment import with_facts as filled
from billing.domain.payments.payment import with_result as settled
from billing.services.erasure import redaction
from tests.unit.domain.payments.test_payment import LATER, PENDING

CARD = ChargedCard("visa", "4242")
SUCCEEDED = PaymentStatus.SUCCEEDED


def test_15_a_payer_who_completes_a_form_after_the_erasure_paid_by_no_card_that_is_shown() -> None:
    """The attempt had failed, so nothing was under way; the form at Stripe was still open to whoever has it."""
    failed = replace(PENDING, status=PaymentStatus.FAILED, stripe_payment_intent_id="pi_1")
    result = ChargeResult(SUCCEEDED, "pi_1", card=CARD)
    assert settled(failed, result, LATER, SettledBy.WEBHOOK, "evt_1").card == CARD
    late = settled(redaction.payment(failed), result, LATER, SettledBy.WEBHOOK, "evt_1")
    assert (late.status, late.card) == (SUCCEEDED, None)


def test_15_a_fee_that_is_known_after_the_erasure_brings_no_card() -> None:
    """Stripe says fee and card of a charge together, again and again, some of it days later."""
    paid = replace(PENDING, status=SUCCEEDED, stripe_payment_intent_id="pi_1", taken=Taken(PENDING.amount), card=CARD)
    known = Taken(PENDING.amount, charge_id="ch_1", balance_transaction_id="txn_1")
    result = ChargeResult(SUCCEEDED, "pi_1", taken=known, card=CARD)
    assert filled(paid, result).card == CARD
    late = filled(redaction.payment(paid), result)
    assert (late.taken, late.card) == (known, None)
