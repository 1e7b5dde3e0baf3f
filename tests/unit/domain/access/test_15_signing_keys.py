"""Issue 15: which key signs, and which are published."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.access.signing_keys import KeyState, SigningKey, SigningKeys
from billing.domain.kernel.errors import InvalidState

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def key(kid: str, signs_from: datetime = NOON) -> SigningKey:
    return SigningKey(kid, f"arn:{kid}", "n", "AQAB", signs_from, signs_from)


def states(keys: SigningKeys, at: datetime) -> dict[str, str]:
    return {each.kid: state.value for each, state in keys.published(at)}


def test_15_a_rotation_is_one_command_and_two_kids_live_side_by_side() -> None:
    """The next key is known 15 minutes before it signs; the old one until its last token has expired."""
    first = SigningKeys("platform", (key("k1", NOON - timedelta(days=90)),))
    assert first.signing(NOON - timedelta(days=91)).kid == "k1"  # a worker's clock is behind
    rotated = first.rotated(key("k2"), NOON)
    assert states(rotated, NOON) == {"k1": "current", "k2": "next"}
    assert rotated.signing(NOON + timedelta(minutes=14, seconds=59)).kid == "k1"
    assert rotated.signing(NOON + timedelta(minutes=15)).kid == "k2"
    assert states(rotated, NOON + timedelta(minutes=15)) == {"k1": "retiring", "k2": "current"}
    # Signed by k1 at 12:14:59, good until 13:14:59, and 30 seconds more for clocks that differ.
    assert rotated.find("k1", NOON + timedelta(hours=1, minutes=15, seconds=30)) is not None
    assert states(rotated, NOON + timedelta(hours=1, minutes=16)) == {"k2": "current"}


def test_15_one_next_key_at_a_time() -> None:
    first = SigningKeys("platform", (key("k1", NOON - timedelta(days=90)),)).rotated(key("k2"), NOON)
    with pytest.raises(InvalidState):
        first.rotated(key("k3"), NOON + timedelta(minutes=14))
    later = first.rotated(key("k3"), NOON + timedelta(minutes=20))
    assert states(later, NOON + timedelta(minutes=20)) == {"k1": "retiring", "k2": "current", "k3": "next"}
    much_later = later.rotated(key("k4"), NOON + timedelta(days=1))
    assert [each.kid for each in much_later.keys] == ["k3", "k4"]


def test_15_a_stolen_key_is_replaced_at_once() -> None:
    replaced = SigningKeys("platform", (key("k1"),)).replaced(key("k2"), NOON)
    assert replaced.published(NOON) == ((key("k2"), KeyState.CURRENT),)
    assert replaced.find("k1", NOON) is None
