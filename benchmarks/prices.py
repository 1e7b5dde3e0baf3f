"""List prices, in one place: us-east-1, USD, no free tier, no discount, no tax.

Those of DynamoDB, SQS, Lambda and API Gateway as published on 22 November 2026, the others as known on 30 November:
AWS's own pages were not within reach that day, so they are from public pages that repeat them. Look again before you
decide by them.
"""

from dataclasses import dataclass

MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """A list price.

    Args:
        usd: for one unit.
        per: what a person is shown: ``1,000,000`` of them cost so much.
        at: when it was looked up.
        source: AWS's page of it.
    """

    name: str
    usd: float
    per: int
    unit: str
    at: str
    source: str


_FIRST, _LATER = "2026-11-22", "2026-11-30"
DYNAMODB_PAGE = "aws.amazon.com/dynamodb/pricing/on-demand"
WRITE = Price("DynamoDB, write units", 0.625 / MILLION, MILLION, "units", _FIRST, DYNAMODB_PAGE)
READ = Price("DynamoDB, read units", 0.125 / MILLION, MILLION, "units", _FIRST, DYNAMODB_PAGE)
STORED = Price("DynamoDB, storage", 0.25, 1, "GB and month", _FIRST, DYNAMODB_PAGE)
RECOVERY = Price("DynamoDB, point-in-time recovery", 0.20, 1, "GB and month", _LATER, DYNAMODB_PAGE)
SQS = Price("SQS, standard", 0.40 / MILLION, MILLION, "requests", _FIRST, "aws.amazon.com/sqs/pricing")
SQS_FIFO = Price("SQS, FIFO", 0.50 / MILLION, MILLION, "requests", _LATER, "aws.amazon.com/sqs/pricing")
SQS_FAIR = Price(
    "SQS, fair queue, in addition", 0.10 / MILLION, MILLION, "requests", _FIRST, "aws.amazon.com/sqs/pricing"
)
INVOCATION = Price("Lambda, requests", 0.20 / MILLION, MILLION, "requests", _FIRST, "aws.amazon.com/lambda/pricing")
GB_SECOND = Price("Lambda, arm64", 0.0000133334, MILLION, "GB-s", _FIRST, "aws.amazon.com/lambda/pricing")
SNAPSHOT = Price("Lambda, SnapStart, kept", 0.0000015046, MILLION, "GB-s", _LATER, "aws.amazon.com/lambda/pricing")
RESTORE = Price("Lambda, SnapStart, restored", 0.0001397998, MILLION, "GB", _LATER, "aws.amazon.com/lambda/pricing")
HTTP_API = Price("HTTP API", 1.00 / MILLION, MILLION, "requests", _FIRST, "aws.amazon.com/api-gateway/pricing")
SCHEDULE = Price(
    "EventBridge Scheduler", 1.00 / MILLION, MILLION, "calls", _LATER, "aws.amazon.com/eventbridge/pricing"
)
LOGS = Price("CloudWatch, logs taken in", 0.50, 1, "GB", _LATER, "aws.amazon.com/cloudwatch/pricing")
LOGS_KEPT = Price("CloudWatch, logs kept", 0.03, 1, "GB and month", _LATER, "aws.amazon.com/cloudwatch/pricing")
ALARM = Price("CloudWatch, alarm", 0.10, 1, "month", _LATER, "aws.amazon.com/cloudwatch/pricing")
METRIC = Price("CloudWatch, metric of ours", 0.30, 1, "month", _LATER, "aws.amazon.com/cloudwatch/pricing")
TRACE = Price("X-Ray, traces recorded", 5.00 / MILLION, MILLION, "traces", _LATER, "aws.amazon.com/xray/pricing")
KEY = Price("KMS, key", 1.00, 1, "month", _LATER, "aws.amazon.com/kms/pricing")
KEY_CALL = Price("KMS, requests", 3.00 / MILLION, MILLION, "requests", _LATER, "aws.amazon.com/kms/pricing")
SECRET = Price("Secrets Manager, secret", 0.40, 1, "month", _LATER, "aws.amazon.com/secrets-manager/pricing")
EGRESS = Price("Data out, the first 10 TB", 0.09, 1, "GB", _FIRST, "aws.amazon.com/ec2/pricing/on-demand")
ALL = (
    WRITE, READ, STORED, RECOVERY, SQS, SQS_FIFO, SQS_FAIR, INVOCATION, GB_SECOND, SNAPSHOT, RESTORE, HTTP_API,
    SCHEDULE, LOGS, LOGS_KEPT, ALARM, METRIC, TRACE, KEY, KEY_CALL, SECRET, EGRESS,
)  # fmt: skip

VCPU_MB = 1769
"""A Lambda of so much memory has one vCPU. Source: docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html."""
HTTP_API_BYTES = 512 * 1024
"""So much of a request and its answer is one request. Source: aws.amazon.com/api-gateway/pricing."""
S3_PUT_USD, S3_GET_USD = 0.005 / 1000, 0.0004 / 1000
"""Source: aws.amazon.com/s3/pricing."""
GB = 2**30
MONTH_DAYS = 365 / 12
