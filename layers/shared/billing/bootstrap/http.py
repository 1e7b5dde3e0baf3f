"""The HTTP edge of an endpoint group."""

import time
from typing import TYPE_CHECKING

from billing.bootstrap import process, storage, tokens
from billing.storage.callers import Callers

if TYPE_CHECKING:
    from billing.edge.http.api import HttpApi


def http_api(group: str) -> "HttpApi":
    """The HTTP edge of an endpoint group."""
    from billing.edge.http.api import HttpApi
    from billing.edge.http.call import Edge

    s = process.settings()
    edge = Edge(
        callers=Callers(storage.database(), process.now),
        units=storage.units(),
        clock=process.now,
        new_request_id=process.new_request_id,
        jitter=process.JITTER.random,
        pause=time.sleep,
        stack=s.stack,
        documentation_base_url=s.documentation_base_url,
        max_body_bytes=s.max_body_bytes,
        max_json_depth=s.max_json_depth,
        deadline=process.deadline(),
        bearers=tokens.Bearers(),
        open_secret=storage.vault().open,
    )
    return HttpApi(edge, process.logger(), f"Ledgerline: {group}")
