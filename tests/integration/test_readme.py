"""Issue 11, number 23: every call of the README works as it stands there, and answers what the README says."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.integration.world import Answer, Json, Tenant, World, http_event, request

README = (Path(__file__).parents[2] / "README.md").read_text()
TOUR = README[README.index("## The first five calls") : README.index("## Deploy to AWS")]
BLOCKS = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AN_ID = re.compile(r"\b(?:cus|sub|in|pay|re|dp|pi|pm|seti|ch)_[0-9A-Za-z]{16,}")
# What differs from run to run: times, what a key or a card is called, and what depends on when in a month it is.
VOLATILE = re.compile(
    r"(At|start|end|timestamp|request_id|clientSecret|evidenceDueBy|anchorDay|version|pendingLineCount)$"
)
MADE_UP = re.compile(f"{AN_ID.pattern}|ACME-|T..:")
STRIPE = "$STRIPE/_sandbox/"


def blocks() -> Iterator[tuple[list[list[str]], list[Any]]]:
    """The calls of each block of the tour, as a shell has their words, and the answers that are shown behind it."""
    found = list(BLOCKS.finditer(TOUR))
    for block, after in zip(found, [*found[1:], None], strict=True):
        text = block[2].replace("\\\n", " ")
        if block[1] or "call()" in text:
            continue
        variables = dict(re.findall(r"^([A-Z]+)='(.*)'$", text, re.MULTILINE))
        words = [
            shlex.split(line) for line in re.split(r"\n(?=call |curl |[A-Z]+=)", text) if line[:4] in ("call", "curl")
        ]
        calls = [[variables.get(word.removeprefix("$"), word) for word in each] for each in words]
        yield calls, list(shown(after[2])) if after is not None and after[1] == "json" else []


def shown(text: str) -> Iterator[Any]:
    """The JSON values of a block, one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        value, at = decoder.raw_decode(text, at)
        at += len(text[at:]) - len(text[at:].lstrip())
        yield value


class Reader:
    """Somebody who types what the README says, with the ids that they get."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant, self.world, self.ids = tenant, tenant.world, dict[str, str]()
        self.written = 0

    def types(self, words: list[str]) -> Answer | None:
        """The answer to a call; None of the payer's page."""
        words = [AN_ID.sub(lambda match: self.ids.get(match[0], match[0]), word) for word in words]
        if words[0] == "call":
            _, method, path, *body = words
            return self.sends(method, path, body[0] if body else None, f"readme-{self.written}")
        options = {name: value for name, value in pairwise(words) if name in ("-d", "-X")}
        url = next(word for word in words if word.startswith("$"))
        if url.startswith(STRIPE):
            assert self.world.acts(url.removeprefix(STRIPE), **json.loads(options["-d"])) == 200
            self.world.deliver_all(self.tenant)
            return None
        key = next((word for word in words if word.startswith("Idempotency-Key: ")), "").partition(": ")[2]
        method = "POST" if "-d" in options else "GET"
        return self.sends(method, url.removeprefix("$API"), options.get("-d"), key)

    def sends(self, method: str, path: str, body: str | None, key: str) -> Answer:
        self.written += 1
        path, _, query = path.partition("?")
        answer = request(
            http_event(method, path, key=self.tenant.key, idempotency_key=key or None, body=body, query=query)
        )
        self.world.count_usage()
        self.world.deliver_all(self.tenant)
        return answer

    def compares(self, said: Any, there: Any, exact: bool, path: str = "") -> None:
        """Learn the ids; and every value that is shown is there, but for what differs from run to run."""
        if isinstance(said, dict):
            for name in said.keys() - {"..."}:
                assert name in there, f"{path}.{name}"
                self.compares(said[name], there[name], exact, f"{path}.{name}")
        elif isinstance(said, list):
            for n, each in enumerate(each for each in said if each != "..."):
                # Where more follows, any of them may be meant: methods are in the order of Stripe's ids.
                others = [other for other in there if "..." not in said or self.agrees(each, other, exact)]
                if exact or n < len(others):
                    self.compares(each, others[n], exact, f"{path}.{n}")
        elif isinstance(said, str) and AN_ID.fullmatch(said):
            self.ids[said] = there
        elif exact and not VOLATILE.search(path) and not MADE_UP.search(str(said)):
            # moto writes the sum of 1200.5 and -0.5 as 1200.0, and DynamoDB as 1200.
            assert str(there).removesuffix(".0") == str(said), path

    def agrees(self, said: Any, there: Any, exact: bool) -> bool:
        """Whether that is what is shown."""
        try:
            Reader(self.tenant).compares(said, there, exact)
        except AssertionError:
            return False
        return True


def has(there: Any, said: Any) -> bool:
    """Whether an answer has the fields that are shown; of two calls, the README may show one's answer."""
    if isinstance(said, dict) and isinstance(there, dict):
        return said.keys() - {"..."} <= there.keys()
    return isinstance(said, list) and isinstance(there, list)


def parts(answer: Answer) -> list[Any]:
    """What of an answer the README may show."""
    if not answer.headers["Content-Type"].startswith("application/json"):
        return []
    body: Json = answer.json
    return [body, body.get("data"), body.get("error")]


@pytest.mark.parametrize("provider", ["none", "builtin"])
def test_every_call_of_the_readme_works(world: World, provider: str) -> None:
    """With the built-in tax the amounts differ, and all of it works as well."""
    # As on the day on which it was written: a few calls a minute, and usage that is reported as it is measured.
    world.clock.freeze(datetime(2026, 11, 22, 2, 14, 39, tzinfo=UTC))
    reader = Reader(world.tenant(invoicePrefix="ACME", taxProvider=provider, address={"country": "GB"}))
    calls = 0
    for block, answers in blocks():
        waiting = list(answers)
        if any("/v1/meters" in words for words in block):
            world.clock.freeze(datetime(2026, 11, 22, 5, 8, 1, tzinfo=UTC))
        for words in block:
            calls += 1
            answer = reader.types(words)
            if answer is None:
                continue
            there = next((each for each in parts(answer) if waiting and has(each, waiting[0])), None)
            assert answer.status < 300 or (there is not None and "code" in there), (words, answer.json)
            if there is not None:
                reader.compares(waiting.pop(0), there, exact=provider == "none")
        assert waiting == []
        world.clock.advance(milliseconds=300)
    assert calls > 25
