"""The arithmetic: measured figures times list prices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.cost.inputs import Facts, Given, Measured
from benchmarks.prices import (
    ALARM,
    EGRESS,
    GB,
    GB_SECOND,
    HTTP_API,
    INVOCATION,
    KEY,
    KEY_CALL,
    LOGS,
    MILLION,
    MONTH_DAYS,
    READ,
    RECOVERY,
    SCHEDULE,
    SECRET,
    SNAPSHOT,
    SQS,
    SQS_FAIR,
    SQS_FIFO,
    STORED,
    VCPU_MB,
    WRITE,
)
from benchmarks.usage.cost import KEPT_DAYS
from billing.domain.kernel.due import PAYOUT_SHARDS
from billing.domain.reports.run import REPORT_SHARDS
from billing.domain.webhooks.delivery import WEBHOOK_SHARDS

Bill = dict[str, float]
"""USD by what is paid for."""
MINUTES = MONTH_DAYS * 24 * 60
SHARDS = {
    "billing_worker": 16,
    "payout_worker": PAYOUT_SHARDS,
    "webhook_worker": WEBHOOK_SHARDS,
    "report_worker": REPORT_SHARDS,
}
"""How many messages each worker gets in a minute, whatever is due."""
EXPIRES_DAYS = {"stored_audit_bytes": 400, "stored_events_bytes": 30, "stored_idempotency_bytes": 1}
"""Of what expires (docs/operations.md, "Limits")."""
SENT_AT_ONCE = 10
"""Messages of a request to SQS. Source: SQS API, SendMessageBatch."""
EVENTS_A_MESSAGE = 1000 / 3
"""A request of 1,000 usage events is three messages (``services.usage``: 480 at most)."""
STREAM_BATCH = 100


@dataclass(frozen=True)
class Sheet:
    """All bills."""

    measured: Measured
    facts: Facts
    given: Given

    def call(self, name: str, function: str | None = None) -> Bill:
        """A million calls of a measured route or worker's turn, without what is kept of them.

        Args:
            function: whose memory it has; None: most functions'.
        """
        asked = self.measured.calls[name]
        memory = self.facts.memory_mb(function) if function else 512
        outside_s = asked["stripe_calls"] * self.given.stripe_s
        through_api = not name.startswith(("worker:", "Stripe webhook", "renewal")) and "_worker:" not in name
        lines = asked["log_bytes"] + self.given.platform_line_bytes
        lines += self.given.access_line_bytes if through_api else 0
        return {
            "API Gateway": MILLION * HTTP_API.usd if through_api else 0.0,
            "Lambda": MILLION * self._lambda(asked["cpu_ms"] / 1000, asked["round_trips"], memory, outside_s),
            "DynamoDB, writes": MILLION * asked["write_units"] * WRITE.usd,
            "DynamoDB, reads": MILLION * asked["read_units"] * READ.usd,
            "logs": MILLION * lines / GB * LOGS.usd,
        }

    def _lambda(self, cpu_s: float, trips: float, memory_mb: int, outside_s: float = 0.0) -> float:
        """An invocation: its own CPU time at the share of a core that it has, and its waits."""
        seconds = cpu_s * VCPU_MB / memory_mb + trips * self.given.dynamodb_s + outside_s
        return INVOCATION.usd + seconds * memory_mb / 1024 * GB_SECOND.usd

    def kept(self, name: str) -> Bill:
        """What a million calls leave behind until it expires, and each month of what stays."""
        asked = self.measured.calls[name]
        expiring = sum(asked[each] * days for each, days in EXPIRES_DAYS.items()) / MONTH_DAYS
        a_month = STORED.usd + RECOVERY.usd
        return {
            "kept until it expires": MILLION / GB * expiring * a_month,
            "a month of what stays": MILLION / GB * asked["stored_bytes"] * a_month,
        }

    def events(self, count: float) -> float:
        """Placing so many of a million's events in the feed, and looking for their receivers, where there are none."""
        placed = self.measured.webhooks["place an event in the feed"]
        each = placed["write_units"] * WRITE.usd + placed["read_units"] * READ.usd
        memory = self.facts.memory_mb("event_feed")
        return MILLION * count * (each + self._of_a_batch(placed, memory))

    def _of_a_batch(self, placed: Mapping[str, float], memory_mb: int) -> float:
        cpu_s = placed["cpu_ms"] / 1000
        return self._lambda(cpu_s * STREAM_BATCH, placed["round_trips"] * STREAM_BATCH, memory_mb) / STREAM_BATCH

    def mixed(self, mix: Mapping[str, float]) -> Bill:
        """A million calls of several routes, by their shares."""
        whole: Bill = {}
        for name, share in mix.items():
            bill = self.call(name) | {
                "events' feed": self.events(self.measured.calls[name]["events"]),
                "kept until it expires": self.kept(name)["kept until it expires"],
            }
            for position, usd in bill.items():
                whole[position] = whole.get(position, 0.0) + usd * share
        return whole

    def invoices(self) -> Bill:
        """A million renewals, billed and charged by the worker, and Stripe's two events of each, which tell nothing."""
        renewal, news = "renewal in the worker, charged", "Stripe webhook: settled already"
        bill = self.call(renewal, "billing_worker")
        told = self.call(news)
        for position in bill:
            bill[position] += 2 * told[position]
        bill["events' feed"] = self.events(self.measured.calls[renewal]["events"])
        bill["kept until it expires"] = sum(self.kept(each)["kept until it expires"] for each in (renewal, news, news))
        return bill

    def usage_events(self) -> Bill:
        """A million usage events of a sum, in requests of a thousand."""
        counted = next(each for name, each in self.measured.usage.items() if name.startswith("count a message: sum,"))
        accepted = self.measured.usage["accept 1,000 events"]
        units = {part: accepted[part] + counted[part] for part in ("write_units", "read_units", "sqs_requests")}
        waits = accepted["round_trips"] / 1000 + counted["round_trips"] / EVENTS_A_MESSAGE
        invocations = 1 / 1000 + 1 / (EVENTS_A_MESSAGE * SENT_AT_ONCE)
        cpu_s = (accepted["cpu_us"] + counted["cpu_us"]) / MILLION
        seconds = cpu_s * VCPU_MB / 512 + waits * self.given.dynamodb_s
        lines = self.given.platform_line_bytes * 2 + self.given.access_line_bytes
        stored = self.measured.usage_usd[f"and {KEPT_DAYS} days of storage"]["usd_0"]
        return {
            "API Gateway": MILLION / 1000 * HTTP_API.usd,
            "Lambda": MILLION * (invocations * INVOCATION.usd + seconds * 0.5 * GB_SECOND.usd),
            "SQS": MILLION * units["sqs_requests"] * SQS.usd,
            "DynamoDB, writes": MILLION * units["write_units"] * WRITE.usd,
            "DynamoDB, reads": MILLION * units["read_units"] * READ.usd,
            "logs": MILLION / 1000 * lines / GB * LOGS.usd,
            "kept until it expires": stored * (STORED.usd + RECOVERY.usd) / STORED.usd,
        }

    def deliveries(self) -> Bill:
        """A million webhooks to receivers that take them at once, in batches of ten."""
        addressed, sent = (self.measured.webhooks[each] for each in ("address it to an endpoint", "send it"))
        memory = self.facts.memory_mb("webhook_sender")
        sending_s = sent["cpu_ms"] / 1000 * VCPU_MB / memory
        sending_s += (sent["round_trips"] * self.given.dynamodb_s + self.given.receiver_s) / SENT_AT_ONCE
        sender = INVOCATION.usd / SENT_AT_ONCE + sending_s * memory / 1024 * GB_SECOND.usd
        publisher = self._of_a_batch(addressed, self.facts.memory_mb("webhook_publisher"))
        return {
            "Lambda": MILLION * (sender + publisher),
            "SQS": MILLION * (3 / SENT_AT_ONCE * SQS.usd + SQS_FAIR.usd),
            "DynamoDB, writes": MILLION * (addressed["write_units"] + sent["write_units"]) * WRITE.usd,
            "DynamoDB, reads": MILLION * (addressed["read_units"] + sent["read_units"]) * READ.usd,
            "data out": MILLION * 1000 / GB * EGRESS.usd,
        }

    def idle(self, snapshots: bool) -> Bill:
        """A month in which nobody calls: the alarm clock rings all the same.

        Args:
            snapshots: whether the stage has SnapStart (staging and prod).
        """
        turns: Bill = {
            "invocations": 1.0,
            "gb_s": 0.0,
            "reads": 0.0,
            "log_bytes": float(self.given.platform_line_bytes),
        }
        for worker, shards in SHARDS.items():
            asked, memory = self.measured.calls[f"{worker}: a turn with nothing due"], self.facts.memory_mb(worker)
            seconds = asked["cpu_ms"] / 1000 * VCPU_MB / memory + asked["round_trips"] * self.given.dynamodb_s
            turns["invocations"] += shards
            turns["gb_s"] += shards * seconds * memory / 1024
            turns["reads"] += shards * asked["read_units"]
            turns["log_bytes"] += shards * (asked["log_bytes"] + self.given.platform_line_bytes)
        polls = self.given.pollers * self.given.polls_per_min * self.facts.fed_queues * SQS.usd
        key_calls = self.facts.fed_queues * 2 * self.given.queue_key_calls_per_h / 60
        bill = {
            "keys and secrets": self.facts.count("AWS::KMS::Key") * KEY.usd
            + self.facts.count("AWS::SecretsManager::Secret") * SECRET.usd,
            "alarms": self.facts.count("AWS::CloudWatch::Alarm") * ALARM.usd,
            "schedule": MINUTES * SCHEDULE.usd,
            "SQS, messages": MINUTES * self._messages() * SQS_FIFO.usd,
            "SQS, asking queues that are empty": MINUTES * polls,
            "Lambda": MINUTES * (turns["invocations"] * INVOCATION.usd + turns["gb_s"] * GB_SECOND.usd),
            "DynamoDB, reads": MINUTES * turns["reads"] * READ.usd,
            "logs": MINUTES * turns["log_bytes"] / GB * LOGS.usd,
            "KMS, for the queues": MINUTES * key_calls * KEY_CALL.usd,
        }
        if snapshots:
            bill["SnapStart"] = self.facts.snapshots_gb * MINUTES * 60 * SNAPSHOT.usd
        return bill

    @staticmethod
    def _messages() -> float:
        """Requests to SQS in a minute: each message is sent among ten, received and deleted by itself."""
        return sum(-(-shards // SENT_AT_ONCE) + 2 * shards for shards in SHARDS.values())


def total(bill: Bill, but: Iterable[str] = ()) -> float:
    """The sum of a bill."""
    return sum(usd for name, usd in bill.items() if name not in set(but))
