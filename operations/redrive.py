"""`redrive`: dead letters go back to the queue that they came from.

Every worker does what a message asks for once, however often it comes. So a letter that is sent back and not yet
deleted when this is cut off comes twice, and does no harm; on a FIFO queue SQS drops the second one for five minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SUFFIX = "DeadLettersUrl"
_AT_ONCE = 10
_HIDDEN_S = 60
"""Longer than ten letters take: nobody else gets them meanwhile."""
MOST = 100_000
"""Letters of one queue, so that one that comes straight back does not go round for ever."""


@dataclass(frozen=True, slots=True)
class Letters:
    """A queue and its dead letters.

    Args:
        name: ``billing``, ``webhook-slow``.
    """

    name: str
    queue_url: str
    letters_url: str


def queues(outputs: dict[str, str]) -> dict[str, Letters]:
    """Every queue that has dead letters, by its name, from a stack's outputs."""
    names = sorted(each.removesuffix(_SUFFIX) for each in outputs if each.endswith(_SUFFIX))
    made = [Letters(_dashed(name), outputs[f"{name}QueueUrl"], outputs[f"{name}{_SUFFIX}"]) for name in names]
    return {each.name: each for each in made}


def count(sqs: Any, letters: Letters) -> int:
    """How many letters there are, about; those that somebody has just received are not counted."""
    wanted = ["ApproximateNumberOfMessages"]
    answer = sqs.get_queue_attributes(QueueUrl=letters.letters_url, AttributeNames=wanted)
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def redrive(sqs: Any, letters: Letters, most: int = MOST) -> int:
    """Send letters back, until there are none; how many.

    Args:
        sqs: boto3's client.
    """
    moved = 0
    for message in _received(sqs, letters):
        sqs.send_message(QueueUrl=letters.queue_url, MessageBody=message["Body"], **_as_sent(letters, message))
        sqs.delete_message(QueueUrl=letters.letters_url, ReceiptHandle=message["ReceiptHandle"])
        moved += 1
        if moved == most:
            break
    return moved


def _received(sqs: Any, letters: Letters) -> Iterator[dict[str, Any]]:
    while found := sqs.receive_message(
        QueueUrl=letters.letters_url,
        MaxNumberOfMessages=_AT_ONCE,
        VisibilityTimeout=_HIDDEN_S,
        WaitTimeSeconds=1,  # asks every server of the queue, not some of them
        MessageSystemAttributeNames=["MessageGroupId"],
        MessageAttributeNames=["All"],
    ).get("Messages"):
        yield from found


def _as_sent(letters: Letters, message: dict[str, Any]) -> dict[str, Any]:
    """What a message had beside its body."""
    sent: dict[str, Any] = {}
    if group := message.get("Attributes", {}).get("MessageGroupId"):
        sent["MessageGroupId"] = group
    if letters.queue_url.endswith(".fifo"):
        sent["MessageDeduplicationId"] = f"redrive:{message['MessageId']}"
    if attributes := message.get("MessageAttributes"):
        sent["MessageAttributes"] = attributes
    return sent


def _dashed(name: str) -> str:
    """WebhookSlow -> webhook-slow."""
    return "".join(f"-{each.lower()}" if each.isupper() else each for each in name).lstrip("-")
