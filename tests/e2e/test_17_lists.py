"""Issue 17, item 5, over HTTP: compressed answers pass through the gateway, and search finds what was just made."""

from __future__ import annotations

import gzip
import json
import secrets

import requests

from local.client import Client


def test_17_a_long_answer_comes_compressed_through_the_gateway(client: Client) -> None:
    for n in range(4):
        client.post("/v1/customers", {"name": f"Person {n}", "metadata": {"note": "x" * 200}})
    asked = {"X-API-Key": str(client._session.headers["X-API-Key"]), "Accept-Encoding": "gzip"}
    with requests.get(client.stack["api_url"] + "/v1/customers", headers=asked, timeout=60, stream=True) as answer:
        packed = answer.raw.read(decode_content=False)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Cache-Control"] == "no-store"
    plain = requests.get(
        client.stack["api_url"] + "/v1/customers", headers=asked | {"Accept-Encoding": "identity"}, timeout=30
    )
    assert "Content-Encoding" not in plain.headers
    assert json.loads(gzip.decompress(packed))["data"] == plain.json()["data"]
    assert len(packed) < len(plain.content) / 2


def test_17_who_was_just_made_is_found_by_name_address_and_external_id(client: Client) -> None:
    word = "q" + "".join("abcdefghijklmnop"[int(each, 16)] for each in secrets.token_hex(6))
    body = {"name": f"Zoë {word.title()}", "email": f"{word}@{word}.example", "externalId": f"crm/{word}"}
    made = client.post("/v1/customers", body)["id"]
    for text in (word, word[:7].upper(), f"{word}@{word}.example", f"{word}.example", f"crm/{word}", made, made[:-3]):
        assert [each["id"] for each in client.get(f"/v1/search?q={text}")] == [made], text
