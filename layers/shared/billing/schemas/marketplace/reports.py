"""What a marketplace's providers sold, in the API: for DAC7 and 1099-K reports. Amounts are integers in micro-units."""

from typing import Annotated

from pydantic import Field

from billing.schemas.base import Resource
from billing.schemas.csv_table import csv_of
from billing.services.marketplace.reporting import Report, ReportedProvider

_COLUMNS = (
    "providerTenantId", "name", "country", "taxId", "year", "quarter", "currency", "sales", "quantity", "gross",
    "grossWithoutTax", "paidByMarketplace", "tax", "taxWithheld", "commission", "commissionTax", "fees", "refunded",
    "consideration",
)  # fmt: skip


class ProviderReportOut(Resource):
    """What one provider sold in one quarter, in one currency."""

    provider_tenant_id: str
    name: str | None
    country: str | None
    tax_id: str | None
    year: int
    quarter: int
    currency: str
    sales: Annotated[int, Field(description="orders that have something of the provider's")]
    quantity: int
    gross: Annotated[int, Field(description="paid for it, with tax, before refunds, commissions and fees (1099-K)")]
    gross_without_tax: int
    paid_by_marketplace: Annotated[int, Field(description="the part of `gross` that the marketplace's coupons paid")]
    tax: Annotated[int, Field(description="the part of `gross` that is tax, whoever owes it")]
    tax_withheld: Annotated[int, Field(description="the part of `tax` that the marketplace owes, and keeps")]
    commission: Annotated[int, Field(description="before refunds")]
    commission_tax: int
    fees: Annotated[int, Field(description="the processor's, as far as the provider bears them")]
    refunded: Annotated[int, Field(description="given back to buyers of these sales until now, with tax")]
    consideration: Annotated[
        int,
        Field(description="credited to the provider, less refunds until now, commission, fees, withheld tax (DAC7)"),
    ]

    @classmethod
    def of(cls, row: ReportedProvider, year: int) -> "ProviderReportOut":
        sold, tenant = row.sold, row.tenant
        return cls(
            provider_tenant_id=sold.provider_id,
            name=(tenant.legal_name or tenant.name) if tenant else None,
            country=tenant.address.country_code if tenant and tenant.address else None,
            tax_id=tenant.tax_id if tenant else None,
            year=year,
            quarter=sold.quarter,
            currency=sold.currency,
            sales=sold.sales,
            quantity=sold.quantity,
            gross=sold.gross.micros,
            gross_without_tax=(sold.gross - sold.split.tax).micros,
            paid_by_marketplace=sold.split.promotion.micros,
            tax=sold.split.tax.micros,
            tax_withheld=sold.split.tax_owed.micros,
            commission=sold.split.commission.micros,
            commission_tax=sold.split.commission_tax.micros,
            fees=sold.fees.micros,
            refunded=sold.returned.paid.micros,
            consideration=sold.consideration.micros,
        )


def report_csv(report: Report, year: int) -> bytes:
    """The report as CSV (RFC 4180, UTF-8), with the fields of the JSON."""
    rows = [ProviderReportOut.of(each, year).model_dump(by_alias=True) for each in report.rows]
    return csv_of(_COLUMNS, [[row[name] for name in _COLUMNS] for row in rows])
