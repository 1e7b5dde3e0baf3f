"""Crashes: a function dies, or an answer is lost, at the n-th call of AWS that it makes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ReadTimeoutError

MODES = ("dies", "answer lost")
"""Whoever dies after a call dies before the next one."""


class Died(BaseException):
    """The process is gone: nothing catches this."""


@contextmanager
def cut(mode: str, n: int) -> Iterator[list[str]]:
    """Cut at the n-th call, counted from 1; the calls that were made so far, and with them whether it came to that."""
    from billing.bootstrap import storage
    from billing.integrations.aws.clients import aws_client

    calls: list[str] = []

    def before(model: Any, **_: Any) -> None:
        calls.append(model.name)
        if mode == "dies" and len(calls) == n:
            raise Died

    def after(**_: Any) -> None:
        if mode == "answer lost" and len(calls) == n:
            calls.append("lost")  # once: what comes again has its answer
            raise ReadTimeoutError(endpoint_url="https://aws")

    clients = [storage.database().client, aws_client("sqs"), aws_client("s3")]
    for client in clients:
        client.meta.events.register("before-call", before, unique_id="cut-before")
        client.meta.events.register("after-call", after, unique_id="cut-after")
    try:
        yield calls
    except Died:
        pass
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", before, unique_id="cut-before")
            client.meta.events.unregister("after-call", after, unique_id="cut-after")


def every_cut(mode: str, once: Callable[[int], list[str]]) -> int:
    """Run a flow with a cut at each of its calls, until there is none left to cut; how many there were."""
    n = 0
    while True:
        n += 1
        if len(once(n)) < n:
            return n - 1
