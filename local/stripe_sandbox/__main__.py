"""``python -m local.stripe_sandbox --port 12111 --db .local/stripe.db``"""

from __future__ import annotations

import argparse
import asyncio
import errno
import signal
import sqlite3
import sys

from local.stripe_sandbox.server import SandboxServer


async def _serve(server: SandboxServer) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await server.serve(stopping, lambda: print(f"Stripe sandbox listens on {server.url}", flush=True))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.stripe_sandbox", description="A local stand-in for Stripe.")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--db", required=True, help="SQLite file that holds all state")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--check-responses", action="store_true", help="answer 500 where Stripe's description is not met"
    )
    parser.add_argument("--retry-base-s", type=float, default=1.0, help="wait before the first webhook retry")
    parser.add_argument(
        "--refunds-after-s", type=float, default=10.0, help="how long a refund waits that the bank answers later"
    )
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    args = _arguments()
    server = SandboxServer(
        args.port,
        args.db,
        args.host,
        check_responses=args.check_responses,
        retry_base_s=args.retry_base_s,
        refunds_after_s=args.refunds_after_s,
    )
    try:
        asyncio.run(_serve(server))
    except OSError as error:
        reason = "the port is taken" if error.errno == errno.EADDRINUSE else error.strerror
        print(f"Stripe sandbox: cannot listen on {args.host}:{args.port}: {reason}", file=sys.stderr)
        return 1
    except sqlite3.Error as error:
        print(f"Stripe sandbox: cannot use {args.db}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
