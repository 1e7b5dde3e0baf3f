"""What the contract's story reads without saying anything: lists, and each report as JSON and as CSV."""

_REPORTS = ("trial-balance", "mrr", "mrr-movements", "retention", "cohorts")
PLAIN_READS = (
    ("tax", "/v1/tax/jurisdictions"),
    *(("reports", f"/v1/reports/{name}{ending}") for name in _REPORTS for ending in ("", ".csv")),
    ("payments", "/v1/payments"),
    ("payments", "/v1/payment-methods"),
)
