"""The API's document: true of every route, and what is ours is marked as ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from schemathesis.specs.openapi import checks
from schemathesis.transport.serialization import Binary

from tests.vault import samples
from tests.vault.web.routes import ROUTES
from tests.vault.world import PUBLIC_URL, World, make, upload
from vault.addresses import API
from vault.tokens import Permission
from vault.web.answers import Certificate
from vault.web.fields import UUID
from vault.web.openapi import OPERATIONS, document


def extensions(found: Any, path: str = "") -> set[str]:
    """The names of all that is marked."""
    if isinstance(found, list):
        return {one for n, item in enumerate(found) for one in extensions(item, f"{path}/{n}")}
    if not isinstance(found, dict):
        return set()
    marked = found.get("x-extension") or found.get("schema", {}).get("x-extension")
    own = {found.get("operationId") or found.get("name") or path} if marked else set()
    return own.union(
        *(extensions(value, name) for name, value in found.items() if name != "schema")
    )


def test_the_document_tells_every_route_and_its_permission() -> None:
    assert {(one.method, one.path, one.permission) for one in ROUTES} == {
        (one.method.upper(), one.path, one.permission) for one in OPERATIONS
    }


def test_what_the_vendor_does_not_have_is_marked() -> None:
    found = document("https://vault.example.edu")
    calls = {
        (call["operationId"], name)
        for of_path in found["paths"].values()
        for call in of_path.values()
        for name in extensions(call)
    }

    assert {
        ("list", "batch_id"),
        ("list", "issue_date_from"),
        ("list", "issue_date_to"),
        ("bulk", "application/json"),
        ("revoke", "revoke"),
        ("erase", "erase"),
    } == calls
    withdrawn = {"revoked_at", "revocation_reason", "replaced_by", "erased_at"}
    assert {"batch_id", "verification_url", "sha256", *withdrawn} == extensions(found["components"])


def test_the_page_marks_it_too(client: httpx.Client) -> None:
    page = client.get("/docs").text
    found = re.findall(r"<code>([^<]+)</code> <em>extension</em>", page)

    assert {"batch_id", "issue_date_to", "application/json"} <= set(found)
    assert {f"POST {API}/{{uuid}}/revoke", f"POST {API}/{{uuid}}/erase"} <= set(found)


def test_both_forms_are_served(client: httpx.Client) -> None:
    found = client.get("/openapi.json").json()
    page = client.get("/docs")

    assert ("3.1.0", "https://vault.example.edu") == (
        found["openapi"],
        found["servers"][0]["url"],
    )
    assert 200 == page.status_code
    for one in OPERATIONS:
        assert f"{one.method.upper()} {API}{one.path}" in page.text
    assert [] == re.findall(r"https?://(?!vault\.example\.edu)", page.text)
    assert "<script" not in page.text


def test_an_answer_has_exactly_the_fields_that_the_document_tells(client: httpx.Client) -> None:
    assert list(Certificate().fields) == list(upload(client).json()["data"])


class Tried:
    """The WSGI application that is tried: made by a fixture, while cases are made at import."""

    def __init__(self) -> None:
        self.app: Flask | None = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        assert self.app is not None
        return self.app(environ, start_response)


TRIED = Tried()
#: Of a bulk upload; more would take long.
MOST_UPLOADED = 20
DOCUMENT = document(PUBLIC_URL)
schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.app = TRIED


#: No schema can say which bytes are a PDF that opens or a picture.
schemathesis.openapi.format(
    "binary", st.sampled_from([samples.pdf(), samples.jpeg(), samples.png()])
)


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A vault to be tried."""
    folder: Path = tmp_path_factory.mktemp("tried")
    world = make(f"sqlite:///{folder / 'vault.sqlite'}", folder / "files")
    TRIED.app = world.app
    yield world
    world.vault.database.close()


@schema.parametrize()
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_what_is_made_of_the_document_is_answered_as_it_says(
    case: schemathesis.Case, tried: World
) -> None:
    # No schema can say which titles are taken: each request is of an institution of its own.
    token = tried.token(tried.institution(uuid4().hex))
    with tried.client(token) as client:
        _upload_files_of(case, client)
    beyond_schemas = {
        checks.positive_data_acceptance: _names_too_much(case),
        checks.negative_data_rejection: _valid_as_read(case),
    }
    case.call_and_validate(
        headers={"Authorization": f"Bearer {token}"},
        excluded_checks=[check for check, is_beyond in beyond_schemas.items() if is_beyond],
    )


def _upload_files_of(case: schemathesis.Case, client: httpx.Client) -> None:
    """No schema can say which files wait for their entry: upload those that are named."""
    for entry in _entries_of(case)[:MOST_UPLOADED]:
        for name in ("file_id", "entries[0][file_id]"):
            if UUID.fullmatch(str(entry.get(name))):
                sent = client.post(f"{API}/upload-file", files={"file": samples.png()})
                entry[name] = sent.json()["data"]["file_id"]


def _names_too_much(case: schemathesis.Case) -> bool:
    """Whether entries are of one certificate, which no schema can forbid, or of too many files.

    A thousand of them are tried in test_bulk.
    """
    names = ("applicant_email", "certificate_title", "issue_date")
    keys = [[str(entry.get(name)).casefold() for name in names] for entry in _entries_of(case)]
    return len(keys) > MOST_UPLOADED or any(key in keys[:n] for n, key in enumerate(keys))


def _entries_of(case: schemathesis.Case) -> list[dict[str, Any]]:
    """The entries of a bulk upload; a form is one."""
    if case.operation.path != f"{API}/bulk" or not isinstance(case.body, dict):
        return []
    found = case.body.get("entries", [case.body])
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _valid_as_read(case: schemathesis.Case) -> bool:
    """Whether what is invalid as it was made is valid as the vault reads it.

    Texts are trimmed, what is empty then counts as not sent, and a form and a query hold texts
    alone: 789 is a title there. No schema of what is sent should invite to send that.
    """
    call = DOCUMENT["paths"][case.path][case.operation.method.lower()]
    asked = {one["name"]: one["schema"] for one in call["parameters"] if one["in"] == "query"}
    found = [({"properties": asked}, _as_read(dict(case.query or {}), asked))]
    if isinstance(case.body, dict):
        schema = call["requestBody"]["content"][case.media_type]["schema"]
        as_json = case.media_type == "application/json"
        found.append((schema, _trimmed(case.body) if as_json else _as_read(case.body, {})))
    elif "requestBody" in call:
        return False
    path_is_valid = all(UUID.fullmatch(str(value)) for value in case.path_parameters.values())
    return path_is_valid and all(
        Draft202012Validator(
            {**schema, "components": DOCUMENT["components"]}, format_checker=FormatChecker()
        ).is_valid(value)
        for schema, value in found
    )


def _as_read(sent: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """The fields of a form or of a query."""
    texts = _trimmed({name: _written(value) for name, value in sent.items()})
    numbers = {name for name, schema in schemas.items() if schema["type"] == "integer"}
    return {
        name: int(text) if name in numbers and text.isdecimal() else text
        for name, text in texts.items()
    }


def _written(value: Any) -> str:
    """A list is sent as a field for each of its items, of which the first is read."""
    if isinstance(value, list):
        return _written(value[0]) if value else ""
    return "file" if isinstance(value, Binary) else str(value)


def _trimmed(found: Any) -> Any:
    if isinstance(found, dict):
        trimmed = {name: _trimmed(value) for name, value in found.items()}
        return {name: value for name, value in trimmed.items() if value not in ("", None)}
    if isinstance(found, list):
        return [_trimmed(one) for one in found]
    return found.strip() if isinstance(found, str) else found


def test_the_vault_that_was_tried_is_whole(tried: World) -> None:
    with tried.client(tried.token(tried.institution("ABC University"))) as client:
        assert 201 == upload(client).status_code


def test_all_permissions_are_told() -> None:
    assert set(Permission) == {one.permission for one in OPERATIONS}
