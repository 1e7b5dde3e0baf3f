"""What each process has one of: the clock, the settings, the log, a source of jitter, the time left.

Nothing else in the product reads the wall clock, makes an id or draws a random number.
"""

import logging
import os
import random
import secrets
import time
from datetime import UTC, datetime
from functools import cache

from aws_lambda_powertools import Logger

from billing.config import Settings
from billing.domain.kernel.ids import fresh
from billing.edge.metrics import Counted, embedded
from billing.services.clocks.shards import DueShards
from billing.services.kernel.deadline import Deadline

JITTER = random.SystemRandom()  # `random`'s own state is part of a SnapStart snapshot: all copies would agree


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def monotonic_s() -> float:
    """A monotonic clock, in seconds, for measuring how long something takes."""
    return time.monotonic()


@cache
def settings() -> Settings:
    """This process's settings."""
    return Settings.from_environment()


@cache
def due_shards() -> DueShards:
    """The shards of the due index."""
    return DueShards(settings().due_shards)


@cache
def logger() -> Logger:
    """The structured log: ids, never personal data."""
    log = Logger(level=os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO"), utc=True)
    # Services and storage know only the standard library's logging: their lines take the same form.
    billing = logging.getLogger("billing")
    billing.handlers, billing.propagate = log.handlers, False
    return log


@cache
def deadline() -> Deadline:
    """The deadline of the invocation that this worker handles."""
    return Deadline(monotonic_s)


def new_secret() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def counted(dimension: tuple[str, str] | None = None) -> Counted:
    """What has CloudWatch count the values of a log line, for this stack: see ``edge.metrics``."""
    return lambda values: embedded(now(), settings().stack, dimension, values)


def new_request_id() -> str:
    """An id for one call."""
    return fresh("req", now(), os.urandom(10))
