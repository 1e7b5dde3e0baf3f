"""What the contract's story reads without saying anything: lists."""

PLAIN_READS = (
    ("tax", "/v1/tax/jurisdictions"),
    ("payments", "/v1/payments"),
    ("payments", "/v1/payment-methods"),
)
