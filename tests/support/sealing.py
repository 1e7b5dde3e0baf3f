"""A sealer that seals nothing, for texts that have nothing personal in them."""

from collections.abc import Sequence


class Plain:
    """See ``storage.codec.Sealer``."""

    def seal(self, tenant_id: str, place: str, text: str, data_keys: Sequence[str] | None = None) -> str:
        return text

    def open(self, tenant_id: str, place: str, sealed: str, data_keys: Sequence[str] | None = None) -> str:
        return sealed

    def blind(self, tenant_id: str, text: str, data_keys: Sequence[str] | None = None) -> str:
        return text

    def blinds(self, tenant_id: str, text: str, data_keys: Sequence[str] | None = None) -> tuple[str, ...]:
        return (text,)
