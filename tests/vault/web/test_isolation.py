"""One institution never sees another's anything: Alice owns the certificate, Charlie does not."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.vault import samples
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


@pytest.mark.parametrize("status", ["processing", "generated", "failed", "revoked"])
@pytest.mark.parametrize("route", [route for route in ROUTES if "{uuid}" in route.path])
def test_anothers_certificate_is_as_one_that_is_not_there(
    world: World, alice: httpx.Client, charlie: httpx.Client, route: Route, status: str
) -> None:
    uuid = upload(alice).json()["data"]["uuid"]
    world.process()
    world.set(uuid, status=status)
    before = world.row(uuid)

    theirs = call(charlie, route, uuid)
    nobodys = call(charlie, route, "9e7860f0-05d1-4fd0-b3e0-e98e19f1cf15")

    assert NOT_FOUND == (theirs.status_code, theirs.json())
    assert NOT_FOUND == (nobodys.status_code, nobodys.json())
    assert before == world.row(uuid)


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


def test_anothers_batch_and_reference_id_find_nothing(
    alice: httpx.Client, charlie: httpx.Client
) -> None:
    file = {"file": ("a.pdf", samples.pdf())}
    file_id = alice.post(f"{API}/upload-file", files=file).json()["data"]["file_id"]
    sent = alice.post(f"{API}/bulk", json={"entries": [{**ENTRY, "file_id": file_id}]})
    (hers,) = alice.get(API, params={"batch_id": sent.json()["data"]["batch_id"]}).json()["data"]

    for query in ({"batch_id": hers["batch_id"]}, {"search": hers["reference_id"]}):
        assert (1, 0) == tuple(
            client.get(API, params=query).json()["meta"]["total"] for client in (alice, charlie)
        )


def test_what_is_open_to_all_lies_apart_from_the_api(world: World) -> None:
    """A new route is under the API, where `test_permissions` asks for it, or stands here."""
    rules = [rule.rule for rule in world.app.url_map.iter_rules()]
    open_to_all = ("/verify", "/my", "/holder", "/health", "/docs", "/openapi.json")

    apart = [rule for rule in rules if not rule.startswith((API, *open_to_all))]

    assert ["/"] == apart, "the front page alone"
