"""Issue 17, item 5: long answers are compressed for who wants that, and nobody keeps what may tell of people."""

import gzip
import json

from tests.integration.world import Answer, Tenant, http_event, request

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def _page(tenant: Tenant) -> Tenant:
    for n in range(5):
        tenant.customer(name=f"Person {n}")
    return tenant


def _plain(answer: Answer) -> object:
    assert answer.headers["Content-Encoding"] == "gzip"
    return json.loads(gzip.decompress(answer.content))["data"]


def test_17_a_long_list_comes_compressed_and_is_the_same(tenant: Tenant) -> None:
    _page(tenant)
    plain, packed = tenant.get("/v1/customers"), tenant.get("/v1/customers", headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert _plain(packed) == plain.data
    assert len(packed.content) < len(plain.content) / 3


def test_17_a_short_answer_does_not(tenant: Tenant) -> None:
    answer = tenant.get("/v1/test-clocks", headers=GZIP)
    assert answer.data == []
    assert "Content-Encoding" not in answer.headers


def test_17_a_replay_is_byte_equal_once_decoded(tenant: Tenant) -> None:
    """Asked for plain and compressed, in either order: what is stored is the text."""
    body = {"name": "Ada", "metadata": {f"key{n}": "x" * 100 for n in range(20)}}
    first = tenant.post("/v1/customers", body, idempotency_key="k-one", headers=GZIP)
    plain = tenant.post("/v1/customers", body, idempotency_key="k-one")
    again = tenant.post("/v1/customers", body, idempotency_key="k-one", headers=GZIP)
    assert (first.status, plain.headers["Idempotent-Replayed"]) == (201, "true")
    assert gzip.decompress(first.content) == plain.content == gzip.decompress(again.content)
    assert first.content == again.content


def test_17_a_head_has_the_headers_of_its_get(tenant: Tenant) -> None:
    _page(tenant)
    head = request(http_event("HEAD", "/v1/customers", key=tenant.key, headers=GZIP))
    assert (head.status, head.content, head.headers["Content-Encoding"]) == (200, b"", "gzip")


def test_17_a_secret_that_is_shown_once_is_not_compressed(tenant: Tenant) -> None:
    made = tenant.post("/v1/api-keys", {"name": "x" * 100, "scope": "read"}, headers=GZIP)
    assert made.status == 201
    assert "Content-Encoding" not in made.headers
    assert "Vary" not in made.headers


def test_17_the_description_comes_compressed() -> None:
    plain, packed = (request(http_event("GET", "/v1/openapi.json", headers=headers)) for headers in (None, GZIP))
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 3


def test_17_nobody_keeps_an_answer_that_may_tell_of_people(tenant: Tenant) -> None:
    tenant.subscribe()
    invoice = tenant.only_invoice()["id"]
    answers = [
        tenant.get("/v1/customers"),
        tenant.get(f"/v1/invoices/{invoice}/pdf"),
        tenant.get(f"/v1/invoices/{invoice}/xml"),
        tenant.get("/v1/customers/cus_none"),
        tenant.get("/v1/nothing"),
        tenant.get("/v1/customers", staus="x"),
        tenant.post("/v1/customers", {"name": "A"}),
        tenant.post("/v1/customers", {}),
        tenant.post("/v1/api-keys", {"name": "a", "scope": "read"}),
        request(http_event("GET", "/v1/customers", key="nobodys")),
        request(http_event("HEAD", "/v1/customers", key=tenant.key)),
    ]
    assert {answer.headers.get("Cache-Control") for answer in answers} == {"no-store"}
    assert {answer.status for answer in answers} >= {200, 201, 400, 401, 404}


def test_17_what_is_open_to_everybody_may_be_kept(tenant: Tenant) -> None:
    for path in ("/v1/health", "/v1/openapi.json"):
        assert "Cache-Control" not in request(http_event("GET", path)).headers
