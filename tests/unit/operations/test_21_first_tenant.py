"""The last steps of a deploy: what this machine keeps, the platform's key, and the first tenant."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from billing.domain.tenant import PLATFORM, TENANTS
from billing.storage.registry import join
from local.console import Failure
from operations.deploy import first_tenant
from operations.deploy.first_tenant import ensure_platform_key, ensure_tenant
from operations.deploy.kept import Kept
from operations.deploy.run import Asked, Deploy
from operations.deploy.sam import Stage
from operations.deploy.stack import Stack
from tests.support.tables import table_definitions
from tests.unit.operations.fake_aws import ADDRESSES, PLACE


def test_21_what_a_machine_keeps_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "deploys" / "s.json"
    Kept(platform_api_key="llk_1", tenant_id="ten_1").save(path)
    assert Kept.load(path) == Kept(platform_api_key="llk_1", tenant_id="ten_1")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["{", "[]", "null"])
def test_21_a_file_of_keys_that_is_something_else_is_not_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(Failure, match="cannot be read"):
        Kept.load(path)
    assert path.read_text() == text


TABLES = {"callers": "callers", "access": "access", "tenants": "tenants"}


@pytest.fixture
def dynamodb(aws: Callable[[str], Any]) -> Any:
    client = aws("dynamodb")
    for name in TABLES:
        client.create_table(TableName=name, **table_definitions()[name])
    return client


def nothing() -> None:
    """Keeps nothing."""


def test_21_a_stack_of_the_same_name_elsewhere_has_a_file_of_its_own(
    dynamodb: Any, aws: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs, keys = {f"Table{name.capitalize()}": name for name in TABLES}, {}
    for place in ("111122223333/us-east-1", "111122223333/eu-west-1", "444455556666/us-east-1"):
        monkeypatch.setattr(Deploy, "stack", Stack("s", place, "CREATE_COMPLETE", outputs, {}))
        deploy = Deploy(Asked(Stage("dev", "s", {}), another_platform_key=True), aws, tmp_path)
        assert deploy.platform_key() == f"made (in {tmp_path / ('s-' + place.replace('/', '-'))}.json)"
        keys[deploy.file] = deploy.kept.platform_api_key
    assert len(set(keys.values())) == 3
    assert {path: Kept.load(path).platform_api_key for path in tmp_path.iterdir()} == keys


def test_21_a_platform_key_is_kept_before_it_is_made(dynamodb: Any) -> None:
    known = Kept()

    def crash() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_platform_key(dynamodb, TABLES, known, crash)
    assert known.platform_api_key
    assert dynamodb.scan(TableName="callers")["Count"] == 0
    assert ensure_platform_key(dynamodb, TABLES, known, nothing) == "made"
    assert ensure_platform_key(dynamodb, TABLES, known, nothing) == "found"
    assert dynamodb.scan(TableName="callers")["Count"] == 1


def test_21_another_platform_key_is_made_only_when_somebody_says_so(dynamodb: Any) -> None:
    ensure_platform_key(dynamodb, TABLES, Kept(), nothing)
    known = Kept()
    assert ensure_platform_key(dynamodb, TABLES, known, nothing) == "found 1, made elsewhere"
    assert not known.platform_api_key
    assert ensure_platform_key(dynamodb, TABLES, known, nothing, another=True) == "made"
    assert dynamodb.scan(TableName="callers")["Count"] == 2


@pytest.mark.parametrize(
    "ended",
    [{"status": {"S": "revoked"}}, {"key_expires_at": {"S": "2026-01-01T00:00:00Z"}}],
    ids=["revoked", "expired"],
)
def test_21_a_key_that_works_no_more_is_none(dynamodb: Any, ended: dict[str, Any]) -> None:
    known = Kept()
    ensure_platform_key(dynamodb, TABLES, known, nothing)
    (item,) = dynamodb.scan(TableName="callers")["Items"]
    dynamodb.put_item(TableName="callers", Item=item | ended)
    told_of = "revoked or expired, and 0 others work: NEW_PLATFORM_KEY=1 makes another"
    was = known.platform_api_key
    assert ensure_platform_key(dynamodb, TABLES, known, nothing) == told_of
    assert known.platform_api_key == was
    assert ensure_platform_key(dynamodb, TABLES, known, nothing, another=True) == "made"
    assert known.platform_api_key != was
    assert ensure_platform_key(dynamodb, TABLES, known, nothing, another=True) == "found"
    assert ensure_platform_key(dynamodb, TABLES, Kept(), nothing) == "found 1, made elsewhere"


class Api:
    """An API that answers as it is told, and remembers under which key it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.keys: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.keys.append(self.headers["Idempotency-Key"])
                self.rfile.read(int(self.headers["Content-Length"]))
                status, body = outer.answers.pop(0)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.server.shutdown()
    made.server.server_close()


MADE = {"data": {"id": "ten_1", "apiKey": "llk_test_1"}}


def tenant(dynamodb: Any, api: Api, known: Kept, body: Any = first_tenant.TENANT) -> str:
    return ensure_tenant(dynamodb, TABLES, api.url, body, known, nothing, sleep=lambda _: None)


def test_21_an_api_that_is_not_ready_yet_is_asked_again_under_the_same_key(dynamodb: Any, api: Api) -> None:
    api.answers = [(403, {}), (503, {}), (201, MADE)]
    known = Kept(platform_api_key="llk_platform_1")
    assert tenant(dynamodb, api, known) == "made ten_1"
    assert known.api_key == "llk_test_1"
    assert api.keys == [known.tenant_request] * 3


def test_21_a_tenant_whose_answer_was_lost_is_asked_for_under_the_same_key(dynamodb: Any, api: Api) -> None:
    known = Kept(platform_api_key="llk_platform_1")
    api.answers = [(503, {})] * first_tenant.TRIES
    with pytest.raises(Failure, match="503"):
        tenant(dynamodb, api, known)
    api.answers = [(201, MADE)]
    tenant(dynamodb, api, known)
    assert len(set(api.keys)) == 1


@pytest.mark.parametrize("asked_at", ["2020-01-01T00:00:00+00:00", ""])
def test_21_a_request_that_the_api_may_have_forgotten_makes_no_second_tenant(
    dynamodb: Any, api: Api, asked_at: str
) -> None:
    known = Kept(platform_api_key="llk_platform_1", tenant_request="first-tenant-1", tenant_asked_at=asked_at)
    api.answers = [(201, MADE)]
    assert tenant(dynamodb, api, replace(known)) == "made ten_1"
    assert api.keys != ["first-tenant-1"]
    there = {"tenant_id": {"S": "ten_1"}, "item": {"S": "settings"}, "platform_key": {"S": join(PLATFORM, TENANTS)}}
    there["listed"] = {"S": "2026-01-01T00:00:00Z"}
    dynamodb.put_item(TableName="tenants", Item=there)
    assert tenant(dynamodb, api, known) == "found ten_1, made elsewhere"
    assert len(api.keys) == 1


def test_21_what_the_api_refuses_is_told_at_once(dynamodb: Any, api: Api) -> None:
    api.answers = [(422, {"error": {"code": "validation.failed"}})]
    with pytest.raises(Failure, match=r"422 .*validation\.failed.*say the same again"):
        tenant(dynamodb, api, Kept(platform_api_key="llk_platform_1"))


def test_21_without_a_platform_key_there_is_no_tenant(dynamodb: Any, api: Api) -> None:
    with pytest.raises(Failure, match="NEW_PLATFORM_KEY=1"):
        tenant(dynamodb, api, Kept())


def test_21_production_gets_no_tenant_that_nobody_described(dynamodb: Any, api: Api) -> None:
    assert "TENANT_FILE" in tenant(dynamodb, api, Kept(platform_api_key="llk_platform_1"), body=None)


def test_21_the_admin_key_is_shown_by_the_run_that_made_it_alone(
    dynamodb: Any, aws: Callable[[str], Any], api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = (
        {f"Table{name.capitalize()}": name for name in TABLES} | ADDRESSES | {"TaxWebhookUrl": "https://t.example"}
    )
    monkeypatch.setattr(Deploy, "stack", Stack("s", PLACE, "CREATE_COMPLETE", outputs, {}))
    api.answers = [(201, MADE)]
    first = Deploy(Asked(Stage("dev", "s", {}), api=api.url), aws, tmp_path)
    first.platform_key()
    assert first.tenant() == "made ten_1"
    assert first.welcome().count("llk_test_1") == 3
    later = Deploy(first.asked, aws, tmp_path)
    assert "llk_test_1" not in later.welcome()
    assert f"in {first.file}" in later.welcome()
