"""Access tokens: round trips with one, CPU time of verifying one, and tokens per second at the token endpoint.

Verifying is beside python-jose's own `jwt.decode`, in turns, with the same token and key; ours checks what that
leaves open (`layers/shared/billing/integrations/jwt.py`), and reads the token's claims a second time for it.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any
from uuid import uuid4

from jose import jwt as jose_jwt

from benchmarks.access.holder import Client, Person, call
from benchmarks.backend import backend
from benchmarks.calls.book import CREATE, READ, Book, Prepared, ignore
from benchmarks.calls.table import keep_what_is_cached, watched
from benchmarks.counting import Meter
from benchmarks.part import progress, save_measured
from benchmarks.report import Row, Section, verdict
from benchmarks.shop import Shop

VERIFY_BUDGET = 1.0
"""Of what jose's own check takes: whatever ours looks at beside, keys that are built once have to pay for."""
ROUNDS, REPEATS = 15, 100
TOKENS = 400  # a client may have 600 a minute


def measure_calls(book: Book, shop: Shop) -> None:
    """The same read with a key and with tokens; and a write."""
    customer = shop.customer()
    path = f"/v1/customers/{customer}"
    machine = Client(shop, "client_credentials")
    app, ada = Client(shop, "authorization_code", "refresh_token"), Person(shop)
    own, users = machine.own_token(), app.redeem(*ada.allow(app))["access_token"]

    def written() -> Prepared:
        return lambda: call(shop, own, "POST", "/v1/customers", {"name": uuid4().hex})

    book.route("GET customer, with a key", READ, lambda: lambda: shop.call("customers", "GET", path))
    book.route("GET customer, with a client's token", READ, lambda: lambda: call(shop, own, "GET", path))
    book.route("GET customer, with a user's token", READ, lambda: lambda: call(shop, users, "GET", path))
    book.route("create customer, with a client's token", CREATE, written)


def measure_endpoints(book: Book, shop: Shop) -> None:
    """What the OAuth server asks for each kind of token."""
    machine = Client(shop, "client_credentials")
    app, ada = Client(shop, "authorization_code", "refresh_token"), Person(shop)

    def redeemed() -> Prepared:
        code = ada.allow(app)
        return lambda: ignore(app.redeem(*code))

    def refreshed() -> Prepared:
        token = app.redeem(*ada.allow(app))["refresh_token"]
        return lambda: ignore(app.refresh(token))

    def revoked() -> Prepared:
        token = app.redeem(*ada.allow(app))["refresh_token"]
        return lambda: ignore(app.send("/oauth2/revoke", token=token))

    def introspected() -> Prepared:
        token = app.redeem(*ada.allow(app))["access_token"]
        return lambda: ignore(app.send("/oauth2/introspect", token=token))

    book.route("POST /oauth2/token: client credentials", None, lambda: lambda: ignore(machine.own_token()))
    book.route("POST /oauth2/token: a code", None, redeemed)
    book.route("POST /oauth2/token: a refresh", None, refreshed)
    book.route("POST /oauth2/revoke: a refresh token", None, revoked)
    book.route("POST /oauth2/introspect", None, introspected)


def verifying(shop: Shop) -> Section:
    """CPU time of verifying a token."""
    from billing.bootstrap import process, tokens
    from billing.domain.kernel.errors import Unauthenticated

    progress("verifying")
    token = Client(shop, "client_credentials").own_token()
    ours = tokens.access_tokens()
    keys, issuer = tokens.signing_keys().get(False), ours.issuer
    assert keys is not None
    key = keys.signing(datetime.now(UTC))
    public = {"kty": "RSA", "alg": "RS256", "n": key.modulus, "e": key.exponent}
    forged = token[:-8] + "AAAAAAAA"

    def refused() -> None:
        try:
            ours.verify(forged)
        except Unauthenticated:
            return
        raise AssertionError("a forged token was taken")

    def plain() -> None:
        jose_jwt.decode(token, public, algorithms=["RS256"], audience=issuer, issuer=issuer)

    assert ours.verify(token).tenant_id == shop.tenant_id
    assert process.settings().issuer == issuer
    section = Section(
        "CPU per access token that is verified", ["token", "ours, µs", "python-jose, µs", "ratio", "budget"]
    )
    for name, one in (("one of ours", lambda: ignore(ours.verify(token))), ("a forged signature", refused)):
        ours_us, peer_us = compared(one, plain)
        ratio = ours_us / peer_us
        cells = [name, f"{ours_us:.0f}", f"{peer_us:.0f}", f"{ratio:.2f}", f"{VERIFY_BUDGET:.2f}"]
        figures = {"ours_us": ours_us, "peer_us": peer_us, "ratio": ratio}
        section.rows.append(Row(cells, verdict(ratio, VERIFY_BUDGET), figures))
    section.notes = [
        f"Median of {ROUNDS} interleaved rounds of process CPU time, {REPEATS} tokens each; RS256, 2,048 bits.",
        "python-jose's jwt.decode is given the good token in both lines, and builds its key from the JWK each time;",
        "ours keeps keys built.",
    ]
    return section


def compared(one: Callable[[], Any], other: Callable[[], Any]) -> tuple[float, float]:
    """The CPU time of a call on each side, in microseconds."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for n in range(ROUNDS + 1):
        for side in (0, 1) if n % 2 else (1, 0):
            spent = _cpu_s((one, other)[side])
            if n:  # the first round warms up
                seconds[side].append(spent)
    return median(seconds[0]) * 1e6, median(seconds[1]) * 1e6


def _cpu_s(action: Callable[[], Any]) -> float:
    started = time.process_time()
    for _ in range(REPEATS):
        action()
    return (time.process_time() - started) / REPEATS


def issuing(shop: Shop) -> Section:
    """Tokens per second of one process, one after the other."""
    app, ada = Client(shop, "authorization_code", "refresh_token"), Person(shop)
    machine = Client(shop, "client_credentials")
    refresh_token = app.redeem(*ada.allow(app))["refresh_token"]

    def refresh() -> None:
        nonlocal refresh_token
        refresh_token = app.refresh(refresh_token)["refresh_token"]

    section = Section(
        "Tokens from /oauth2/token, one process, one after the other",
        ["grant", "tokens a second", "p50, ms", "our CPU a token, ms", "tokens a CPU second"],
    )
    grants: list[tuple[str, Prepared]] = [
        ("client credentials", lambda: ignore(machine.own_token())),
        ("refresh", refresh),
    ]
    for name, one in grants:
        progress(f"issuing: {name}")
        one()
        waits, cpu, started = [], time.process_time(), time.perf_counter()
        for _ in range(TOKENS):
            before = time.perf_counter()
            one()
            waits.append(time.perf_counter() - before)
        took, spent = time.perf_counter() - started, (time.process_time() - cpu) / TOKENS
        figures = {"per_s": TOKENS / took, "p50_ms": median(waits) * 1000, "cpu_ms": spent * 1000}
        cells = [name, f"{figures['per_s']:.0f}", f"{figures['p50_ms']:.1f}", f"{figures['cpu_ms']:.1f}"]
        section.rows.append(Row([*cells, f"{1 / spent:.0f}"], "", figures))
    section.notes = [
        f"{TOKENS} tokens each through the real handler; DynamoDB and KMS are the emulator's, in another process, and",
        "most of the wait. A client may have 600 tokens a minute. CPU: this process's alone.",
    ]
    return section


def measure() -> list[Section]:
    """All tables."""
    with backend() as running:
        keep_what_is_cached()
        meter = Meter(running.stripe_url)
        for client in watched():
            meter.attach(client)
        shop, book = Shop(running), Book(meter)
        book.section.title = "With access tokens: DynamoDB and KMS, per warm call"
        measure_calls(book, shop)
        measure_endpoints(book, shop)
        return [book.section, verifying(shop), issuing(shop)]


def main() -> None:
    """For ``benchmarks.run``: the tables go into a file."""
    save_measured(measure)


if __name__ == "__main__":
    main()
