"""List prices, in one place: us-east-1, USD, no free tier, no discount, no tax.

They are those of AWS's price list (`pricing.us-east-1.amazonaws.com/offers/v1.0/aws/OFFER/VERSION/us-east-1`): a file
for each service, whose version is its date. On 30 November 2026 neither the list nor AWS's pages of prices were within
reach: each price was looked up in public documents that quote the list, with its version, and where possible the SKU.
So the date of a price is that of the version quoted, or where none is, of the day it was looked up. What that leaves
open is said with the price (``note``). Look again before you decide by them.
"""

from dataclasses import dataclass

MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """A list price.

    Args:
        usd: for one unit.
        per: what a person is shown: ``1,000,000`` of them cost so much.
        at: the date of the list that has it.
        source: the list.
        note: what is not certain about it.
    """

    name: str
    usd: float
    per: int
    unit: str
    at: str
    source: str
    note: str = ""


_AUGUST = "2026-08-31"
_DYNAMODB, _SQS, _LAMBDA, _CLOUDWATCH = "AmazonDynamoDB", "AWSQueueService", "AWSLambda", "AmazonCloudWatch"
_WEST = "quoted of us-west-2; of us-east-1 without a version"
WRITE = Price("DynamoDB, write units", 0.625 / MILLION, MILLION, "units", _AUGUST, _DYNAMODB, _WEST)
READ = Price("DynamoDB, read units", 0.125 / MILLION, MILLION, "units", _AUGUST, _DYNAMODB, _WEST)
STORED = Price("DynamoDB, storage", 0.25, 1, "GB and month", _AUGUST, _DYNAMODB, _WEST)
RECOVERY = Price(
    "DynamoDB, point-in-time recovery", 0.20, 1, "GB and month", "2026-11-30", _DYNAMODB,
    "quoted of us-west-2 and us-east-1, without a version",
)  # fmt: skip
SQS = Price("SQS, standard", 0.40 / MILLION, MILLION, "requests", "2025-08-28", _SQS)
SQS_FIFO = Price("SQS, FIFO", 0.50 / MILLION, MILLION, "requests", "2025-08-28", _SQS)
SQS_FAIR = Price(
    "SQS, fair queue, in addition", 0.10 / MILLION, MILLION, "requests", "2026-03-14",
    "cloudburn.io/blog/amazon-sqs-pricing", "not confirmed on AWS's list",
)  # fmt: skip
INVOCATION = Price("Lambda, requests", 0.20 / MILLION, MILLION, "requests", "2025-10-01", _LAMBDA)
GB_SECOND = Price("Lambda, arm64", 0.0000133334, MILLION, "GB-s", "2025-10-01", _LAMBDA)
SNAPSHOT = Price("Lambda, SnapStart, kept", 0.0000015046, MILLION, "GB-s", "2025-10-01", _LAMBDA)
RESTORE = Price("Lambda, SnapStart, restored", 0.0001397998, MILLION, "GB", "2025-10-01", _LAMBDA)
HTTP_API = Price("HTTP API", 1.00 / MILLION, MILLION, "requests", "2026-09-20", "aws.amazon.com/api-gateway/pricing")
SCHEDULE = Price("EventBridge Scheduler", 1.00 / MILLION, MILLION, "calls", "2026-05-29", "AWSEvents")
LOGS = Price("CloudWatch, logs taken in", 0.50, 1, "GB", _AUGUST, _CLOUDWATCH)
LOGS_KEPT = Price("CloudWatch, logs kept", 0.03, 1, "GB and month", _AUGUST, _CLOUDWATCH)
ALARM = Price("CloudWatch, alarm", 0.10, 1, "month", _AUGUST, _CLOUDWATCH)
METRIC = Price("CloudWatch, metric of ours", 0.30, 1, "month", _AUGUST, _CLOUDWATCH)
TRACE = Price(
    "X-Ray, traces recorded", 5.00 / MILLION, MILLION, "traces", "2026-11-30", "aws.amazon.com/xray/pricing",
    "a stored copy of the page, without a date",
)  # fmt: skip
KEY = Price("KMS, key", 1.00, 1, "month", _AUGUST, "awskms")
KEY_CALL = Price("KMS, requests", 3.00 / MILLION, MILLION, "requests", _AUGUST, "awskms")
SECRET = Price("Secrets Manager, secret", 0.40, 1, "month", _AUGUST, "AWSSecretsManager")
EGRESS = Price("Data out, the first 10 TB", 0.09, 1, "GB", _AUGUST, "AWSDataTransfer")
ALL = (
    WRITE, READ, STORED, RECOVERY, SQS, SQS_FIFO, SQS_FAIR, INVOCATION, GB_SECOND, SNAPSHOT, RESTORE, HTTP_API,
    SCHEDULE, LOGS, LOGS_KEPT, ALARM, METRIC, TRACE, KEY, KEY_CALL, SECRET, EGRESS,
)  # fmt: skip

VCPU_MB = 1769
"""A Lambda of so much memory has one vCPU. Source: docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html."""
HTTP_API_BYTES = 512 * 1024
"""So much of a request and its answer is one request. Source: aws.amazon.com/api-gateway/pricing."""
S3_PUT_USD, S3_GET_USD = 0.005 / 1000, 0.0004 / 1000
"""Source: AWS's price list, AmazonS3 of 31 August 2026."""
GB = 2**30
MONTH_DAYS = 365 / 12
