"""The webhook worker: hands over what is due to be sent, and goes on with redeliveries."""

from billing.bootstrap.deliveries import webhook_worker
from billing.bootstrap.process import counted, deadline, logger, now, settings
from billing.edge.workers.billing import QueueWorker

lambda_handler = QueueWorker(
    webhook_worker().work_shard,
    logger(),
    now,
    settings().worker_margin_s,
    deadline(),
    counted(("worker", "webhook")),
).lambda_handler
