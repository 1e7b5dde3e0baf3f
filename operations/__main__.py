"""An operator's command line: `python -m operations COMMAND --stack ledgerline-prod`.

Every command says what it found and what it did, may be run again, and may be cut off at any time. With `--dry-run`
those that are about a running stack say what they would do. Both leave a row in the audit log, under the name of
whoever holds the AWS credentials; `deploy` and `doctor`, which look at a stack from outside, have neither.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from billing.domain.kernel.due import clock_of
from billing.domain.kernel.errors import BillingError
from billing.domain.kernel.times import format_time
from local.console import Failure
from local.stack.outputs import plain_name
from operations import books, drill, due, keys, redrive, replay, resealing, tenants
from operations.deploy.command import deploy_command
from operations.doctor.command import doctor_command
from operations.operator import Operator, require_tenant
from operations.options import Command, finish, stack_option, told
from operations.stack import Stack, entered

_SHOWN = 50
"""Rows of a table; how many more there are is said below it."""


@click.group()
@click.pass_context
def main(context: click.Context) -> None:
    """Deploy a stack, look at it, and operate it."""
    if region := os.environ.get("AWS_REGION"):
        # What AWS's own command line and every other SDK read; boto3 does not, and sam neither.
        os.environ["AWS_DEFAULT_REGION"] = region
    context.obj = context.obj or entered


main.add_command(deploy_command)
main.add_command(doctor_command)


def command(name: str, group: click.Group = main) -> Callable[[Command], Command]:
    """A command about a stack: it gets an ``Operator``, and a refusal is one line and exit code 1."""

    def made(function: Command) -> Command:
        @wraps(function)
        def run(enter: Callable[[str], Stack], /, stack: str, dry_run: bool, **options: Any) -> None:
            route = name if group is main else f"{group.name} {name}"

            def work() -> int:
                with told(route), _refusals():
                    function(Operator(enter(stack), route, dry_run), **options)
                return 0

            finish(work)

        dry_run_option = click.option("--dry-run", is_flag=True, help="Say what it would do, and do nothing.")
        return group.command(name)(stack_option(dry_run_option(click.pass_obj(run))))

    return made


@contextmanager
def _refusals() -> Iterator[None]:
    """What the product, or a command, refuses is a failure that says so."""
    try:
        yield
    except (BillingError, books.EntryUnreadable, drill.NoDrill) as error:
        raise Failure(str(error)) from error


def _time(_context: click.Context, _option: click.Parameter, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text} is no time; say 2026-11-30T12:00, which is UTC") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _optional_time(context: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    return None if text is None else _time(context, option, text)


def _show(title: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """A table, cut off with a word where it is long."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows[:_SHOWN]:
        table.add_row(*(str(each) for each in row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if len(rows) > _SHOWN:
        click.echo(f"... and {len(rows) - _SHOWN} more")


@command("due")
@click.option("--tenant", help="Of this tenant alone.")
@click.option("--most", default=due.MOST, show_default=True, help="Entries of the due index that are looked at.")
def due_command(operator: Operator, tenant: str | None, most: int) -> None:
    """Show what is due, what fails, and what is parked."""
    seen = due.overview(operator, tenant, most)
    counts = seen.by_shard()
    if counts:
        rows = [(*place, each["due"], each["failing"]) for place, each in counts.items()]
        _show("Due and failing", ("shard", "tenant", "due", "failing"), rows)
    if seen.failing:
        failing = [(e.kind, e.tenant_id, e.id, e.due.attempts, format_time(e.due.at)) for e in seen.failing]
        _show("Failing", ("kind", "tenant", "id", "failures", "next try"), failing)
    if seen.parked:
        parked = [(each.kind, each.tenant_id, each.id, format_time(each.since)) for each in seen.parked]
        _show("Parked: nobody tries them again", ("kind", "tenant", "id", "since"), parked)
    number_due = sum(each.is_due for each in seen.waiting)
    click.echo(
        f"{number_due} due, the oldest for {seen.oldest_s} s; {len(seen.failing)} failing; {len(seen.parked)} parked"
    )
    if not seen.complete:
        click.echo(f"only {most} entries of the index were looked at: say --most")


@command("unpark")
@click.argument("item", nargs=3, metavar="KIND TENANT ID", required=False)
@click.option("--all", "everything", is_flag=True, help="Everything that `due` shows as parked.")
@click.option("--tenant", help="With --all: of this tenant alone.")
def unpark_command(operator: Operator, item: tuple[str, str, str] | None, everything: bool, tenant: str | None) -> None:
    """Have a parked item be due again: mend what kept it from being done first."""
    from billing.services.sweep.parked import UNPARKED

    if everything == bool(item):
        raise click.UsageError("say KIND TENANT ID, or --all")
    would = "would be" if operator.dry_run else "is"
    if item:
        kind, tenant_id, item_id = item
        if kind not in UNPARKED:
            raise click.UsageError(f"KIND is one of {', '.join(UNPARKED)}")
        when = due.unpark(operator, kind, tenant_id, item_id)
        waits = "; its test clock comes to it when it is advanced next" if clock_of(when.shard) else ""
        click.echo(f"{kind} {item_id} {would} due at {format_time(when.at)} in shard {when.shard}{waits}")
        return
    done = refused = 0
    for each, outcome in due.unpark_all(operator, tenant):
        if isinstance(outcome, BillingError):
            refused += 1
            click.echo(f"{each.kind} {each.id} of {each.tenant_id} is refused: {outcome}")
        else:
            done += 1
            click.echo(f"{each.kind} {each.id} of {each.tenant_id} {would} due at {format_time(outcome.at)}")
    click.echo(f"{done} {'would be set' if operator.dry_run else 'set'} going again")
    if refused:
        sys.exit(1)


@command("redrive")
@click.argument("queue", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="The dead letters of every queue.")
def redrive_command(operator: Operator, queue: tuple[str, ...], everything: bool) -> None:
    """Send dead letters back to their QUEUE; without one, say how many there are."""
    known, sqs = redrive.queues(operator.stack.outputs), operator.stack.aws("sqs")
    if unknown := [each for each in queue if each not in known]:
        raise click.UsageError(f"no queue {', '.join(unknown)}; there are {', '.join(known)}")
    wanted = list(known) if everything else list(queue)
    if not wanted:
        rows = [(name, redrive.count(sqs, letters)) for name, letters in known.items()]
        _show("Dead letters", ("queue", "about"), rows)
        return
    operator.about(*wanted).note()
    for name in wanted:
        if operator.dry_run:
            click.echo(f"{name}: about {redrive.count(sqs, known[name])} letters would be sent back")
        else:
            click.echo(f"{name}: {redrive.redrive(sqs, known[name])} letters sent back")


@command("replay-events")
@click.option("--since", required=True, callback=_time, help="Events from this time on: 2026-11-30T12:00, UTC.")
@click.option("--tenant", help="The events of this tenant alone.")
@click.option(
    "--consumer", type=click.Choice(replay.CONSUMERS), multiple=True, default=replay.CONSUMERS,
    help="Only this one; the feed and the publisher of webhooks otherwise.",
)  # fmt: skip
def replay_command(operator: Operator, since: datetime, tenant: str | None, consumer: tuple[str, ...]) -> None:
    """Hand committed events to the feed and the webhooks again: nothing is placed, or delivered, twice by it."""
    from billing.bootstrap import operating

    operator.about(*consumer, *([tenant] if tenant else [])).note()
    functions, has_failed = operator.stack.aws("lambda"), False
    for each in consumer:
        ids = [tenant] if tenant else operating.tenant_ids()
        name = f"{operator.stack.name}-{each}"
        count, failed = replay.replay(functions, name, since, ids, operator.dry_run)
        said = "would be handed over" if operator.dry_run else f"handed over, of which {len(failed)} failed"
        click.echo(f"{each}: {count} events {said}{': ' if failed else ''}{', '.join(failed[:20])}")
        has_failed = has_failed or bool(failed)
    if has_failed:
        sys.exit(1)


@command("trial-balance")
@click.argument("tenant", nargs=-1)
@click.option("--clock", help="Of the customers on this test clock of TENANT's.")
def trial_balance_command(operator: Operator, tenant: tuple[str, ...], clock: str | None) -> None:
    """Add up the books of TENANT, or of all: exit code 1 where debits and credits differ."""
    from billing.bootstrap import operating

    if clock and len(tenant) != 1:
        raise click.UsageError("say whose clock it is: TENANT --clock ID")
    differs = False
    for tenant_id in tenant or operating.tenant_ids():
        balance = books.trial_balance(operator, tenant_id, clock)
        if tenant:
            rows = [(e.account.value, e.party or "", e.debit, e.credit, e.balance) for e in balance.accounts]
            _show(tenant_id, ("account", "party", "debit", "credit", "balance"), rows)
        wrong = balance.out_of_balance
        differs = differs or bool(wrong)
        rest = ", ".join(map(str, wrong.values()))
        click.echo(f"{tenant_id}: {balance.entries} entries, {'differ by ' + rest if wrong else 'balanced'}")
    if differs:
        sys.exit(1)


@command("restore-drill")
@click.option("--name", help="Of this drill; one that was cut off goes on under its name. Now, by default.")
@click.option(
    "--at",
    callback=_optional_time,
    help="Restore to this second; by default that of the drill that goes on, or the latest.",
)
@click.option("--tenant", help="Check the books of this tenant alone; all tables are restored.")
@click.option("--keep", is_flag=True, help="Leave the restored tables, for more than the checks.")
def restore_drill_command(
    operator: Operator, name: str | None, at: datetime | None, tenant: str | None, keep: bool
) -> None:
    """Restore every table, check the books there, delete them.

    Each table is restored to a new one, at one second. Nothing live is written, and nobody is charged.
    """
    if tenant:
        require_tenant(tenant)  # before tables are made
    tables = {plain_name(each): value for each, value in operator.stack.outputs.items() if each.startswith("Table")}
    made = drill.Drill(operator.stack, name or f"{datetime.now(UTC):%Y%m%d%H%M%S}", tables)
    second = made.second(at)
    operator.about(made.name, *([tenant] if tenant else [])).note()
    click.echo(f"drill {made.name}: {len(tables)} tables as of {format_time(second)}")
    if operator.dry_run:
        click.echo(f"would restore them as {made.prefix}...")
        return
    click.echo(f"{made.restore(second)} restored")
    counts = made.counts()
    _show("Items", ("table", "live", "restored"), [(plain, *pair) for plain, pair in counts.items()])
    problems = [f"{whose}: {each}" for whose, found in drill.checked(operator, made, tenant) for each in found]
    fine = f"{tenant or 'every tenant'}'s books balance, and no number of an invoice or a credit note is missing"
    click.echo("\n".join(problems) or fine)
    click.echo(f"kept as {made.prefix}..." if keep else f"{made.clean()} tables deleted")
    if problems:
        sys.exit(1)


@main.group("rotate-keys")
def rotate_keys() -> None:
    """Have another key take the place of one."""


@command("signing", rotate_keys)
@click.option("--now", is_flag=True, help="At once and alone, because somebody else may use the key: all tokens end.")
def signing_command(operator: Operator, now: bool) -> None:
    """The key that signs access tokens: a fresh one is published, and signs in 15 minutes."""
    kids = keys.rotate_signing(operator, now)
    click.echo(f"{'a key would be made beside' if operator.dry_run else 'published'}: {', '.join(kids)}")


@command("data", rotate_keys)
@click.argument("tenant")
def data_command(operator: Operator, tenant: str) -> None:
    """A TENANT's data key: what is written from now on is sealed under another one."""
    after, is_new = keys.rotate_data_key(operator, tenant)
    if not is_new:
        click.echo(f"{tenant} has had its newest data key for less than ten minutes: nothing to do")
        return
    said = "would have" if operator.dry_run else "has"
    click.echo(
        f"{tenant} {said} {len(after.data_keys)} data keys; in two minutes: "
        f"python -m operations reseal --stack {operator.stack.name} {tenant}"
    )


@command("platform", rotate_keys)
@click.argument("key_id", metavar="KEY_ID")
@click.option("--overlap", default=86400, show_default=True, help="Seconds for which the old key works on.")
def platform_command(operator: Operator, key_id: str, overlap: int) -> None:
    """A key of the platform's, by its id: prints its successor, once."""
    made = keys.rotate_platform_key(operator, key_id, overlap)
    click.echo(f"{key_id} would get a successor" if operator.dry_run else f"{made.key.id}: {made.text}")


def _of_tenants(function: Command) -> Command:
    """Of the tenants that are named, or of all; at a pace."""
    pace = click.option("--pace", default=0.1, show_default=True, help="Seconds to rest after each page of 100 items.")
    everybody = click.option("--all", "everybody", is_flag=True, help="Every tenant in the operator's list.")
    return click.argument("tenant", nargs=-1)(everybody(pace(function)))


def _named(tenant: tuple[str, ...], everybody: bool) -> Sequence[str]:
    from billing.bootstrap import operating

    if everybody == bool(tenant):
        raise click.UsageError("say TENANT ..., or --all")
    return list(operating.tenant_ids()) if everybody else tenant


@command("reseal")
@_of_tenants
@click.option("--index", is_flag=True, help="Look up addresses and names under it, too; items from before a release.")
def reseal_command(operator: Operator, tenant: tuple[str, ...], everybody: bool, pace: float, index: bool) -> None:
    """Seal what is stored of each TENANT under its newest data key (`platform`: the operator's own)."""
    for tenant_id in _named(tenant, everybody):
        for line in resealing.reseal(operator, tenant_id, index, pace):
            click.echo(line)


@command("index-ledger")
@_of_tenants
def index_ledger_command(operator: Operator, tenant: tuple[str, ...], everybody: bool, pace: float) -> None:
    """Put entries of each TENANT's ledger from before there were reports into the index that these read."""
    for tenant_id in _named(tenant, everybody):
        click.echo(resealing.index_ledger(operator, tenant_id, pace))


@main.group("tenant")
def tenant_group() -> None:
    """Suspend a tenant, or take it in again."""


@command("suspend", tenant_group)
@click.argument("tenant")
def suspend_command(operator: Operator, tenant: str) -> None:
    """Refuse every call of a TENANT, within a minute. What is due goes on being billed."""
    _say_status(operator, tenant, tenants.suspend(operator, tenant))


@command("resume", tenant_group)
@click.argument("tenant")
def resume_command(operator: Operator, tenant: str) -> None:
    """Take a suspended TENANT in again."""
    _say_status(operator, tenant, tenants.resume(operator, tenant))


def _say_status(operator: Operator, tenant_id: str, status: str) -> None:
    click.echo(f"{tenant_id} {'would be' if operator.dry_run else 'is'} {status}; every worker knows within a minute")


if __name__ == "__main__":
    main(prog_name="python -m operations")
