"""The schedule's minute: one message per shard of the due index."""

from typing import Any

from billing.bootstrap import process, sweep
from billing.services.sweep.wake_ups import wake_all, wake_payouts, wake_reports, wake_webhooks

logger = process.logger()
alarm = sweep.alarm()


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Wake every shard; a schedule that fires twice changes nothing."""
    shards = wake_all(alarm, process.settings().due_shards, process.now())
    wake_payouts(alarm, process.now())
    wake_webhooks(alarm, process.now())
    wake_reports(alarm, process.now())
    logger.info("sweep", extra={"shards": shards})
    return {"shards": shards}
