"""The flow of an import, ready to be cut: two customers, one with a card at Stripe, a plan, a subscription each."""

from __future__ import annotations

import json
import urllib.request
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tests.faults.books import Books
from tests.faults.crashes import Flow, Scene
from tests.faults.processes import Json
from tests.faults.world import Tenant, World, post, step
from tests.support import stripe_account

PATH = "/v1/imports"
MADE = 5
"""Two customers, a plan, two subscriptions."""


def dry_run(world: World, tenant: Tenant, at: datetime) -> str:
    """A dry run that is done; its id."""
    body = {"source": "stripe", "data": _file(world, tenant, at), "savedCards": True}
    asked = post("reports", PATH, tenant.key, "dry", body)
    answer = world.run(at, asked, step("later", seconds=1), step("report_drain")).all()[0]
    assert answer["status"] == 202, answer
    return str(answer["body"]["data"]["id"])


def taking_over(tenant: Tenant, dry_run_id: str, idem: str = "import") -> Json:
    """The import of what a dry run has looked through, as a step."""
    return post("reports", PATH, tenant.key, idem, {"dryRun": False, "dryRunId": dry_run_id})


def counted(books: Books, runs: int = 1) -> list[str]:
    """What is wrong with the verdicts of finished imports, or with what they made."""
    done = [each for each in books.bodies("report_runs") if "dryRunId" in each.get("request", {}).get("options", {})]
    tallies = [each["written"]["tally"] for each in done if each["state"] == "done"]
    return made_once(books) + _unlike({
        "imports": (len(tallies), runs),
        "created": (sum(each.get("created", 0) for each in tallies), MADE),
        "customers with cards": ([each.get("cards", 0) for each in tallies], [1] * runs),
        "differences of MRR": ({each["after:mrr:USD"] - each["before:mrr:USD"] for each in tallies}, {0}),
    })  # fmt: skip


def made_once(books: Books) -> list[str]:
    """What is wrong with what imports made: each object is there once, and one customer has a card."""
    notes = [each for each in books.bodies("sequences") if str(each.get("id", "")).startswith("imported#")]
    return _unlike({
        "notes": (len(notes), MADE),
        "subscriptions": (len(books.bodies("subscriptions")), 2),
        "plans": (len({each["id"] for each in books.bodies("plans")}), 1),
        "customers of Stripe": (sum(1 for each in books.bodies("customers") if each["stripe_customer_id"]), 1),
        "cards": (len(books.bodies("payment_methods")), 1),
    })  # fmt: skip


def _unlike(found: dict[str, tuple[Any, Any]]) -> list[str]:
    return [f"{name}: {value}, not {wanted}" for name, (value, wanted) in found.items() if value != wanted]


def _imported(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at, customers=0, plans=())
    request = taking_over(tenant, dry_run(world, tenant, at))
    drain = step("report_drain")
    again = [step("later", seconds=15), request, drain, step("later", seconds=150), step("sweep"), drain]
    # A step that failed is put off by half a minute; then the sweep comes round once more.
    again += [step("later", seconds=150), step("sweep"), drain]
    return Scene(at, [request, drain], again, tenant, {"runs": [("done", MADE)] * 2}, looks=counted)


def _file(world: World, tenant: Tenant, at: datetime) -> str:
    end = at.replace(microsecond=0) + timedelta(days=10)
    seats = stripe_account.price("price_Seats", 500, "day", 30)
    ids = [_at_stripe(world, tenant), "cus_ofNoAccount"]
    made: list[Json] = [stripe_account.customer(each) for each in ids]
    for n, each in enumerate(ids):
        items = [stripe_account.item(seats, 3)]
        made.append(stripe_account.subscription(f"sub_{n}", each, items, end - timedelta(days=30), end))
    return "\n".join(json.dumps(each) for each in made)


def _at_stripe(world: World, tenant: Tenant) -> str:
    """A customer with a card, of whom the account's owner says that it is the tenant's."""
    made = _posted(world, "customers", {"metadata[ledgerline_tenant]": tenant.id, "payment_method": "pm_card_visa"})
    return str(made["id"])


def _posted(world: World, path: str, fields: dict[str, str]) -> Any:
    url = f"{world.lane.sandbox.url}/v1/{path}"
    request = urllib.request.Request(url, urlencode(fields).encode())
    request.add_header("Authorization", f"Bearer {world.stripe_key}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


FLOWS = (Flow("import customers with a card and subscriptions", _imported, route="POST /v1/imports"),)
