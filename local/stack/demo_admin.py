"""Somebody who can sign in to the dashboard of a fresh local stack: invited, and with a password, as anybody is.

Only for stacks on this machine: the link is taken from the gateway's mailbox, which no stack on AWS has.
"""

import re
import secrets

import requests

from local.console import Failure, say
from local.stack.gateway import MAILBOX
from local.stack.seed import REQUEST_TIMEOUT_S, Keys
from local.stack.settings import HOST, Ports

EMAIL = "admin@demo.example"


def ensure_admin(keys: Keys, ports: Ports) -> None:
    """An admin of the demo tenant, whose password is in ``keys`` from now on; one from an earlier start stays."""
    if keys.admin_password:
        return
    try:
        _make(keys, ports)
    except (Failure, requests.RequestException) as error:  # a machine that is busy: the stack works without
        say(f"  nobody to sign in yet, the next start tries again: {error}")


def _make(keys: Keys, ports: Ports) -> None:
    api = f"http://{HOST}:{ports.api}"
    headers = {"X-API-Key": keys.api_key, "Idempotency-Key": f"local-{secrets.token_hex(10)}"}
    body = {"email": EMAIL, "name": "Demo Admin", "role": "admin"}
    made = requests.post(f"{api}/v1/users", json=body, headers=headers, timeout=REQUEST_TIMEOUT_S)
    if made.status_code == 409:  # invited by a start that was cut off: another link
        _send_again(api, keys)
    elif made.status_code != 201:
        raise Failure(f"POST /v1/users answered {made.status_code}: {made.text[:500]}")
    password = secrets.token_urlsafe(15)
    form = {"token": _token(api), "password": password}
    chosen = requests.post(f"{api}/oauth2/password", data=form, timeout=REQUEST_TIMEOUT_S)
    if chosen.status_code != 200 or "Your password is set" not in chosen.text:
        raise Failure(f"POST /oauth2/password answered {chosen.status_code}")
    keys.admin_email, keys.admin_password = EMAIL, password


def _send_again(api: str, keys: Keys) -> None:
    key = {"X-API-Key": keys.api_key}
    users = requests.get(f"{api}/v1/users", params={"limit": 100}, headers=key, timeout=REQUEST_TIMEOUT_S).json()
    user_id = next(each["id"] for each in users["data"] if each["email"] == EMAIL)
    headers = {**key, "Idempotency-Key": f"local-{secrets.token_hex(10)}"}
    sent = requests.post(f"{api}/v1/users/{user_id}/send-link", headers=headers, timeout=REQUEST_TIMEOUT_S)
    if sent.status_code != 200:
        raise Failure(f"the demo admin got no link: {sent.status_code}")


def _token(api: str) -> str:
    """What the link in the newest mail to the admin says."""
    found = requests.get(f"{api}{MAILBOX}", headers={"Accept": "application/json"}, timeout=REQUEST_TIMEOUT_S)
    for mail in found.json():
        link = re.search(r"token=(\S+)", mail["text"])
        if mail["to"] == EMAIL and link is not None:
            return link[1]
    raise Failure("the demo admin's invitation did not come")
