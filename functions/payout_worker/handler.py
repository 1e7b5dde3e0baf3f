"""The payout worker: everything that is due in a shard of payouts, once."""

from billing.bootstrap.process import counted, deadline, logger, now, settings
from billing.bootstrap.sweep import payout_worker
from billing.edge.workers.billing import QueueWorker

lambda_handler = QueueWorker(
    payout_worker().work_shard,
    logger(),
    now,
    settings().worker_margin_s,
    deadline(),
    counted(("worker", "payout")),
).lambda_handler
