"""The webhook worker's turn at a shard: what is due to be sent, and then a step of each redelivery that is due."""

from dataclasses import dataclass, replace
from datetime import datetime

from billing.services.sweep.worker import ShardReport, Worker
from billing.services.webhooks.enqueuer import Enqueuer


@dataclass(frozen=True, slots=True)
class WebhookTurns:
    """Works shards of deliveries.

    Args:
        jobs: works the redeliveries.
    """

    enqueuer: Enqueuer
    jobs: Worker

    def work_shard(self, shard: str, deadline: datetime) -> ShardReport:
        """Work one shard; where the time is over, another turn is requested."""
        deliveries = self.enqueuer.work_shard(shard, deadline)
        if deliveries.cut_short:
            return ShardReport(done=deliveries.handed_over, postponed=deliveries.put_off, cut_short=True)
        report = self.jobs.work_shard(shard, deadline)
        return replace(
            report,
            done=report.done + deliveries.handed_over,
            postponed=report.postponed + deliveries.put_off,
            parked=report.parked + deliveries.given_up,
        )
