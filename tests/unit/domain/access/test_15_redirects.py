"""Issue 15: redirect URIs: exactly those that are registered, but for a loopback's port."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.access.redirects import is_loopback, matches, may_be_registered, origin

GOOD = [
    "https://app.example/done", "https://app.example:8443/done?x=1", "https://app.example", "http://127.0.0.1/done",
    "http://127.0.0.1:8000/done", "http://[::1]/done", "http://[::1]:9/done", "com.example.app:/done",
]  # fmt: skip
BAD = [
    "", "done", "//app.example/", "http://app.example/done", "http://localhost/done", "http://127.0.0.1.evil.example/",
    "http://127.0.0.2/", "http://0x7f000001/", "https:///done", "https://user@app.example/", "https://app.example/#x",
    "https://app.example/#", "https://app.example:/", "https://app.example:99999/", "https://app.example/ x",
    "https://app.example/\n", "https://äpp.example/", "javascript:alert(1)", "data:text/html,x", "app:/done", "file:///x",
    "https://app.example/'", "https://[::1/", "https://[x]/", "http://127.0.0.1:x/", "https:app.example", "https://a;b/",
    "com.example.app://host/x", "com.example.app:done", "https://app.example\\@evil.example/", "x" * 600,
]  # fmt: skip


@pytest.mark.parametrize("uri", GOOD)
def test_15_what_may_be_registered(uri: str) -> None:
    assert may_be_registered(uri)
    assert matches(uri, uri)


@pytest.mark.parametrize("uri", BAD)
def test_15_what_may_not(uri: str) -> None:
    assert not may_be_registered(uri)
    assert not any(matches(good, uri) for good in GOOD)


def test_15_a_loopbacks_port_is_free_and_nothing_else() -> None:
    """RFC 8252, 7.3."""
    registered = "http://127.0.0.1/done?a=1"
    assert matches(registered, "http://127.0.0.1:51004/done?a=1")
    assert matches("http://[::1]:1/done", "http://[::1]:65535/done")
    for other in (
        "https://127.0.0.1/done?a=1", "http://[::1]/done?a=1", "http://localhost/done?a=1", "http://127.0.0.1/done",
        "http://127.0.0.1/done?a=2", "http://127.0.0.1/done/?a=1", "http://127.0.0.1:0x1/done?a=1",
        "http://x@127.0.0.1/done?a=1",
    ):  # fmt: skip
        assert not matches(registered, other), other
    assert not matches("https://app.example/done", "https://app.example:444/done")
    assert is_loopback(registered)
    assert not is_loopback("https://app.example/")


def test_15_where_an_answer_goes_as_a_policy_names_it() -> None:
    assert origin("https://app.example:8443/done?x=1") == "https://app.example:8443"
    assert origin("com.example.app:/done") == "com.example.app:"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.sampled_from(GOOD))
def test_15_no_text_breaks_it_and_only_the_same_text_matches(text: str, good: str) -> None:
    if text != good and matches(good, text):
        assert is_loopback(good)
    may_be_registered(good + text)
    may_be_registered(text)
