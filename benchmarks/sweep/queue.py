"""A FIFO queue at its worst: what SQS allows it to do, it does.

Groups come in any order, each message as often as the queue likes, and one that was not answered for comes again; but
a group is never given out twice at once, and a deduplication id is taken once.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Message:
    """A wake-up call of a shard; the copies of one message differ in ``copy``."""

    shard: str
    number: int
    copy: int


class FifoQueue:
    """A ``services.clocks.due_index.Alarm`` whose messages are taken and answered for here.

    Args:
        copies: how often each message is delivered until it is done with.
        random: which group comes next.
    """

    def __init__(self, copies: int, random: Random) -> None:
        self._copies = copies
        self._random = random
        self._groups: dict[str, deque[Message]] = {}
        self._given: dict[str, Message] = {}
        self._seen: set[str] = set()
        self.delivered = 0
        self.returned = 0

    @property
    def sent(self) -> int:
        """How many messages were taken in."""
        return len(self._seen)

    @property
    def empty(self) -> bool:
        """Whether nothing waits and nothing is being worked on."""
        return not self._given and not any(self._groups.values())

    def wake(self, shard: str, deduplication_id: str) -> None:
        """Take a message for a shard, once for each deduplication id."""
        token = f"{shard}|{deduplication_id}"
        if token in self._seen:
            return
        self._seen.add(token)
        group = self._groups.setdefault(shard, deque())
        group.extend(Message(shard, len(self._seen), copy) for copy in range(self._copies))

    def wake_many(self, shards: Sequence[str], deduplication_id: str) -> None:
        """The same for several shards."""
        for shard in shards:
            self.wake(shard, deduplication_id)

    def take(self) -> Message | None:
        """The first message of some group that nobody works on; it is the taker's until it is answered for."""
        ready = [shard for shard, waiting in self._groups.items() if waiting and shard not in self._given]
        if not ready:
            return None
        shard = self._random.choice(ready)
        message = self._given[shard] = self._groups[shard].popleft()
        self.delivered += 1
        return message

    def done(self, message: Message) -> None:
        """It was worked: the group's next one may come."""
        self._release(message)

    def failed(self, message: Message) -> None:
        """Nobody answered for it, or somebody said that it failed: it comes again, before anything of its group."""
        self._release(message)
        self.returned += 1
        self._groups[message.shard].appendleft(message)

    def _release(self, message: Message) -> None:
        if self._given.pop(message.shard, None) != message:
            raise ValueError(f"{message} is not being worked on")
