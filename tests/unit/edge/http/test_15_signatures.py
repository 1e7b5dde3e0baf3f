"""Issue 15, item 7: what is signed of a request, and which signatures are right."""

import hmac
from dataclasses import replace
from hashlib import sha256

import pytest

from billing.domain.kernel.errors import Unauthenticated
from billing.edge.http.signatures import HEADER, Signed, check, sign

NOW = 1_795_298_460.0
SECRET = "sgn_secret"
REQUEST = Signed("POST", "/v1/payments", "a=1", b'{"amount": 1000}', {"idempotency-key": "k1", "x-user-id": "ann"})


def signed(request: Signed, header: str) -> Signed:
    return replace(request, headers={**request.headers, HEADER: header})


def header(request: Signed = REQUEST, t: int = int(NOW), scheme: str = "v1") -> str:
    text = getattr(request, scheme)(str(t))
    return f"t={t},{scheme}={sign(SECRET, text)}"


def test_v1_is_as_the_contract_writes_it() -> None:
    """``t.METHOD.path?query.`` and the SHA-256 of the body, under HMAC-SHA256; worked out here by hand."""
    text = "1795298460.POST./v1/payments?a=1." + sha256(b'{"amount": 1000}').hexdigest()
    wanted = hmac.new(b"sgn_secret", text.encode(), sha256).hexdigest()
    assert header() == f"t=1795298460,v1={wanted}"
    assert check(signed(REQUEST, header()), SECRET, NOW)[0] == (wanted,)


def test_without_a_query_there_is_no_question_mark() -> None:
    assert replace(REQUEST, query="").v1("7").startswith("7.POST./v1/payments.")


@pytest.mark.parametrize("scheme", ["v1", "v2"])
@pytest.mark.parametrize(
    "change", [{"method": "GET"}, {"path": "/api/v1/payments"}, {"query": "a=2"}, {"query": ""}, {"body": b"{}"}]
)
def test_whatever_is_signed_cannot_be_changed(scheme: str, change: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated, match="wrong"):
        check(signed(replace(REQUEST, **change), header(scheme=scheme)), SECRET, NOW)


@pytest.mark.parametrize("name", ["idempotency-key", "x-user-id", "x-api-version"])
def test_v2_covers_the_headers_that_change_what_happens(name: str) -> None:
    other = replace(REQUEST, headers={**REQUEST.headers, name: "other"})
    check(signed(other, header()), SECRET, NOW)
    with pytest.raises(Unauthenticated, match="wrong"):
        check(signed(other, header(scheme="v2")), SECRET, NOW)


@pytest.mark.parametrize(("age", "is_taken"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_a_signature_is_of_the_last_five_minutes(age: int, is_taken: bool) -> None:
    request = signed(REQUEST, header(t=int(NOW) - age))
    if is_taken:
        assert check(request, SECRET, NOW)[1] >= NOW + 300 - age
    else:
        with pytest.raises(Unauthenticated, match="five minutes"):
            check(request, SECRET, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t=1795298460",
        "v1=" + "0" * 64,
        "t=1795298460,v1=xyz",
        *(f"t={t},v1={'0' * 64}" for t in ("-1", "1e9", "9" * 40, "\u0661")),
        header() + "," + header(),
        header().upper(),
    ],
)
def test_what_is_no_signature(text: str) -> None:
    with pytest.raises(Unauthenticated, match="X-Signature"):
        check(signed(REQUEST, text), SECRET, NOW)


def test_of_two_signatures_both_have_to_be_right_and_both_are_used() -> None:
    """Else whoever captures such a request would send it on with the one that covers less."""
    t = str(int(NOW))
    v1, v2 = sign(SECRET, REQUEST.v1(t)), sign(SECRET, REQUEST.v2(t))
    assert check(signed(REQUEST, f"t={t},v1={v1},v2={v2}"), SECRET, NOW)[0] == (v1, v2)
    with pytest.raises(Unauthenticated, match="wrong"):
        check(signed(REQUEST, f"t={t},v1={v1},v2={'0' * 64}"), SECRET, NOW)
