"""What a use case asks of its caller when it knows how much money goes out."""

from billing.domain.kernel.money import Money
from billing.edge.http.api import current_call
from billing.edge.http.step_up import check_entered


def permit_refund(total: Money) -> None:
    """Let a refund be made; a large one wants the password, as ``check_entered`` does.

    A ``services.payments.permits.PermitRefund``.
    """
    call = current_call()
    if call.admit().tenant.is_large_refund(total):
        check_entered(call.caller, call.edge.clock())
