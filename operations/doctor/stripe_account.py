"""Whether Stripe and the stack know each other: secret, key, endpoints, payouts."""

import json
from collections.abc import Iterator
from typing import Any

import stripe

from local.console import Failure
from operations.deploy import stripe_secret, webhooks
from operations.deploy.stripe_secret import StripeSecret
from operations.doctor.findings import Finding, Level, Patient

_DEPLOY = "make deploy STAGE=... FIRST_STEP="


def secret(patient: Patient) -> Iterator[Finding]:
    """The secret has all that the product reads of it, and Stripe takes the key."""
    try:
        found = _secret(patient)
    except Failure as failure:
        yield Finding("wrong", "Stripe's secret", str(failure))
        return
    if not found.api_key:
        yield Finding("wrong", "Stripe's secret", "it has no key: every charge is a 503", _DEPLOY + "stripe-key")
        return
    lacking = {"webhook_secrets": found.webhook_secrets, "connect_webhook_secrets": found.connect_webhook_secrets}
    for name, values in lacking.items():
        if not values:
            level: Level = "wrong" if name == "webhook_secrets" else "look"
            yield Finding(level, "Stripe's secret", f"it has no {name}: those events are refused", _DEPLOY + "webhook")
    try:
        account = webhooks.account_id(_api(patient, found))
    except Failure as failure:
        yield Finding("wrong", "Stripe's key", str(failure))
        return
    if patient.is_production and found.mode != "live":
        yield Finding("look", "Stripe's key", f"a test key of {account}: no money moves", _DEPLOY + "stripe-key")
    else:
        yield Finding("ok", "Stripe's key", f"a {found.mode} key of {account}")


def _secret(patient: Patient) -> StripeSecret:
    return stripe_secret.read(patient.aws("secretsmanager"), patient.stack.outputs["StripeSecretId"])


def _api(patient: Patient, found: StripeSecret) -> stripe.StripeClient:
    return webhooks.client_of(found.api_key, patient.stack.stripe_api_base)


def _known(patient: Patient) -> StripeSecret | None:
    """The secret, where it can be used; ``secret`` says why not."""
    try:
        found = _secret(patient)
    except Failure:
        return None
    return found if found.api_key else None


def endpoints(patient: Patient) -> Iterator[Finding]:
    """Stripe sends the events that the code acts on, and the stack can check who signed them."""
    found = _known(patient)
    if found is None:
        yield Finding("unknown", "webhook endpoints", "without Stripe's key nobody can look")
        return
    try:
        there = webhooks.all_endpoints(_api(patient, found))
    except Failure as failure:
        yield Finding("unknown", "webhook endpoints", str(failure))
        return
    for kind, url in (("account", patient.addresses.webhook), ("connect", patient.addresses.connect_webhook)):
        yield from _endpoint(webhooks.Wanted(patient.stack.name, patient.stack.place, kind, url), there, found)


def _endpoint(wanted: webhooks.Wanted, there: list[Any], known: StripeSecret) -> Iterator[Finding]:
    subject = f"webhook endpoint ({wanted.kind})"
    do = _DEPLOY + ("connect-webhook" if wanted.kind == "connect" else "webhook")
    mine = webhooks.ours(there, wanted)
    by_hand = [each for each in there if each["id"] in webhooks.others_at(there, wanted)]
    if not mine and not by_hand:
        level: Level = "look" if wanted.kind == "connect" else "wrong"
        less = "; only providers need it" if wanted.kind == "connect" else ""
        yield Finding(level, subject, f"there is none at Stripe for {wanted.url}{less}", do)
        return
    for each in [*mine, *by_hand]:
        wrong = webhooks.differences(each, wanted)
        if wrong:
            yield Finding("wrong", subject, f"{each['id']} is not as it is to be: {', '.join(wrong)}", do)
        elif each in mine and not webhooks.has_secret(each, known.signing(wanted.kind)):
            yield Finding(
                "wrong", subject, f"the secret of {each['id']} is not in the stack's: its events are refused", do
            )
        else:
            yield Finding("ok", subject, f"{each['id']}, {len(each['enabled_events'])} events")
    if len(mine) + len(by_hand) > 1:
        yield Finding("look", subject, "each event is sent more than once", "delete the others in Stripe's dashboard")


def payouts(patient: Patient) -> Iterator[Finding]:
    """Stripe leaves on the platform's account what providers are owed."""
    found = _known(patient)
    accounts = patient.aws("dynamodb").scan(TableName=patient.stack.tables["provider_accounts"], Limit=1)
    if found is None or not accounts["Items"]:
        return
    try:
        with webhooks.explained("the platform's balance settings"):
            settings = _api(patient, found).v1.balance_settings.retrieve().to_dict()
    except Failure as failure:
        yield Finding("unknown", "payouts", str(failure))
        return
    told = settings["payments"]["payouts"] or {}
    if told.get("schedule", {}).get("interval") == "manual" or told.get("minimum_balance_by_currency"):
        yield Finding("ok", "payouts", "the platform's balance stays where providers are paid from")
    else:
        do = "set the platform's payouts to manual, or keep a minimum (Stripe's dashboard, Settings, Payouts)"
        yield Finding("wrong", "payouts", "Stripe pays out by itself what providers are owed", do)


def tax_secret(patient: Patient) -> Iterator[Finding]:
    """The second secret, where it is filled in, has what the product reads of it."""
    manager = patient.aws("secretsmanager")
    try:
        text = manager.get_secret_value(SecretId=patient.stack.outputs["TaxSecretId"])["SecretString"]
    except manager.exceptions.ResourceNotFoundException:
        text = ""
    if not text.strip():
        yield Finding("ok", "tax secret", "empty: only TaxJar and senders of rates need it")
        return
    try:
        values = json.loads(text)
        fine = isinstance(values["taxjar_token"], str) and isinstance(values["webhook_secrets"], list)
    except (ValueError, KeyError, TypeError):
        fine = False
    if fine:
        yield Finding("ok", "tax secret", "filled in")
    else:
        do = '{"taxjar_token": "...", "webhook_secrets": ["..."]} (Secrets Manager)'
        yield Finding("wrong", "tax secret", "is not the JSON that the product reads", do)
