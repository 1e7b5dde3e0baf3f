"""The stack's two webhook endpoints at Stripe: one for the account, one for the accounts connected to it.

Ours are known by their metadata (the stack's name, its account and Region, and the kind): one Stripe account may serve
stacks of one name in several AWS accounts. What an endpoint signs with is told once, when it is made. So that a
later run can say whether the product has it, the endpoint's metadata keep its digest: 256 random bits, which a digest
does not give away. An endpoint whose secret the product lacks (a run was cut off between the two) is replaced: a new
one is made, its secret put beside the old ones, and only then the old one is deleted. Until then Stripe sends each
event to both, under one id, which counts once.

Source: docs.stripe.com/api/webhook_endpoints
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import stripe

from billing.integrations.stripe.connect_events import CONNECT_HANDLED, TRANSFERS_HANDLED
from billing.integrations.stripe.events import HANDLED
from local.console import Failure
from operations.deploy.stripe_secret import StripeSecret, mode_of

Json = dict[str, Any]
TIMEOUT_S = 20
UNNAMED = "an account that it may not name"
"""What is said of the account of a restricted key."""
EVENTS: dict[str, list[str]] = {
    "account": sorted(HANDLED | TRANSFERS_HANDLED),
    "connect": sorted(CONNECT_HANDLED),
}
"""What each endpoint is sent: exactly what the code acts on. One for all events would be sent ten times as many."""
_STACK, _PLACE, _KIND = "ledgerline_stack", "ledgerline_place", "ledgerline_kind"
_DIGEST = "ledgerline_secret_sha256"


@dataclass(frozen=True)
class Wanted:
    """An endpoint as it is to be.

    Args:
        place: the stack's account and Region.
        kind: ``account`` or ``connect``.
    """

    stack: str
    place: str
    kind: str
    url: str

    @property
    def metadata(self) -> dict[str, str]:
        """What marks it as ours."""
        return {_STACK: self.stack, _PLACE: self.place, _KIND: self.kind}

    def is_of(self, endpoint: Json) -> bool:
        """Whether a run of ours made an endpoint for this stack and kind.

        A mark of before there were places is taken only at the stack's own address, which no other stack has.
        """
        mark = endpoint["metadata"] or {}
        place = mark.get(_PLACE, self.place if endpoint["url"] == self.url else "")
        return self.metadata.items() <= (mark | {_PLACE: place}).items()


def client_of(api_key: str, base: str) -> stripe.StripeClient:
    """A client that asks Stripe where the stack does."""
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": base},
        http_client=stripe.RequestsClient(timeout=TIMEOUT_S),
        max_network_retries=2,
    )


def account_id(api: stripe.StripeClient) -> str:
    """Whose key it is; a restricted one may not say.

    Raises:
        Failure: Stripe does not take it, or does not answer.
    """
    with explained("Stripe's account"):
        api.v1.balance.retrieve()  # the hourly reconciliation needs it, so every key of the product may
        try:
            return str(api.v1.accounts.retrieve_current().id)
        except stripe.PermissionError:
            return UNNAMED


def is_taken(api: stripe.StripeClient) -> bool:
    """Whether Stripe still takes a key.

    Raises:
        Failure: Stripe does not answer.
    """
    with explained("Stripe's key"):
        try:
            api.v1.balance.retrieve()
        except stripe.AuthenticationError:
            return False
        return True


def require_same_account(was: str, key: str, base: str) -> None:
    """A key that takes another one's place is of the same mode and account: what is stored names objects of that.

    Of a key that Stripe no longer takes nobody can say whose it was; then the mode alone is compared.

    Raises:
        Failure: it is of another one, or a key may not say of which; or Stripe does not answer.
    """
    if was == key:
        return
    meant = "if that is meant, say ANOTHER_STRIPE_ACCOUNT=1"
    if mode_of(was) != mode_of(key):
        raise Failure(f"the stack has a {mode_of(was)} key, and that is a {mode_of(key)} key: {meant}")
    old = client_of(was, base)
    if not is_taken(old):
        return
    before, after = account_id(old), account_id(client_of(key, base))
    if UNNAMED in (before, after):
        raise Failure(f"one of the two keys may not say whose it is, so it may be of another account: {meant}")
    if before != after:
        raise Failure(f"the stack has a key of {before}, and that is one of {after}: {meant}")


class explained:  # noqa: N801 - it reads as a word of the sentence that begins with `with`
    """Tells what went wrong at Stripe, and what to do, in a line that has no key in it.

    Raises:
        Failure: Stripe refused, or did not answer.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, stripe.StripeError):
            raise Failure(f"{self._what}: {_told(error)}") from None


def _told(error: stripe.StripeError) -> str:
    if isinstance(error, stripe.AuthenticationError):
        return "Stripe does not know the key: give another one (STRIPE_KEY_FILE)"
    if isinstance(error, stripe.PermissionError):
        return "the key may not do that: give it that right in Stripe's dashboard, or use an unrestricted one"
    if isinstance(error, stripe.APIConnectionError):
        return "Stripe does not answer: look at status.stripe.com, then say the same again"
    return f"Stripe says {error.code or type(error).__name__} ({error.http_status}): say the same again"


def all_endpoints(api: stripe.StripeClient) -> list[Json]:
    """Every endpoint of the account."""
    with explained("webhook endpoints"):
        return [each.to_dict() for each in api.v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter()]


def ours(endpoints: list[Json], wanted: Wanted) -> list[Json]:
    """Those that a run of ours made for this stack and kind."""
    return [each for each in endpoints if wanted.is_of(each)]


def others_at(endpoints: list[Json], wanted: Wanted) -> list[str]:
    """Ids of those at the same address that are not ours: made by hand, or by a run for another stack."""
    return [each["id"] for each in endpoints if each["url"] == wanted.url and not wanted.is_of(each)]


def of_namesakes(endpoints: list[Json], wanted: Wanted) -> list[str]:
    """Ids, each with whose it is, of those that a stack of the same name elsewhere has at this Stripe account."""
    mine = {_STACK: wanted.stack, _KIND: wanted.kind}
    marked = [each for each in endpoints if mine.items() <= (each["metadata"] or {}).items()]
    return [f"{each['id']} ({each['metadata'].get(_PLACE, each['url'])})" for each in marked if not wanted.is_of(each)]


def digest(secret: str) -> str:
    """What is kept of a signing secret beside its endpoint."""
    return sha256(secret.encode()).hexdigest()


def has_secret(endpoint: Json, known: list[str]) -> bool:
    """Whether the product knows what an endpoint signs with."""
    return (endpoint["metadata"] or {}).get(_DIGEST) in {digest(each) for each in known}


def differences(endpoint: Json, wanted: Wanted) -> list[str]:
    """What is not as it is to be."""
    found = []
    if endpoint["url"] != wanted.url:
        found.append("address")
    if sorted(endpoint["enabled_events"]) != EVENTS[wanted.kind]:
        found.append("events")
    if endpoint["status"] != "enabled":
        found.append("disabled")
    return found


def ensure(api: stripe.StripeClient, wanted: Wanted, secret: StripeSecret, keep: Callable[[], None]) -> str:
    """Have one endpoint as it is to be, with its signing secret in the product's.

    Args:
        secret: the product's, changed here.
        keep: writes it down.

    Returns:
        What was found and done.

    Raises:
        Failure: Stripe refused, or did not answer. All can be run again.
    """
    endpoints, known = all_endpoints(api), secret.signing(wanted.kind)
    mine = ours(endpoints, wanted)
    good = next((each for each in mine if has_secret(each, known)), None)
    with explained(f"webhook endpoint ({wanted.kind})"):
        said = _make(api, wanted, known, keep) if good is None else _mend(api, wanted, good)
        for each in mine:
            if each is not good:
                api.v1.webhook_endpoints.delete(each["id"])
                said += f"; deleted {each['id']}, whose secret is not known"
    twice = others_at(endpoints, wanted)
    if twice:
        said += (
            f"; {', '.join(twice)} has the same address: delete it in Stripe's dashboard, unless you made it for that"
        )
    if namesakes := of_namesakes(endpoints, wanted):
        said += f"; left {', '.join(namesakes)}: of a {wanted.stack} in another account or Region"
    return said


def _make(api: stripe.StripeClient, wanted: Wanted, known: list[str], keep: Callable[[], None]) -> str:
    events: Any = EVENTS[wanted.kind]  # the SDK has its events as literals
    made = api.v1.webhook_endpoints.create(
        {
            "url": wanted.url,
            "enabled_events": events,
            "connect": wanted.kind == "connect",
            "description": f"Ledgerline, stack {wanted.stack}",
            "metadata": wanted.metadata,
        }
    )
    signing = str(made.secret)
    known.insert(0, signing)
    keep()
    api.v1.webhook_endpoints.update(made.id, {"metadata": {_DIGEST: digest(signing)}})
    return f"made {made.id} for {len(events)} events"


def _mend(api: stripe.StripeClient, wanted: Wanted, endpoint: Json) -> str:
    wrong = differences(endpoint, wanted)
    if _PLACE not in endpoint["metadata"]:
        wrong.append("mark")
    if not wrong:
        return f"found {endpoint['id']}, {len(endpoint['enabled_events'])} events"
    events: Any = EVENTS[wanted.kind]
    api.v1.webhook_endpoints.update(
        endpoint["id"],
        {"url": wanted.url, "enabled_events": events, "disabled": False, "metadata": wanted.metadata},
    )
    return f"found {endpoint['id']}, corrected: {', '.join(wrong)}"
