"""Whether what is kept is safe, and whether somebody hears of what is not: tables, keys, dead letters, alarms."""

from collections.abc import Iterator
from typing import Any

from operations.doctor.findings import Finding, Patient, worse

_ALARMS_AT_ONCE = 100
"""Source: CloudWatch API, DescribeAlarms, AlarmNames."""


def tables(patient: Patient) -> Iterator[Finding]:
    """Every table can be restored, and in production not be deleted by mistake."""
    dynamodb = patient.aws("dynamodb")
    unsafe, unprotected, away = [], [], []
    for name in patient.stack.tables.values():
        told = dynamodb.describe_table(TableName=name)["Table"]
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        unsafe += [] if recovery == "ENABLED" else [name]
        unprotected += [] if told.get("DeletionProtectionEnabled") else [name]
        away += [] if told["TableStatus"] in ("ACTIVE", "UPDATING") else [f"{name} ({told['TableStatus']})"]
    if away:
        yield Finding("wrong", "tables", f"not there: {_few(away)}", 'docs/operations.md, "Backups"')
    if unsafe:
        yield Finding(
            "wrong",
            "tables",
            f"no point-in-time recovery: {_few(unsafe)}",
            "switch it on (DynamoDB, the table's page, Backups)",
        )
    if patient.is_production and unprotected:
        yield Finding("wrong", "tables", f"may be deleted: {_few(unprotected)}", "PARAMETERS=ProtectTables=true")
    if not (away or unsafe):
        yield Finding("ok", "tables", f"{len(patient.stack.tables)}, each to be restored to any second of 35 days")


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def keys(patient: Patient) -> Iterator[Finding]:
    """The keys that open what is stored, and sign tokens, are in use."""
    kms = patient.aws("kms")
    for output, use in (("KeyId", "key of the data"), ("SigningKeyId", "key that signs tokens")):
        key_id = patient.stack.outputs[output]
        state = kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"]
        if state == "PendingDeletion":
            do = f"at once: aws kms cancel-key-deletion --key-id {key_id}, then aws kms enable-key --key-id {key_id}"
            yield Finding("wrong", use, "is about to be deleted, and all that it encrypts with it", do)
        elif state != "Enabled":
            yield Finding(
                "wrong", use, f"is {state}: nothing works without it", f"aws kms enable-key --key-id {key_id}"
            )
        else:
            yield Finding("ok", use, "enabled")
    if not kms.get_key_rotation_status(KeyId=patient.stack.outputs["KeyId"])["KeyRotationEnabled"]:
        yield Finding("look", "key of the data", "is not rotated", "aws kms enable-key-rotation --key-id ...")


def dead_letters(patient: Patient) -> Iterator[Finding]:
    """Nothing failed for good."""
    sqs, full = patient.aws("sqs"), False
    urls = {name: url for name, url in patient.stack.outputs.items() if name.endswith("DeadLettersUrl")}
    urls["StreamFailuresUrl"] = patient.stack.outputs["StreamFailuresUrl"]
    for name, url in urls.items():
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        count = int(told["Attributes"]["ApproximateNumberOfMessages"])
        if count:
            full = True
            yield Finding(
                "wrong",
                name.removesuffix("Url"),
                f"{count} messages",
                'docs/operations.md, "Runbooks", has one for each queue',
            )
    if not full:
        yield Finding("ok", "dead letters", f"none in {len(urls)} queues")


def alarms(patient: Patient) -> Iterator[Finding]:
    """No alarm goes off."""
    names = _alarm_names(patient)
    cloudwatch = patient.aws("cloudwatch")
    found: list[Any] = []
    for first in range(0, len(names), _ALARMS_AT_ONCE):
        some = names[first : first + _ALARMS_AT_ONCE]
        found += cloudwatch.describe_alarms(AlarmNames=some, MaxRecords=_ALARMS_AT_ONCE)["MetricAlarms"]
    off = [each for each in found if each["StateValue"] == "ALARM"]
    for each in off:
        says, _, runbook = each.get("AlarmDescription", "no description").partition(" - runbook ")
        do = f"runbook {runbook}" if runbook else 'docs/operations.md, "Runbooks"'
        yield Finding("wrong", f"alarm {each['AlarmName']}", f"goes off: {says}", do)
    silent = [each["AlarmName"] for each in found if not each.get("ActionsEnabled", True)]
    if silent:
        yield Finding("wrong", "alarms", f"switched off: {_few(silent)}", "aws cloudwatch enable-alarm-actions ...")
    if len(found) < len(names) or not names:
        yield Finding("wrong", "alarms", f"{len(names) - len(found)} of {len(names)} are gone", "deploy again")
    elif not off and not silent:
        yield Finding("ok", "alarms", f"{len(found)}, none goes off")


def _alarm_names(patient: Patient) -> list[str]:
    pages = patient.aws("cloudformation").get_paginator("list_stack_resources").paginate(StackName=patient.stack.name)
    return [
        each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] == "AWS::CloudWatch::Alarm"
    ]


def alarm_topic(patient: Patient) -> Iterator[Finding]:
    """Somebody hears of an alarm."""
    topic = patient.stack.parameters.get("AlarmTopicArn", "")
    if not topic:
        do = "make a topic, subscribe to it, and deploy with PARAMETERS=AlarmTopicArn=ARN"
        yield Finding(worse(patient), "alarms' topic", "there is none: an alarm tells nobody", do)
        return
    sns = patient.aws("sns")
    try:
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        found = [each["SubscriptionArn"] for page in pages for each in page["Subscriptions"]]
    except sns.exceptions.NotFoundException:
        yield Finding("wrong", "alarms' topic", f"{topic} does not exist", "deploy with another AlarmTopicArn")
        return
    confirmed = [each for each in found if each.startswith("arn:")]
    if confirmed:
        yield Finding("ok", "alarms' topic", f"{len(confirmed)} subscribers")
    else:
        waiting = f"{len(found)} have not confirmed" if found else "nobody has subscribed"
        yield Finding("wrong", "alarms' topic", waiting, f"subscribe to {topic}, and follow the link in the mail")


def signing_in(patient: Patient) -> Iterator[Finding]:
    """People can be invited, and sign in."""
    known = patient.stack.parameters
    if not known.get("DomainName") and not known.get("IssuerUrl"):
        do = f"PARAMETERS=DomainName=..., or for a trial IssuerUrl={patient.stack.outputs['ApiUrl']}"
        yield Finding("look", "signing in", "nobody can: tokens have no issuer", do)
        return
    if not known.get("MailFrom") and not known.get("MailboxUrl"):
        yield Finding(
            "look", "signing in", "nobody can be invited: no mails", "PARAMETERS='MailFrom=... MailIdentityArn=...'"
        )
        return
    if known.get("MailFrom") and not patient.aws("sesv2").get_account().get("ProductionAccessEnabled"):
        do = "ask AWS for production access (SES, Account dashboard)"
        yield Finding("look", "signing in", "mails go to verified addresses only: SES is in its sandbox", do)
        return
    yield Finding("ok", "signing in", f"as {known.get('DomainName') or known['IssuerUrl']}")
