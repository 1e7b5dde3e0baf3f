"""The addresses behind a name, for the look that an endpoint gets when it is made."""

import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from functools import partial

_WORKERS = 4


class SystemResolver:
    """Asks the system's resolver, with a limit: whoever owns a name owns its name server, and may have it hang.

    Args:
        timeout_s: how long an answer may take.
    """

    def __init__(self, timeout_s: float = 5.0) -> None:
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="names")

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Every address that a name has now, each once; none where there is no answer."""
        asked = self._pool.submit(partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM))
        try:
            found = asked.result(self._timeout_s)
        except (OSError, UnicodeError, TookTooLong):  # the name is no name, or nobody knows it
            return ()
        return tuple(dict.fromkeys(str(each[4][0]) for each in found))
