"""Imports one function in this fresh interpreter and prints what that took: ``wall cpu``, in milliseconds.

    python -m benchmarks.imports.one customers ours|peer

For the peer, the web framework's modules are replaced before the product's handler is imported.
"""

import sys
import time

# Counted from here: nothing that the function needs has been imported yet.
_WALL, _CPU = time.perf_counter(), time.process_time()


HIDDEN = ("aiohttp", "httpx", "pycurl")
"""HTTP clients that Stripe's SDK imports where they are: on a developer's machine, and in no layer."""


def hide() -> None:
    """Have the imports of both sides find what they would find on Lambda."""
    sys.modules.update(dict.fromkeys(HIDDEN))  # type: ignore[arg-type]  # None: "there is no such module"


def become_peer() -> None:
    """Put FastAPI and Mangum where the handlers expect Powertools' event handler."""
    from types import ModuleType

    import fastapi

    from benchmarks.imports import peer_http, peer_webhook

    parameters = ModuleType("aws_lambda_powertools.event_handler.openapi.params")
    parameters.Body, parameters.Query = fastapi.Body, fastapi.Query  # type: ignore[attr-defined]
    sys.modules[parameters.__name__] = parameters
    sys.modules["billing.edge.http.api"] = peer_http
    for name in ("webhook", "stripe", "tax"):
        sys.modules[f"billing.edge.incoming.{name}"] = peer_webhook


def main() -> None:
    """Import it, and say how long it took."""
    name, side = sys.argv[1:]
    hide()
    if side == "peer":
        become_peer()
    __import__(f"functions.{name}.handler")
    wall, cpu = time.perf_counter() - _WALL, time.process_time() - _CPU
    print(f"{wall * 1000:.1f} {cpu * 1000:.1f}")
    loaded = "aws_lambda_powertools.event_handler" in sys.modules
    assert side == "ours" or not loaded, "the peer pays for Powertools' event handler, too"


if __name__ == "__main__":
    main()
