"""The assembled application: who answers which path, and to whom."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config import settings_from
from gateway.control.reference import reference_page
from gateway.wiring import assemble, spool_path
from probes.http import Client
from tests.gateway.serving import served

TOKEN = "open-sesame-42"


def tree(**server: object) -> dict[str, object]:
    return {
        "server": server,
        "deployments": [{"name": "only", "upstream": {"base_url": "http://127.0.0.1:9/v1"}}],
    }


@pytest.fixture
def open_gateway(tmp_path: Path) -> Iterator[Client]:
    assembly = assemble(settings_from(tree()), tmp_path)
    with served(assembly.app, assembly.protocol) as url, Client(base_url=url) as client:
        yield client


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Client]:
    assembly = assemble(settings_from(tree(admin_token=TOKEN)), tmp_path)
    with served(assembly.app, assembly.protocol) as url, Client(base_url=url) as client:
        yield client


def basic(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"any:{password}".encode()).decode()}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_whoever_watches_the_process_needs_no_token(guarded: Client, path: str) -> None:
    assert guarded.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/console.js", "/api/frontier", "/api/docs", "/api/openapi.json"]
)
def test_console_and_api_are_for_the_holder_of_the_token(guarded: Client, path: str) -> None:
    assert guarded.get(path).status_code == 401
    assert guarded.get(path, headers=basic("wrong")).status_code == 401
    assert guarded.get(path, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert guarded.get(path, headers=basic(TOKEN)).status_code == 200


def test_a_browser_is_asked_for_the_password_and_a_program_for_a_bearer(guarded: Client) -> None:
    page = guarded.get("/", headers={"accept": "text/html"})
    assert page.headers["www-authenticate"].startswith("Basic ")
    assert guarded.get("/api/frontier").headers["www-authenticate"] == "Bearer"


def test_a_foreign_page_cannot_use_the_password_that_a_browser_remembers(guarded: Client) -> None:
    foreign = {"origin": "https://evil.example"}
    assert guarded.get("/api/frontier", headers={**basic(TOKEN), **foreign}).status_code == 403
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/api/frontier", headers={**bearer, **foreign}).status_code == 200


@pytest.mark.parametrize("given", ["Basic", "Basic !!!", "Basic YQ==", "Digest x", "Bearer"])
def test_a_malformed_authorization_is_a_wrong_one(guarded: Client, given: str) -> None:
    assert guarded.get("/api/frontier", headers={"authorization": given}).status_code == 401


def test_the_console_may_load_nothing_but_its_own_files(open_gateway: Client) -> None:
    page = open_gateway.get("/")
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/chat/completions", "/v1/anything/else"])
def test_everything_under_v1_is_relayed(open_gateway: Client, path: str) -> None:
    reply = open_gateway.post(path, json={"model": "m", "messages": []})
    assert reply.status_code in (502, 404)
    assert "x-candor-request-id" in reply.headers


@pytest.mark.parametrize("path", ["/v1x", "/v2/models", "/nothing"])
def test_nothing_else_is(open_gateway: Client, path: str) -> None:
    reply = open_gateway.get(path)
    assert reply.status_code == 404
    assert "x-candor-request-id" not in reply.headers


def test_the_api_describes_itself(open_gateway: Client) -> None:
    described = open_gateway.get("/api/openapi.json").json()
    assert {"/api/frontier", "/api/exchanges", "/api/runs"} <= set(described["paths"])


def test_the_reference_names_every_route_parameter_and_field(open_gateway: Client) -> None:
    described = open_gateway.get("/api/openapi.json").json()
    page = open_gateway.get("/api/docs").text
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in page
            assert all(f">{each['name']}<" in page for each in operation.get("parameters", ()))
    for name, schema in described["components"]["schemas"].items():
        assert f'id="{name}"' in page
        assert all(f">{field}<" in page for field in schema.get("properties", ()))


def test_the_reference_runs_no_script_and_loads_nothing_from_elsewhere(
    open_gateway: Client,
) -> None:
    reply = open_gateway.get("/api/docs")
    page, policy = reply.text, reply.headers["content-security-policy"]
    assert "<script" not in page
    assert "://" not in page
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy


def test_what_a_description_says_is_text_and_never_markup() -> None:
    hostile = "<img src=x onerror=alert(1)>\"'"
    page = reference_page(
        {
            "info": {"title": hostile},
            "paths": {
                hostile: {
                    hostile: {
                        "description": hostile,
                        "parameters": [
                            {
                                "name": hostile,
                                "description": hostile,
                                "schema": {"enum": [hostile], "default": hostile},
                            }
                        ],
                        "responses": {hostile: {"description": hostile}},
                    }
                }
            },
            "components": {
                "schemas": {
                    hostile: {
                        "description": hostile,
                        "properties": {
                            hostile: {"anyOf": [{"$ref": hostile}, {"type": hostile}]},
                            "b": {"const": hostile},
                            "c": {"type": "array", "items": {"type": hostile}},
                        },
                    }
                }
            },
        }
    )
    assert "<img" not in page.lower()
    assert page.count("&lt;img") > 10


def test_the_spool_lies_beside_its_store_so_that_two_gateways_never_share_one(
    tmp_path: Path,
) -> None:
    first, second = (
        assemble(settings_from({**tree(), "store": {"url": f"sqlite:///{name}.db"}}), tmp_path)
        for name in ("one", "two")
    )
    assert first is not second
    assert {path.name for path in tmp_path.glob("*.db")} == {"one.db", "two.db"}
    assert spool_path_names(tmp_path) == {"one.spool.db", "two.spool.db"}


def spool_path_names(home: Path) -> set[str]:
    from gateway.store import Store

    return {spool_path(Store(f"sqlite:///{name}.db", home)).name for name in ("one", "two")}
