"""All checks, one after the other: one that cannot be made is a finding, and keeps no other from being made."""

from collections.abc import Iterable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from local.console import Failure, say
from operations.doctor import keeping, running, stripe_account
from operations.doctor.findings import Check, Finding, Patient

CHECKS: tuple[Check, ...] = (
    running.account,
    running.functions,
    running.mappings,
    running.schedule,
    running.api,
    running.due,
    stripe_account.secret,
    stripe_account.endpoints,
    stripe_account.payouts,
    stripe_account.tax_secret,
    keeping.tables,
    keeping.keys,
    keeping.dead_letters,
    keeping.alarms,
    keeping.alarm_topic,
    keeping.signing_in,
)


def examine(patient: Patient, checks: Iterable[Check] = CHECKS) -> Iterator[Finding]:
    """What the checks find."""
    for check in checks:
        subject = check.__name__.replace("_", " ")
        try:
            yield from check(patient)
        except Failure as failure:
            yield Finding("unknown", subject, str(failure))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            do = f"your role needs the right to {error.operation_name}" if "Denied" in code else "say the same again"
            yield Finding("unknown", subject, f"AWS answers {error.operation_name} with {code}", do)
        except BotoCoreError as error:
            yield Finding("unknown", subject, f"AWS cannot be asked ({type(error).__name__})", "are you online?")


def report(findings: Iterable[Finding]) -> int:
    """Print them; 1 where something is wrong, or not known to be right."""
    counts = dict.fromkeys(("ok", "look", "wrong", "unknown"), 0)
    for each in findings:
        counts[each.level] += 1
        say(each.line)
    say(", ".join(f"{count} {level}" for level, count in counts.items()))
    return 1 if counts["wrong"] or counts["unknown"] else 0
