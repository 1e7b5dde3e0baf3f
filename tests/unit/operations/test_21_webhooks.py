"""The steps of a deploy at Stripe: each finds what an earlier run left, wherever that was cut off."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from billing.integrations.stripe.connect_events import CONNECT_HANDLED, TRANSFERS_HANDLED
from billing.integrations.stripe.events import HANDLED
from local.console import Failure
from local.stripe_sandbox.server import SandboxServer
from operations.deploy import webhooks
from operations.deploy.stripe_secret import StripeSecret
from operations.deploy.webhooks import EVENTS, Wanted, all_endpoints, client_of, ensure, has_secret

PLACE = "111122223333/us-east-1"
URL = "https://fn.example/webhooks/stripe"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(check_responses=True) as server:
        yield server
        assert server.sandbox is not None
        assert server.sandbox.violations == []


class Account:
    """An account at Stripe and the secret of a stack, with the steps in between."""

    def __init__(self, base: str, name: str) -> None:
        self.api = client_of(f"sk_test_{name:0<12}", base)
        self.secret = StripeSecret(api_key=f"sk_test_{name:0<12}")
        self.written: list[list[str]] = []

    def ensure(self, kind: str = "account", url: str = URL, stack: str = "ledgerline-dev", place: str = PLACE) -> str:
        return ensure(self.api, Wanted(stack, place, kind, url), self.secret, self.keep)

    def keep(self) -> None:
        self.written.append(list(self.secret.webhook_secrets))

    def endpoints(self) -> list[dict[str, Any]]:
        return all_endpoints(self.api)


@pytest.fixture
def account(sandbox: SandboxServer, request: pytest.FixtureRequest) -> Account:
    name = "".join(each for each in request.node.name if each.isalnum())
    return Account(sandbox.url, name)


def test_21_an_endpoint_is_sent_exactly_what_the_code_acts_on(account: Account) -> None:
    account.ensure()
    account.ensure("connect", URL + "-connect")
    wanted = {URL: HANDLED | TRANSFERS_HANDLED, URL + "-connect": CONNECT_HANDLED}
    assert {each["url"]: set(each["enabled_events"]) for each in account.endpoints()} == wanted


def test_21_a_second_run_finds_the_endpoint_and_changes_nothing(account: Account) -> None:
    assert account.ensure().startswith("made we_")
    before, written = account.endpoints(), account.written
    assert account.ensure() == f"found {before[0]['id']}, {len(EVENTS['account'])} events"
    assert account.endpoints() == before
    assert account.written == written


def test_21_the_secret_is_written_before_the_endpoint_says_that_it_is(account: Account) -> None:
    account.ensure()
    (endpoint,) = account.endpoints()
    assert has_secret(endpoint, account.written[0])
    assert account.written[0][0] not in str(endpoint)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"enabled_events": ["charge.updated"]}, "events"),
        ({"url": "https://old.example/webhooks/stripe"}, "address"),
        ({"disabled": True}, "disabled"),
    ],
)
def test_21_what_somebody_changed_is_corrected(sandbox: SandboxServer, change: dict[str, Any], told: str) -> None:
    account = Account(sandbox.url, f"corrected{told}")
    account.ensure()
    (made,) = account.endpoints()
    account.api.v1.webhook_endpoints.update(made["id"], change)  # type: ignore[arg-type]
    assert account.ensure() == f"found {made['id']}, corrected: {told}"
    (after,) = account.endpoints()
    assert webhooks.differences(after, Wanted("ledgerline-dev", PLACE, "account", URL)) == []
    assert len(account.secret.webhook_secrets) == 1


@pytest.mark.parametrize("cut_off", ["before the secret is written", "before the endpoint is marked"])
def test_21_an_endpoint_whose_secret_may_be_lost_is_replaced(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, cut_off: str
) -> None:
    account = Account(sandbox.url, "cutoff" + cut_off.split()[2])
    with monkeypatch.context() as patch:
        if cut_off == "before the secret is written":
            patch.setattr(account, "keep", _crash)
        else:
            patch.setattr(type(account.api.v1.webhook_endpoints), "update", _crash)
        with pytest.raises(KeyboardInterrupt):
            account.ensure()
    if cut_off == "before the secret is written":
        account.secret.webhook_secrets.clear()  # it was this run's alone
    (lost,) = account.endpoints()
    said = account.ensure()
    assert said.endswith(f"deleted {lost['id']}, whose secret is not known")
    (endpoint,) = account.endpoints()
    assert endpoint["id"] != lost["id"]
    assert has_secret(endpoint, account.secret.webhook_secrets)


def _crash(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_21_two_stacks_of_an_account_keep_apart(account: Account) -> None:
    account.ensure()
    account.ensure(url="https://other.example/webhooks/stripe", stack="ledgerline-staging")
    assert len(account.endpoints()) == 2
    assert account.ensure().startswith("found")


def test_21_a_stack_of_the_same_name_in_another_account_keeps_its_endpoint(sandbox: SandboxServer) -> None:
    theirs, account = Account(sandbox.url, "namesakes"), Account(sandbox.url, "namesakes")
    theirs.ensure(url="https://theirs.example/webhooks/stripe", place="444455556666/us-east-1")
    (other,) = theirs.endpoints()
    for _ in range(2):
        said = account.ensure()
        assert said.endswith(
            f"left {other['id']} (444455556666/us-east-1): of a ledgerline-dev in another account or Region"
        )
    assert [each for each in account.endpoints() if each["id"] == other["id"]] == [other]
    assert len(account.endpoints()) == 2


def test_21_a_mark_without_a_place_is_ours_at_our_address_alone(sandbox: SandboxServer) -> None:
    account = Account(sandbox.url, "unplaced")
    account.ensure()
    (made,) = account.endpoints()
    account.api.v1.webhook_endpoints.update(made["id"], {"metadata": {"ledgerline_place": ""}})
    elsewhere = "https://other.example/webhooks/stripe"
    assert account.ensure(url=elsewhere).startswith("made we_")
    assert f"left {made['id']} ({URL})" in account.ensure(url=elsewhere)
    assert account.ensure(place="444455556666/us-east-1").startswith(f"found {made['id']}, corrected: mark")
    assert account.ensure(place="444455556666/us-east-1").startswith(
        f"found {made['id']}, {len(EVENTS['account'])} events"
    )


def test_21_an_endpoint_that_somebody_made_by_hand_is_named_and_left(account: Account) -> None:
    by_hand = account.api.v1.webhook_endpoints.create({"url": URL, "enabled_events": ["*"]})
    assert f"{by_hand.id} has the same address" in account.ensure()
    assert len(account.endpoints()) == 2


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (stripe.AuthenticationError("no", http_status=401), "Stripe does not know the key"),
        (stripe.PermissionError("no", http_status=403), "the key may not do that"),
        (stripe.APIConnectionError("no"), "Stripe does not answer"),
        (stripe.APIError("no", http_status=500), "Stripe says APIError (500)"),
    ],
)
def test_21_what_stripe_refuses_is_said_in_a_line_with_what_to_do(error: stripe.StripeError, told: str) -> None:
    with pytest.raises(Failure, match=r"^step: ") as raised, webhooks.explained("step"):
        raise error
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_21_a_restricted_key_need_not_say_whose_it_is(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise stripe.PermissionError("no", http_status=403)

    assert webhooks.account_id(account.api).startswith("acct_")
    monkeypatch.setattr(type(account.api.v1.accounts), "retrieve_current", refused)
    assert webhooks.account_id(account.api) == "an account that it may not name"
    monkeypatch.setattr(type(account.api.v1.balance), "retrieve", refused)
    with pytest.raises(Failure, match="the key may not do that"):
        webhooks.account_id(account.api)


OLD, NEW = "sk_test_old000000001", "sk_test_new000000001"


def test_21_a_key_of_another_account_or_mode_takes_no_place(sandbox: SandboxServer) -> None:
    webhooks.require_same_account(OLD, OLD, sandbox.url)
    with pytest.raises(Failure, match=r"a key of acct_\w+, and that is one of acct_.*ANOTHER_STRIPE_ACCOUNT=1"):
        webhooks.require_same_account(OLD, NEW, sandbox.url)
    for was, key in ((OLD, "sk_live_new000000001"), ("rk_live_old000000001", NEW)):
        with pytest.raises(Failure, match=r"the stack has a .* key, and that is a .* key"):
            webhooks.require_same_account(was, key, sandbox.url)


def test_21_of_a_key_that_no_longer_works_the_mode_is_compared(sandbox: SandboxServer) -> None:
    webhooks.require_same_account("pk_test_0123456789", NEW, sandbox.url)
    with pytest.raises(Failure, match="a live key, and that is a test key"):
        webhooks.require_same_account("pk_live_0123456789", NEW, sandbox.url)


def test_21_a_key_that_may_not_say_whose_it_is_takes_no_place(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "account_id", lambda _: "acct_1")
    webhooks.require_same_account(OLD, NEW, sandbox.url)
    monkeypatch.setattr(webhooks, "account_id", lambda _: webhooks.UNNAMED)
    with pytest.raises(Failure, match="may not say whose it is"):
        webhooks.require_same_account(OLD, NEW, sandbox.url)


def test_21_stripe_that_does_not_answer_leaves_the_key_where_it_is() -> None:
    with pytest.raises(Failure, match="Stripe does not answer"):
        webhooks.require_same_account(OLD, NEW, "http://127.0.0.1:9")


def test_21_a_key_that_stripe_does_not_take_is_told_without_the_key(sandbox: SandboxServer) -> None:
    key = "pk_test_0123456789"
    with pytest.raises(Failure) as raised:
        webhooks.account_id(client_of(key, sandbox.url))
    assert key not in str(raised.value)
