"""One institution never sees another's anything: Alice owns the certificate, Charlie does not."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.vault.web.routes import ROUTES, Route, call
from tests.vault.world import ENTRY, World, upload
from vault.addresses import API

NOT_FOUND = (404, {"message": "Vault certificate not found"})


@pytest.fixture
def alice(client: httpx.Client) -> httpx.Client:
    return client


@pytest.fixture
def charlie(world: World) -> Iterator[httpx.Client]:
    with world.client(world.token(world.institution("Charlie College"))) as found:
        yield found


@pytest.mark.parametrize("status", ["processing", "generated", "failed"])
@pytest.mark.parametrize("route", [route for route in ROUTES if "{uuid}" in route.path])
def test_anothers_certificate_is_as_one_that_is_not_there(
    world: World, alice: httpx.Client, charlie: httpx.Client, route: Route, status: str
) -> None:
    uuid = upload(alice).json()["data"]["uuid"]
    world.process()
    world.set(uuid, status=status)

    theirs = call(charlie, route, uuid)
    nobodys = call(charlie, route, "9e7860f0-05d1-4fd0-b3e0-e98e19f1cf15")

    assert NOT_FOUND == (theirs.status_code, theirs.json())
    assert NOT_FOUND == (nobodys.status_code, nobodys.json())
    assert status == world.row(uuid).status


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"status": "processing"},
        {"applicant_email": ENTRY["applicant_email"]},
        {"search": "John"},
        {"issue_date_from": "2000-01-01"},
    ],
)
def test_a_list_holds_only_ones_own(
    alice: httpx.Client, charlie: httpx.Client, query: dict[str, str]
) -> None:
    upload(alice)
    upload(charlie)
    upload(charlie, certificate_title="Second")

    assert (1, 2) == tuple(
        client.get(API, params=query).json()["meta"]["total"] for client in (alice, charlie)
    )


def test_anothers_batch_filters_nothing_out_of_it(
    world: World, alice: httpx.Client, charlie: httpx.Client
) -> None:
    upload(alice)

    assert 0 == charlie.get(API, params={"batch_id": "any"}).json()["meta"]["total"]
