"""The API's document: true of every route, and what is ours is marked as ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks

from tests.vault.web.routes import ROUTES
from tests.vault.world import PUBLIC_URL, World, make, upload
from vault.addresses import API
from vault.tokens import Permission
from vault.web.answers import Certificate
from vault.web.openapi import OPERATIONS, document

#: A schema cannot say what a file must hold, which titles are taken or which files wait; nor that
#: an empty optional field counts as not sent, in a query and in a form.
NOT_OF_SCHEMAS = [checks.positive_data_acceptance, checks.negative_data_rejection]


def extensions(found: Any, path: str = "") -> set[str]:
    """The paths of all that is marked."""
    if isinstance(found, list):
        return {one for n, item in enumerate(found) for one in extensions(item, f"{path}/{n}")}
    if not isinstance(found, dict):
        return set()
    own = {found.get("name", path)} if found.get("x-extension") else set()
    return own.union(*(extensions(value, name) for name, value in found.items()))


def test_the_document_tells_every_route_and_its_permission() -> None:
    assert {(one.method, one.path, one.permission) for one in ROUTES} == {
        (one.method.upper(), one.path, one.permission) for one in OPERATIONS
    }


def test_what_the_vendor_does_not_have_is_marked() -> None:
    found = document("https://vault.example.edu")
    marked = {one.id for one in OPERATIONS if one.extension}

    assert {"revoke", "erase"} == marked
    assert {"batch_id", "verification_url", "sha256", "revoked_at", "replaced_by"} <= (
        extensions(found["components"])
    )


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
schema = schemathesis.openapi.from_dict(document(PUBLIC_URL))
schema.app = TRIED


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """A vault to be tried, and a token."""
    folder: Path = tmp_path_factory.mktemp("tried")
    world = make(f"sqlite:///{folder / 'vault.sqlite'}", folder / "files")
    TRIED.app = world.app
    yield world, world.token(world.institution("ABC University"))
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
    case: schemathesis.Case, tried: tuple[World, str]
) -> None:
    case.call_and_validate(
        headers={"Authorization": f"Bearer {tried[1]}"}, excluded_checks=NOT_OF_SCHEMAS
    )


def test_the_vault_that_was_tried_is_whole(tried: tuple[World, str]) -> None:
    world, token = tried
    with world.client(token) as client:
        assert 201 == upload(client).status_code


def test_all_permissions_are_told() -> None:
    assert set(Permission) == {one.permission for one in OPERATIONS}
