"""The AWS clients: KMS, Secrets Manager, SQS, S3, and the session that DynamoDB's client shares with them.

Who needs one makes it at import (``made_client``), so that it is in SnapStart's snapshot: a client takes 20 to 60 ms of
CPU, on the half core of a 512 MB function twice as long. Making one connects to no service. Nothing in it may be the
same in all copies of a snapshot: it holds no random state, and credentials are the session's, which gets fresh ones
when they are about to expire.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import Session, get_session

# A dependency that is slow is a dependency that is down: two tries of three seconds, then a 503.
_CONFIG = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
# A part of a report is 8 MB: twice as long, so that three tries still fit into a request that reads a kept fold. And a
# link has to be signed as KMS wants it.
_OF_SERVICE = {"s3": Config(read_timeout=6, signature_version="s3v4")}


@cache
def aws_session() -> Session:
    """The one session: what it has read for a client (Regions, defaults, credentials), the next client finds.

    Its ``User-Agent`` is written once; a client that is not told one writes its own anew for each request, twice (a
    sixth of the CPU time that a request takes before it is sent).
    """
    session = get_session()
    session.set_default_client_config(Config(user_agent=session.user_agent()))
    return session


@cache
def aws_client(service: str) -> Any:
    """botocore's client of a service, from the environment's region and credentials; one for the process."""
    return aws_session().create_client(service, config=_CONFIG.merge(_OF_SERVICE.get(service, Config())))


def made_client(service: str) -> Callable[[], Any]:
    """Make the client of a service now; returns what gives it."""
    aws_client(service)
    return lambda: aws_client(service)
