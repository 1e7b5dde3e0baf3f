"""The billing worker: everything that is due in a shard, once."""

from billing import bootstrap
from billing.edge.workers.billing import QueueWorker

lambda_handler = QueueWorker(
    bootstrap.worker().turn,
    bootstrap.logger(),
    bootstrap.now,
    bootstrap.settings().worker_margin_s,
    bootstrap.deadline(),
).lambda_handler
