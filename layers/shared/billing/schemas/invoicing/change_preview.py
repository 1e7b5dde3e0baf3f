"""What a change of a subscription would bill, in the API. Amounts are integers in micro-units."""

from typing import Annotated

from pydantic import Field

from billing.schemas.base import Time
from billing.schemas.invoicing.invoices import PreviewOut
from billing.services.subscriptions.changes import ChangePreview


class NextInvoiceOut(PreviewOut):
    """The next invoice, if nothing changes and nothing more is used until then."""

    at: Annotated[Time, Field(description="when it is made")]


class ChangePreviewOut(PreviewOut):
    """What a change of a subscription would bill, as an invoice of its own; nothing of it is stored."""

    at_once: Annotated[
        bool,
        Field(description="billed now; false: its lines wait for the next invoice, and are on that, too"),
    ]
    next_invoice: Annotated[
        NextInvoiceOut | None, Field(description="the next one after the change; null where none will come")
    ]

    @classmethod
    def shown(cls, preview: ChangePreview) -> "ChangePreviewOut":
        following = preview.next_invoice
        return cls(
            **cls.figures(preview.invoice),
            at_once=preview.at_once,
            next_invoice=NextInvoiceOut(**cls.figures(following.invoice), at=following.at) if following else None,
        )
