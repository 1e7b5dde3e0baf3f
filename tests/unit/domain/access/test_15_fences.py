"""Issue 15: networks of a key that is made lie within those of the key that makes it."""

import pytest

from billing.domain.access.networks import within


@pytest.mark.parametrize(
    ("networks", "fence", "inside"),
    [
        ((), (), True),
        (("10.0.0.0/8",), (), True),
        ((), ("10.0.0.0/8",), False),
        (("10.1.0.0/16",), ("10.0.0.0/8",), True),
        (("10.0.0.0/8",), ("10.0.0.0/8",), True),
        (("0.0.0.0/0",), ("10.0.0.0/8",), False),
        (("10.1.0.0/16", "192.0.2.1/32"), ("10.0.0.0/8",), False),
        (("10.1.0.0/16", "2001:db8:1::/48"), ("10.0.0.0/8", "2001:db8::/32"), True),
        (("2001:db8::/32",), ("10.0.0.0/8",), False),
    ],
)
def test_15_within_a_fence(networks: tuple[str, ...], fence: tuple[str, ...], inside: bool) -> None:
    assert within(networks, fence) is inside
