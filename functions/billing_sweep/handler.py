"""The schedule's minute: one message per shard of the due index."""

from typing import Any

from billing import bootstrap
from billing.services.sweep.wake_ups import wake_all

logger = bootstrap.logger()
alarm = bootstrap.alarm()


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Wake every shard; a schedule that fires twice changes nothing."""
    shards = wake_all(alarm, bootstrap.settings().due_shards, bootstrap.now())
    logger.info("sweep", extra={"shards": shards})
    return {"shards": shards}
