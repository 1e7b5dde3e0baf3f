"""Issue 17: what S3 answers, as files: gone, not now, or refused."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from billing.domain.kernel.errors import Unavailable
from billing.integrations.aws.files import S3Files
from billing.services.reports.files import UploadGone


def refused(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation")  # type: ignore[typeddict-item]


class Client:
    """An S3 that answers each call with what it is given, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.asked.append((name, arguments))
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def files(*answers: Any) -> S3Files:
    client = Client(*answers)
    return S3Files(lambda: client, "bucket")


CALLS: dict[str, Callable[[S3Files], Any]] = {
    "get": lambda s3: s3.get("k"),
    "put": lambda s3: s3.put("k", b"x", "text/csv"),
    "copy": lambda s3: s3.copy("k", "l"),
    "size_of": lambda s3: s3.size_of("k"),
    "exists": lambda s3: s3.exists("k"),
    "latest": lambda s3: s3.latest("p/", "p/z"),
    "delete": lambda s3: s3.delete("p/"),
    "begin": lambda s3: s3.begin("k", "text/csv"),
    "part": lambda s3: s3.part("k", "up", 1, b"x"),
    "complete": lambda s3: s3.complete("k", "up", ["a", "b"]),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "trouble",
    [refused("InternalError", 500), refused("SlowDown", 503), ReadTimeoutError(endpoint_url="https://s3")],
    ids=["500", "503", "silent"],
)
def test_an_s3_that_does_not_answer_is_unavailable(name: str, trouble: Exception) -> None:
    with pytest.raises(Unavailable):
        CALLS[name](files(trouble))


@pytest.mark.parametrize("name", CALLS)
def test_what_it_refuses_is_an_error_of_ours(name: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        CALLS[name](files(refused("AccessDenied", 403)))


def test_what_is_not_there() -> None:
    assert CALLS["get"](files(refused("NoSuchKey", 404))) is None
    assert CALLS["exists"](files(refused("404", 404))) is False
    assert CALLS["exists"](files({"ContentLength": 0})) is True
    assert CALLS["size_of"](files({"ContentLength": 7})) == 7
    assert CALLS["copy"](files(refused("NoSuchKey", 404))) is False
    assert CALLS["copy"](files({})) is True
    assert CALLS["get"](files({"Body": io.BytesIO(b"text")})) == b"text"


@pytest.mark.parametrize("code", ["NoSuchUpload", "InvalidPart", "InvalidPartOrder"])
@pytest.mark.parametrize("name", ["part", "complete"])
def test_an_upload_that_is_gone_or_another(name: str, code: str) -> None:
    with pytest.raises(UploadGone):
        CALLS[name](files(refused(code)))


def test_the_last_key_below_another_over_many_pages() -> None:
    pages = (
        {"Contents": [{"Key": "p/a"}, {"Key": "p/b"}], "IsTruncated": True, "NextContinuationToken": "t"},
        {"Contents": [{"Key": "p/c"}, {"Key": "p/d"}], "IsTruncated": False},
    )
    client = Client(*pages)
    assert S3Files(lambda: client, "bucket").latest("p/", "p/d") == "p/c"
    assert client.asked[1][1]["ContinuationToken"] == "t"
    assert files({"IsTruncated": False}).latest("p/", "p/z") is None


def test_parts_are_completed_in_their_order() -> None:
    client = Client({})
    S3Files(lambda: client, "bucket").complete("k", "up", ["a", "b"])
    assert client.asked[0][1]["MultipartUpload"] == {
        "Parts": [{"PartNumber": 1, "ETag": "a"}, {"PartNumber": 2, "ETag": "b"}]
    }
