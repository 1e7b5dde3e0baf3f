"""Issue 11, item 14: dunning charges nothing beside a payment that may still succeed."""

from dataclasses import replace

import pytest

from billing.bootstrap import storage
from billing.domain.payments.payment import Payment, PaymentStatus
from billing.services.kernel.work import Ref
from tests.integration.invoicing.test_dunning import Failing, day
from tests.integration.world import World


@pytest.mark.parametrize("status", [PaymentStatus.PENDING, PaymentStatus.PROCESSING])
def test_a_dunning_step_waits_for_what_is_undecided(world: World, status: PaymentStatus) -> None:
    """A payer is in the form (Stripe: requires_confirmation, processing): neither taken back nor charged beside it.

    An hour later it is looked at again, and when that payment has failed, the step is done.
    """
    failing = Failing(world, world.tenant(), "insufficient_funds")
    opened = failing.tenant.post("/v1/payments/intents", {"invoiceId": failing.invoice["id"]}).data
    work = storage.units().begin(failing.tenant.id)
    ref = Ref(Payment, failing.tenant.id, opened["paymentId"])
    work.save(replace(work.load(ref).require(ref), status=status))
    work.commit()
    failing.advance(1)
    assert failing.invoice["attemptCount"] == 2  # the renewal's own, and the form
    assert failing.invoice["nextAttemptAt"] == day(1).replace("T00", "T01")
    of_invoice = failing.tenant.get("/v1/payments", invoice=failing.invoice["id"]).data
    assert [each["status"] for each in of_invoice] == [status, "failed"]
    work = storage.units().begin(failing.tenant.id)
    work.save(replace(work.load(ref).require(ref), status=PaymentStatus.CANCELED))
    work.commit()
    failing.advance(2)
    assert failing.invoice["attemptCount"] == 3
