"""What a caller was shown before: a change bills that, or is refused."""

from dataclasses import dataclass

from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.errors import AmountChanged, Detail, Unavailable


@dataclass(frozen=True, slots=True)
class ExpectedSums:
    """The sums of a preview, in micro-units; None for whatever it is.

    Args:
        total: with tax, before the customer's balance; below zero what is given back.
        amount_due: what is left to pay of it.
        or_less: whoever agreed to them agreed to lower ones, too.
    """

    total: int | None
    amount_due: int | None
    or_less: bool = False

    def check(self, invoice: Invoice) -> None:
        """Refuse an invoice with other sums.

        Args:
            invoice: foreseen, or made and not committed.

        Raises:
            AmountChanged: one of them is another one, or a higher one where lower ones are agreed to.
            Unavailable: nobody can say now which tax is due, and so what the sums are.
        """
        if invoice.tax_waits:
            raise Unavailable("What tax is due is not known now, so nothing was changed", retry_after_s=30)
        sums = (
            ("expectedTotal", self.total, invoice.total.micros),
            ("expectedAmountDue", self.amount_due, invoice.amount_due.micros),
        )
        differing = [
            (name, now) for name, expected, now in sums if expected is not None and not self._holds(expected, now)
        ]
        if differing:
            said = ", ".join(f"{name} would be {now}" for name, now in differing)
            raise AmountChanged(
                f"The change would bill another sum: {said}",
                tuple(Detail(name, f"is_{now}") for name, now in differing),
            )

    def _holds(self, expected: int, now: int) -> bool:
        return now == expected or (self.or_less and now < expected)
