"""The report worker: the next steps of every run that is due in a shard."""

from billing.bootstrap.process import counted, deadline, logger, now, settings
from billing.bootstrap.sweep import report_worker
from billing.edge.workers.billing import QueueWorker

lambda_handler = QueueWorker(
    report_worker().work_shard,
    logger(),
    now,
    settings().worker_margin_s,
    deadline(),
    counted(("worker", "report")),
).lambda_handler
