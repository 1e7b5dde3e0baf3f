"""The page that stands in for Stripe's Checkout: plain forms, no script, so that a browser pays without the internet.

It knows the numbers of Stripe's test cards (docs.stripe.com/testing) and no others. A decline is shown on the page,
which can be submitted again; a card that wants 3D Secure leads to a second page, where the payer agrees or does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import Any

from aiohttp import web

from local.stripe_sandbox import checkout
from local.stripe_sandbox.app import Sandbox
from local.stripe_sandbox.context import Context
from local.stripe_sandbox.errors import ApiError
from local.stripe_sandbox.resources import checkout_sessions

Json = dict[str, Any]

CARDS = {
    "4242": "pm_card_visa",
    "4444": "pm_card_mastercard",
    "0002": "pm_card_chargeDeclined",
    "9995": "pm_card_chargeDeclinedInsufficientFunds",
    "0341": "pm_card_chargeCustomerFail",
    "3155": "pm_card_authenticationRequiredOnSetup",
    "3184": "pm_card_authenticationRequired",
    "3220": "pm_card_threeDSecure2Required",
}
"""Test tokens by the last four digits of the number, which is all that is looked at."""
_NUMBER = re.compile(r"[0-9]{12,15}([0-9]{4})")
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:28rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "label{display:block;margin:1rem 0 .25rem}input{box-sizing:border-box;width:100%;font:inherit;padding:.6rem}"
    "button{font:inherit;padding:.6rem 1.2rem;margin:1rem .5rem 0 0}[role=alert]{color:#a00014}"
)


class CheckoutPage:
    """The handlers; state, faults and events are the sandbox's."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[web.RouteDef]:
        """The page of a session, and that of 3D Secure."""
        return [
            web.get("/c/pay/{session}", self._show),
            web.post("/c/pay/{session}", self._submit),
            web.get("/c/pay/{session}/3ds", self._ask),
            web.post("/c/pay/{session}/3ds", self._answer),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        context, session = self._load(request)
        return _page(checkout_sessions.current(context, session))

    async def _ask(self, request: web.Request) -> web.Response:
        context, session = self._load(request)
        if checkout.waiting(context, session) is None:
            raise web.HTTPSeeOther(request.path.removesuffix("/3ds"))
        return _challenge(session)

    async def _submit(self, request: web.Request) -> web.Response:
        form = await request.post()
        found = _NUMBER.fullmatch(re.sub(r"[ -]", "", str(form.get("number", ""))))
        method = CARDS.get(found[1]) if found is not None else None
        if method is None:
            return _page(self._load(request)[1], "Your card number is not that of a test card.")
        return await self._done(request, lambda context, session: checkout.submit(context, session, method))

    async def _answer(self, request: web.Request) -> web.Response:
        succeed = (await request.post()).get("answer") == "complete"
        return await self._done(
            request, lambda context, session: checkout.authenticate(context, session, succeed=succeed)
        )

    async def _done(self, request: web.Request, act: Callable[[Context, Json], Json]) -> web.Response:
        """Do it, with its events in one transaction; then go on to where the session leads."""
        context, session = self._load(request)
        problem = ""
        with context.store.transaction():
            try:
                session = act(context, session)
            except ApiError as failure:
                if not failure.commits:
                    return _page(checkout_sessions.current(context, session), str(failure))
                problem = str(failure)
        await self._sandbox.dispatcher.settle(context.events)
        self._sandbox.bank.wake()
        if problem:
            return _page(session, problem)
        if session["status"] == "complete":
            raise web.HTTPSeeOther(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))
        if checkout.waiting(context, session) is not None:
            raise web.HTTPSeeOther(f"/c/pay/{session['id']}/3ds")
        return _page(session, "We are unable to authenticate your card. Choose another one and try again.")

    def _load(self, request: web.Request) -> tuple[Context, Json]:
        session_id = request.match_info["session"]
        context = Context(self._sandbox.store.owner_of(session_id) or "", self._sandbox.store, None)
        context.delay_s = self._sandbox.dispatcher.settings.delay_ms / 1000
        found = context.find(checkout_sessions.KIND, session_id)
        if found is None:
            raise web.HTTPNotFound(text="There is no such session.")
        return context, found.body


def _page(session: Json, problem: str = "") -> web.Response:
    if session["status"] != "open":
        text = "You paid already." if session["status"] == "complete" else "This Checkout Session has expired."
        return _html("Checkout", f"<p>{text}</p>")
    pays = session["mode"] == "payment"
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    amount = ""
    if pays:
        amount = f"<p>To pay: {session['amount_total']} ({escape(session['currency'])}, in its smallest unit)</p>"
    back = f'<p><a href="{escape(session["cancel_url"])}">Back</a></p>' if session["cancel_url"] else ""
    fields = (
        '<label for="number">Card number</label><input id="number" name="number" inputmode="numeric"'
        ' autocomplete="cc-number" placeholder="4242 4242 4242 4242" required>'
        '<label for="expiry">Expiry</label><input id="expiry" autocomplete="cc-exp" placeholder="12 / 34">'
        '<label for="cvc">CVC</label><input id="cvc" autocomplete="cc-csc" placeholder="123">'
        f"<button>{'Pay' if pays else 'Save card'}</button>"
    )
    form = f'<form method="post" action="/c/pay/{session["id"]}">{fields}</form>'
    return _html("Checkout (sandbox)", f"{amount}{alert}{form}{back}")


def _challenge(session: Json) -> web.Response:
    buttons = '<button name="answer" value="complete">Complete</button><button name="answer" value="fail">Fail</button>'
    form = f'<form method="post" action="/c/pay/{session["id"]}/3ds">{buttons}</form>'
    return _html("3D Secure (sandbox)", f"<p>Your bank asks whether it is you.</p>{form}")


def _html(title: str, content: str) -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{content}</main></body></html>"
    )
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})
