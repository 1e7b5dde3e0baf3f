"""Issue 17, item 5: which answers are compressed, and that they are what they were once decoded."""

import base64
import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.edge.http.compression import FROM_BYTES, accepts_gzip, compressed


def _answer(body: str, content_type: str = "application/json", **more: Any) -> dict[str, Any]:
    return {"statusCode": 200, "headers": {"Content-Type": content_type}, "body": body, **more}


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("br, gzip;q=0.001", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("identity", False),
        ("identity;q=1, gzip;q=0.5", False),
        ("identity;q=0.5, gzip", True),
        ("br", False),
        ("gzip;q=2", False),
        ("gzipped", False),
        (",,;q=1,gzip", True),
    ],
)
def test_17_gzip_is_taken_where_it_is_wanted(header: str | None, wanted: bool) -> None:
    assert accepts_gzip(header) is wanted


@given(st.text())
def test_17_any_header_is_read(header: str) -> None:
    assert accepts_gzip(header) in (True, False)


@given(st.text(max_size=3_000), st.booleans())
def test_17_what_is_decoded_is_what_was(text: str, as_bytes: bool) -> None:
    body = base64.b64encode(text.encode()).decode() if as_bytes else text
    answer = compressed(_answer(body, isBase64Encoded=as_bytes), "gzip")
    if len(text.encode()) < FROM_BYTES:
        assert answer["body"] == body
        assert "Content-Encoding" not in answer["headers"]
    else:
        assert gzip.decompress(base64.b64decode(answer["body"])) == text.encode()
        assert (answer["headers"]["Content-Encoding"], answer["isBase64Encoded"]) == ("gzip", True)
    assert answer["headers"]["Vary"] == "Accept-Encoding"


def test_17_equal_texts_have_equal_bytes() -> None:
    """No time is in it, and nothing of the machine."""
    one, other = (compressed(_answer("x" * 2_000), "gzip") for _ in range(2))
    assert one == other


@pytest.mark.parametrize("content_type", ["application/pdf", "image/png", ""])
def test_17_what_is_no_text_is_left_alone(content_type: str) -> None:
    answer = _answer("x" * 2_000, content_type)
    assert compressed(answer, "gzip") == _answer("x" * 2_000, content_type)


def test_17_what_is_compressed_already_is_left_alone() -> None:
    answer = _answer("x" * 2_000) | {"headers": {"content-type": "text/html", "content-encoding": "br"}}
    assert compressed(dict(answer), "gzip") == answer
