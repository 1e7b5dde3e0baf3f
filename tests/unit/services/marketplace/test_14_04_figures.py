"""Issue 14: what a line shows beside its amount explains it, whoever owes the tax."""

import pytest

from billing.domain.kernel.marketplace_terms import DEFAULT_TERMS, Party
from billing.domain.kernel.money import Money
from billing.domain.marketplace.split import split
from billing.services.marketplace.shares import figures_of


@pytest.mark.parametrize("collector", list(Party))
@pytest.mark.parametrize("sign", [1, -1])
def test_14_the_figures_of_a_refund_lead_to_its_amount(collector: Party, sign: int) -> None:
    """110.00 with 10.00 tax at 15 %: gross less commission is 85.00, or 95.00 where the provider owes the tax."""
    part = split(
        Money.from_minor(11_000, "USD"),
        Money.zero("USD"),
        Money.from_minor(1_000, "USD"),
        1_500,
        DEFAULT_TERMS,
        collector,
    )
    shown = figures_of(part, sign)
    net = shown.gross - shown.discount - shown.commission - shown.commission_tax - shown.fee
    assert net.minor == sign * (8_500 if collector is Party.MARKETPLACE else 9_500) == sign * part.earning.minor
    assert shown.tax.minor == sign * 1_000
