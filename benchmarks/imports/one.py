"""Imports one function in this fresh interpreter and prints what that took: ``wall cpu``, in milliseconds.

    python -S -B benchmarks/imports/one.py ours|peer FOLDER...

The folders are the path, as Lambda would have it: the function's own first, then the layers (``shipped``). It is run as
a script, not as a module, so that nothing else is on the path. For the peer, the web framework's modules are replaced
before the product's handler is imported.
"""

import sys
import time

# Counted from here: nothing that the function needs has been imported yet.
_WALL, _CPU = time.perf_counter(), time.process_time()


HIDDEN = ("aiohttp", "httpx", "pycurl")
"""HTTP clients that Stripe's SDK imports where they are: on a developer's machine, and in no layer."""


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
    side, *folders = sys.argv[1:]
    sys.path[:1] = folders  # instead of this script's own folder
    if side == "peer":
        become_peer()
    __import__("handler")
    wall, cpu = time.perf_counter() - _WALL, time.process_time() - _CPU
    print(f"{wall * 1000:.1f} {cpu * 1000:.1f}")
    from pathlib import Path

    loaded = "aws_lambda_powertools.event_handler" in sys.modules
    assert side == "ours" or not loaded, "the peer pays for Powertools' event handler, too"
    assert not sys.modules.keys() & set(HIDDEN), "a package that no layer has"
    ours = [each for name, each in sys.modules.items() if name.startswith("billing.") and each.__spec__]
    cached = [str(each.__cached__) for each in ours]
    assert all(path.startswith(tuple(folders)) and Path(path).is_file() for path in cached), (
        "not from the layers' bytecode"
    )


if __name__ == "__main__":
    main()
