"""Where runs write their files, and folds of finished months are kept: a port."""

from collections.abc import Sequence
from typing import Protocol


class UploadGone(Exception):
    """There is no such upload (any more), or its parts are not those that were named."""


class Files(Protocol):
    """Objects by their keys, encrypted at rest."""

    def get(self, key: str) -> bytes | None:
        """What is under a key."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Put it there, over what may be there."""

    def copy(self, key: str, to: str) -> bool:
        """Put what is under a key under another one, too, as it is now; whether there was something."""

    def size_of(self, key: str) -> int | None:
        """How many bytes are under a key; None where there is nothing."""

    def exists(self, key: str) -> bool:
        """Whether there is something under a key."""

    def latest(self, prefix: str, below: str) -> str | None:
        """The last key, in order, that begins with ``prefix`` and sorts before ``below``."""

    def delete(self, prefix: str) -> None:
        """Take away all that begins so."""

    def upload_link(self, key: str, seconds: int) -> str:
        """A link for whoever has it, to put a file under a key."""

    def begin(self, key: str, content_type: str) -> str:
        """Begin an upload in parts; its id."""

    def part(self, key: str, upload_id: str, number: int, content: bytes) -> str:
        """A part, of 5 MiB at least unless it is the last; what names it when the upload is completed.

        Raises:
            UploadGone: there is no such upload.
        """

    def complete(self, key: str, upload_id: str, parts: Sequence[str]) -> None:
        """Make the object of the parts.

        Raises:
            UploadGone: there is no such upload, or a part was sent again meanwhile.
        """

    def link(self, key: str, name: str, seconds: int) -> str:
        """A link for whoever has it, to download a key under a name."""
