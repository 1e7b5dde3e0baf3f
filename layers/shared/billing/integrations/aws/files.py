"""Files in a bucket: ``services.reports.files.Files`` over S3, whose default encryption is the stack's key."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from billing.domain.kernel.errors import Unavailable
from billing.services.reports.files import UploadGone

T = TypeVar("T")
_NOT_THERE = {"NoSuchKey", "404", "NotFound"}
"""Not 403, which is what S3 says of a missing object to whoever may not list the bucket: all our functions may."""
_UPLOAD_GONE = {"NoSuchUpload", "InvalidPart", "InvalidPartOrder"}
_AT_ONCE = 1000


class S3Files:
    """Files in one bucket.

    Args:
        client: gives botocore's S3 client, which tries three times.
    """

    def __init__(self, client: Callable[[], Any], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def get(self, key: str) -> bytes | None:
        try:
            answer = _asked(lambda: self._client().get_object(Bucket=self._bucket, Key=key))
            content: bytes = _asked(answer["Body"].read)
        except ClientError as error:
            if _code(error) in _NOT_THERE:
                return None
            raise
        return content

    def put(self, key: str, content: bytes, content_type: str) -> None:
        _asked(lambda: self._client().put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type))

    def copy(self, key: str, to: str) -> bool:
        source = {"Bucket": self._bucket, "Key": key}
        try:
            _asked(lambda: self._client().copy_object(Bucket=self._bucket, Key=to, CopySource=source))
        except ClientError as error:
            if _code(error) in _NOT_THERE:
                return False
            raise
        return True

    def size_of(self, key: str) -> int | None:
        try:
            answer = _asked(lambda: self._client().head_object(Bucket=self._bucket, Key=key))
        except ClientError as error:
            if _code(error) in _NOT_THERE:
                return None
            raise
        return int(answer["ContentLength"])

    def exists(self, key: str) -> bool:
        return self.size_of(key) is not None

    def latest(self, prefix: str, below: str) -> str | None:
        found = [key for key in self._keys(prefix) if key < below]
        return found[-1] if found else None

    def delete(self, prefix: str) -> None:
        for key in self._keys(prefix):
            _asked(lambda key=key: self._client().delete_object(Bucket=self._bucket, Key=key))  # type: ignore[misc]

    def begin(self, key: str, content_type: str) -> str:
        answer = _asked(
            lambda: self._client().create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=content_type)
        )
        return str(answer["UploadId"])

    def part(self, key: str, upload_id: str, number: int, content: bytes) -> str:
        answer = self._of_upload(
            lambda: self._client().upload_part(
                Bucket=self._bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=content
            )
        )
        return str(answer["ETag"])

    def complete(self, key: str, upload_id: str, parts: Sequence[str]) -> None:
        made = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(parts, start=1)]
        self._of_upload(
            lambda: self._client().complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": made}
            )
        )

    def link(self, key: str, name: str, seconds: int) -> str:
        # Signed here, without a call; ids and days are all that a name is made of.
        asked = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentDisposition": f'attachment; filename="{name}"',
        }
        return str(self._client().generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds))

    def upload_link(self, key: str, seconds: int) -> str:
        asked = {"Bucket": self._bucket, "Key": key}
        return str(self._client().generate_presigned_url("put_object", Params=asked, ExpiresIn=seconds))

    def _keys(self, prefix: str) -> list[str]:
        found: list[str] = []
        asked: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix, "MaxKeys": _AT_ONCE}
        while True:
            answer = _asked(lambda: self._client().list_objects_v2(**asked))
            found += [each["Key"] for each in answer.get("Contents", ())]
            if not answer.get("IsTruncated"):
                return sorted(found)
            asked["ContinuationToken"] = answer["NextContinuationToken"]

    @staticmethod
    def _of_upload(call: Callable[[], T]) -> T:
        try:
            return _asked(call)
        except ClientError as error:
            if _code(error) in _UPLOAD_GONE:
                raise UploadGone(_code(error)) from None
            raise


def _asked(call: Callable[[], T]) -> T:
    """What S3 answers.

    Raises:
        Unavailable: it does not answer, or says that it cannot now; the client has tried three times.
        ClientError: it refuses.
    """
    try:
        return call()
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or _code(error) in ("SlowDown", "RequestTimeout"):
            raise Unavailable("S3 does not answer", retry_after_s=2) from None
        raise
    except BotoCoreError:
        raise Unavailable("S3 does not answer", retry_after_s=2) from None


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code", ""))
