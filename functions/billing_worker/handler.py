"""The billing worker: everything that is due in a shard, once."""

from billing.bootstrap.process import counted, deadline, logger, now, settings
from billing.bootstrap.sweep import worker
from billing.edge.workers.billing import QueueWorker

lambda_handler = QueueWorker(
    worker().work_shard,
    logger(),
    now,
    settings().worker_margin_s,
    deadline(),
    counted(("worker", "billing")),
).lambda_handler
