"""The API's document: it names every call, and what is made of it is answered as it says."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from bridge.api.once import HEADER
from bridge.errors import API
from bridge.people import tokens
from bridge.people.tokens import Scope
from bridge.store import tables
from tests.bridge.api.conftest import BY_HAND, Program
from tests.bridge.api.test_door import calls, routes
from tests.bridge.world import World


def document(world: World) -> Any:
    return world.app.test_client().get(f"{API}/openapi.json").get_json()


def test_the_document_names_every_call_with_its_scope(world: World) -> None:
    found = document(world)
    named = {
        (method.upper(), path, call["x-required-scope"])
        for path, calls in found["paths"].items()
        for method, call in calls.items()
        if method != "parameters"
    }
    served = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), Scope.of(role).value)
        for rule, method in routes(world)
        for role in [calls(world).roles[rule.endpoint]]
        if role is not None
    }

    assert served == named
    assert ("3.1.0", "https://certs.example.edu") == (
        found["openapi"],
        found["servers"][0]["url"],
    )


def test_the_page_tells_the_same_without_scripts_or_other_hosts(world: World) -> None:
    page = world.app.test_client().get(f"{API}/docs").text

    for rule, method in routes(world):
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        assert f"{method} {path}" in page
    assert "<script" not in page
    assert [] == re.findall(r"https?://(?!certs\.example\.edu)", page)
    with world.app.test_client().get(f"{API}/static/docs.css") as sheet:
        assert "text/css" == sheet.mimetype


#: What is asked for as it should be, and refused all the same, as no schema can say what it takes.
BEYOND_SCHEMAS = {
    "addSite": "which settings a connector takes",
    "changeSite": "which settings a connector takes, and that something is to change",
    "rotateSite": "which secrets a connector takes",
    "addIssuer": "which address is a vault's",
    "changeIssuer": "that something is to change",
    "rotateIssuer": "which secrets there are",
    "invitePerson": "which sites and issuers there are",
    "makeToken": "which sites and issuers there are",
    "putMapping": "which text is a mapping document",
    "beginReplay": "which parts say something together",
    "beginCorrection": "which parts say something together",
    "foreseeCorrection": "which parts say something together",
    "listFailureMembers": "which cursor is one of this list",
    "listActs": "which cursor is one of this list",
}


@pytest.fixture
def changed_settings() -> dict[str, str]:
    return {"api_requests_per_minute": "1000000"}


def test_what_is_made_of_the_document_is_answered_as_it_says(world: World) -> None:
    world.generate("ada")
    world.complete("mary", learner={"email": None})
    world.run("normalise")
    _, token = tokens.make(world.bridge, "tried", scope=Scope.ADMIN, by=BY_HAND)
    schema = schemathesis.openapi.from_dict(document(world))
    schema.app = world.app
    headers = {"Authorization": f"Bearer {token}"}
    for found in schema.get_all_operations():
        operation = found.ok()
        takes = list(operation.query) or operation.definition.raw.get("requestBody")
        for mode in GenerationMode if takes else [GenerationMode.POSITIVE]:
            _try(operation, mode, headers)

    assert 200 == Program(world.app.test_client(), token).get("/issuances").status_code
    assert world.rows(tables.issuance)


def _try(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> None:
    beyond = operation.definition.raw["operationId"] in BEYOND_SCHEMAS
    excluded = [checks.positive_data_acceptance] if beyond else []

    @settings(
        max_examples=2 if mode is GenerationMode.POSITIVE else 1,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def tried(case: schemathesis.Case) -> None:
        if mode is GenerationMode.POSITIVE and HEADER in (case.headers or {}):
            case.headers[HEADER] = uuid4().hex  # no schema can say which were used before
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    tried()
