"""Whether what runs can run: account, functions, queues' mappings, the schedule, the API, what is due."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import requests

from billing.domain.kernel.due import PAYOUT_SHARDS
from billing.domain.kernel.times import parse_time
from billing.domain.reports.run import REPORT_SHARDS
from billing.domain.webhooks.delivery import WEBHOOK_SHARDS
from operations.doctor.findings import Finding, Patient

LATE, STUCK = timedelta(minutes=5), timedelta(hours=1)
"""The schedule comes each minute; an item that fails is tried again with ever longer pauses, an hour at most."""
REQUEST_TIMEOUT_S = 30
_WALL, _PAYOUT, _WEBHOOK, _REPORT = "", "p", "w", "r"
FAMILIES = {
    "payouts": (_PAYOUT,),
    "provider_balances": (_WALL, _PAYOUT),
    "report_runs": (_REPORT,),
    "webhook_deliveries": (_WEBHOOK,),
    "webhook_redeliveries": (_WEBHOOK,),
    "payment_methods": (_WALL,),
    **dict.fromkeys(
        ("customers", "subscriptions", "invoices", "payments", "refunds", "orders", "earnings", "reconciliations"),
        (_WALL,),
    ),
}
"""The shards in which a table's items wait, by their first letter. Test clocks' are not looked at: their time is
another, and a clock that is on its way has its own alarm."""


def account(patient: Patient) -> Iterator[Finding]:
    """The account lets as many functions run as the queues may start."""
    limit = patient.aws("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    mappings = _mappings(patient)
    wanted = sum(each.get("ScalingConfig", {}).get("MaximumConcurrency", 0) for each in mappings)
    what = f"{limit} functions may run at the same time, of which queues may take {wanted}"
    if limit <= wanted:
        yield Finding(
            "look",
            "account",
            what + ", so that none are left for the API",
            "ask for more (Service Quotas, Lambda, Concurrent executions), or lower the parameters ...Concurrency",
        )
    else:
        yield Finding("ok", "account", what)


def _mappings(patient: Patient) -> list[Any]:
    """What feeds the stack's functions from queues and streams."""
    pages = patient.aws("lambda").get_paginator("list_event_source_mappings").paginate()
    mark = f":function:{patient.stack.name}-"
    return [each for page in pages for each in page["EventSourceMappings"] if mark in each["FunctionArn"]]


def functions(patient: Patient) -> Iterator[Finding]:
    """Every function is ready, behind its alias."""
    client, name = patient.aws("lambda"), patient.stack.name
    pages = client.get_paginator("list_functions").paginate()
    found = [each for page in pages for each in page["Functions"] if each["FunctionName"].startswith(f"{name}-")]
    fine = 0
    for each in found:
        # A function is pending for a while after a deploy; its alias still points at the version before.
        live = client.get_function_configuration(FunctionName=each["FunctionName"], Qualifier="live")
        state = live.get("State", "Active")
        if state in ("Active", "Inactive"):  # inactive: not called for weeks, and wakes with the next call
            fine += 1
        else:
            reason = live.get("StateReason", "no reason given")
            yield Finding("wrong", f"function {each['FunctionName']}", f"is {state}: {reason}", "deploy again")
    if fine == len(found) > 0:
        yield Finding("ok", "functions", f"{fine}, all ready")
    if not found:
        yield Finding("wrong", "functions", "there are none", f"deploy {name} again")


def mappings(patient: Patient) -> Iterator[Finding]:
    """Every queue and stream feeds its function."""
    found = _mappings(patient)
    off = [each for each in found if each.get("State") not in ("Enabled", "Enabling", "Updating")]
    for each in off:
        source = each["EventSourceArn"].rpartition(":")[2]
        yield Finding(
            "wrong",
            f"mapping of {source}",
            f"is {each.get('State')}: nothing is taken from it",
            f"aws lambda update-event-source-mapping --enabled --uuid {each['UUID']}",
        )
    if not off:
        yield Finding("ok", "queues and streams", f"{len(found)} feed their functions")


def schedule(patient: Patient) -> Iterator[Finding]:
    """The alarm clock rings."""
    name = f"{patient.stack.name}-billing-sweep"
    client = patient.aws("scheduler")
    try:
        found = client.get_schedule(Name=name)
    except client.exceptions.ResourceNotFoundException:
        yield Finding("wrong", "schedule", f"{name} is gone: nothing is billed", "deploy again")
        return
    if found["State"] != "ENABLED":
        yield Finding(
            "wrong", "schedule", f"{name} is {found['State']}: nothing is billed", "enable it (EventBridge, Schedules)"
        )
    else:
        yield Finding("ok", "schedule", f"{name}, {found['ScheduleExpression']}")


def api(patient: Patient) -> Iterator[Finding]:
    """The API answers."""
    url = f"{patient.addresses.api}/v1/health"
    try:
        answer = requests.get(url, timeout=REQUEST_TIMEOUT_S)
    except requests.RequestException as error:
        yield Finding("wrong", "API", f"{url} does not answer ({type(error).__name__})", "is the address right (DNS)?")
        return
    if answer.status_code != 200:
        log = f"/ledgerline/{patient.stack.name}/service"
        yield Finding("wrong", "API", f"{url} answers {answer.status_code}", f"look at the log {log}")
    else:
        yield Finding("ok", "API", f"{url} answers")


def due(patient: Patient) -> Iterator[Finding]:
    """What is due is done: the oldest item that waits for the wall clock, of each table."""
    count = _due_shards(patient)
    late = []
    for table, families in FAMILIES.items():
        oldest = min(_oldest(patient, table, _shards(families, count)), default=None)
        if oldest is not None:
            late.append((patient.now - parse_time(oldest[0]), table, oldest[1]))
    waited, table, item = max(late, default=(timedelta(0), "", ""))
    minutes = int(waited.total_seconds() // 60)
    if waited < LATE:
        yield Finding("ok", "what is due", "nothing has waited for five minutes")
        return
    yield Finding(
        "wrong" if waited >= STUCK else "look",
        "what is due",
        f"{item} of {table} has waited for {minutes} minutes",
        f'docs/operations.md, "Parked items"; the log /ledgerline/{patient.stack.name}/billing-worker',
    )


def _due_shards(patient: Patient) -> int:
    sweep = patient.aws("lambda").get_function_configuration(FunctionName=f"{patient.stack.name}-billing-sweep")
    return int(sweep.get("Environment", {}).get("Variables", {}).get("DUE_SHARDS", 16))


def _shards(families: Iterable[str], due_shards: int) -> Iterator[str]:
    sizes = {_WALL: due_shards, _PAYOUT: PAYOUT_SHARDS, _WEBHOOK: WEBHOOK_SHARDS, _REPORT: REPORT_SHARDS}
    return (f"{family}{n:02d}" for family in families for n in range(sizes[family]))


def _oldest(patient: Patient, table: str, shards: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Of each shard the first item: when it is due, and its id."""
    dynamodb, name = patient.aws("dynamodb"), patient.stack.tables[table]
    for shard in shards:
        items = dynamodb.query(
            TableName=name,
            IndexName="by_due",
            KeyConditionExpression="due_shard = :shard",
            ExpressionAttributeValues={":shard": {"S": shard}},
            Limit=1,
        )["Items"]
        yield from ((item["due_at"]["S"], item["id"]["S"]) for item in items)
