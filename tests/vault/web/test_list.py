"""The list: newest first, its envelope, its filters, its search."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
import sqlalchemy as sa

from tests.vault.world import World, upload
from vault.addresses import API
from vault.store.tables import batch, certificate

URL = f"https://vault.example.edu{API}"


def titles(answer: httpx.Response) -> list[str]:
    """The titles of a list, in order."""
    assert 200 == answer.status_code, answer.text
    return [item["certificate_title"] for item in answer.json()["data"]]


def test_an_item_is_the_vendors_list_item(client: httpx.Client) -> None:
    whole = upload(client).json()["data"]

    names = ["id", "uuid", "reference_id", "certificate_title", "full_name", "applicant_email"]
    names += ["source", "status", "issue_date", "batch_id", "verification_url"]
    names += ["created_at", "updated_at"]
    assert [{name: whole[name] for name in names}] == client.get(API).json()["data"]


def test_an_empty_list_has_the_whole_envelope(client: httpx.Client) -> None:
    page = f"{URL}?page=1"

    assert {
        "data": [],
        "links": {"first": page, "last": page, "prev": None, "next": None},
        "meta": {
            "current_page": 1,
            "from": None,
            "last_page": 1,
            "links": [
                {"url": None, "label": "&laquo; Previous", "active": False},
                {"url": page, "label": "1", "active": True},
                {"url": None, "label": "Next &raquo;", "active": False},
            ],
            "path": URL,
            "per_page": 15,
            "to": None,
            "total": 0,
        },
    } == client.get(API).json()


def test_pages_run_from_the_newest_and_their_links_keep_the_filters(client: httpx.Client) -> None:
    for number in range(5):
        upload(client, certificate_title=f"T{number}")

    answer = client.get(API, params={"search": "John Smith", "per_page": 2, "page": 2})
    url = f"{URL}?search=John%20Smith&per_page=2&page="
    assert ["T2", "T1"] == titles(answer)
    assert {
        "links": {"first": f"{url}1", "last": f"{url}3", "prev": f"{url}1", "next": f"{url}3"},
        "meta": {
            "current_page": 2,
            "from": 3,
            "last_page": 3,
            "links": [
                {"url": f"{url}1", "label": "&laquo; Previous", "active": False},
                {"url": f"{url}1", "label": "1", "active": False},
                {"url": f"{url}2", "label": "2", "active": True},
                {"url": f"{url}3", "label": "3", "active": False},
                {"url": f"{url}3", "label": "Next &raquo;", "active": False},
            ],
            "path": URL,
            "per_page": 2,
            "to": 4,
            "total": 5,
        },
    } == {key: answer.json()[key] for key in ("links", "meta")}


def test_links_keep_filters_of_every_script_and_lead_where_they_say(client: httpx.Client) -> None:
    for number in range(2):
        upload(client, certificate_title=f"T{number}", full_name="محمد O'Neill & Sons")
    query = {"search": "محمد O'Neill & Sons", "status": "processing", "per_page": "1"}
    answer = client.get(API, params=query).json()
    following = answer["links"]["next"]

    escaped = "%D9%85%D8%AD%D9%85%D8%AF%20O%27Neill%20%26%20Sons"
    assert f"{URL}?search={escaped}&status=processing&per_page=1&page=2" == following
    assert ["T0"] == titles(client.get(following))


def test_fifteen_are_a_page_and_a_page_beyond_the_last_is_empty(client: httpx.Client) -> None:
    for number in range(16):
        upload(client, certificate_title=f"T{number}")

    assert (15, 1, 0) == tuple(
        len(client.get(API, params={"page": page}).json()["data"]) for page in (1, 2, 3)
    )
    beyond = client.get(API, params={"page": 3}).json()
    assert (3, None, None, 16) == tuple(
        beyond["meta"][key] for key in ("current_page", "from", "to", "total")
    )


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"page": "0"}, {"page": ["The page field must be between 1 and 1000000000."]}),
        ({"page": "x"}, {"page": ["The page field must be an integer."]}),
        ({"page": "9" * 30}, {"page": ["The page field must be an integer."]}),
        ({"per_page": "101"}, {"per_page": ["The per page field must be between 1 and 100."]}),
        ({"per_page": "0"}, {"per_page": ["The per page field must be between 1 and 100."]}),
        ({"per_page": "-1"}, {"per_page": ["The per page field must be between 1 and 100."]}),
        ({"per_page": "abc"}, {"per_page": ["The per page field must be an integer."]}),
        (
            {"status": "done"},
            {
                "status": [
                    (
                        "The selected status is invalid. "
                        "It is one of: pending, processing, generated, failed, revoked."
                    )
                ]
            },
        ),
        (
            {"issue_date_from": "June"},
            {"issue_date_from": ["The issue date from field must match the format Y-m-d."]},
        ),
        (
            {"search": "a\x00"},
            {"search": ["The search field must not contain control characters."]},
        ),
    ],
)
def test_a_query_that_makes_no_sense_is_told(
    client: httpx.Client, query: dict[str, str], errors: dict[str, list[str]]
) -> None:
    answer = client.get(API, params=query)

    assert (422, errors) == (answer.status_code, answer.json()["errors"])


def test_empty_and_unknown_parameters_do_not_narrow(client: httpx.Client) -> None:
    upload(client)

    query = {"status": "", "applicant_email": " ", "search": "", "page": "", "colour": "red"}
    assert ["Certificate of Achievement"] == titles(client.get(API, params=query))


def test_filters_narrow_alone_and_together(world: World, client: httpx.Client) -> None:
    upload(client, certificate_title="A")
    upload(client, certificate_title="B", applicant_email="jane@example.com", issue_date=None)
    uuid = upload(client, certificate_title="C", issue_date="2024-01-31").json()["data"]["uuid"]
    world.set(uuid, status="failed")

    def asked(**query: str) -> list[str]:
        return titles(client.get(API, params=query))

    assert ["C"] == asked(status="failed")
    assert ["B", "A"] == asked(status="processing")
    assert ["C", "A"] == asked(applicant_email="John@Example.com ")
    assert ["B"] == asked(applicant_email="jane@example.com", status="processing")
    assert [] == asked(applicant_email="jane@example.com", status="failed")
    assert ["A"] == asked(issue_date_from="2024-02-01")
    assert ["C"] == asked(issue_date_to="2024-01-31")
    assert ["C"] == asked(issue_date_from="2024-01-31", issue_date_to="2024-01-31")


def test_a_batchs_certificates_carry_its_id_and_are_found_by_it(
    world: World, client: httpx.Client
) -> None:
    upload(client, certificate_title="Single")
    uuid = upload(client, certificate_title="In a batch").json()["data"]["uuid"]
    with world.vault.database.write() as conn:
        added = sa.insert(batch).values(
            uuid="b-1", institution_id=1, total=1, created_at=datetime.now(UTC)
        )
        id_ = conn.execute(added.returning(batch.c.id)).scalar_one()
        of_it = certificate.c.uuid == uuid
        conn.execute(sa.update(certificate).where(of_it).values(batch_id=id_))

    answer = client.get(API, params={"batch_id": "b-1"})
    assert [("In a batch", "b-1")] == [
        (item["certificate_title"], item["batch_id"]) for item in answer.json()["data"]
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("John", ["Biology"]),
        ("john smi", ["Biology"]),
        ("smith JOHN", ["Biology"]),
        ("mith", []),
        ("biol", ["Biology"]),
        ("example.com", ["伦理学", "Diplôme", "Biology"]),
        ("john@example", ["Biology"]),
        ("zoe", ["Diplôme"]),
        ("DIPLOME", ["Diplôme"]),
        ("diplo\u0302me", ["Diplôme"]),
        ("明华", ["伦理学"]),
        ("王明", ["伦理学"]),
        ("明王", []),
        ("%", []),
        ("_", []),
        ("VEC-IC", ["伦理学", "Diplôme", "Biology"]),
    ],
)
def test_search_matches_words_by_their_beginning_in_any_script(
    client: httpx.Client, query: str, found: list[str]
) -> None:
    upload(client, certificate_title="Biology")
    upload(
        client, certificate_title="Diplôme", full_name="Zoë Müller", applicant_email="z@example.com"
    )
    upload(client, certificate_title="伦理学", full_name="王明华", applicant_email="w@example.com")

    assert found == titles(client.get(API, params={"search": query}))


def test_a_reference_id_finds_its_certificate(client: httpx.Client) -> None:
    upload(client, certificate_title="Other")
    reference_id = upload(client).json()["data"]["reference_id"]

    for typed in (reference_id, reference_id.lower(), reference_id.removeprefix("VEC-IC-")):
        answer = client.get(API, params={"search": typed})
        assert [reference_id] == [item["reference_id"] for item in answer.json()["data"]]


def test_lists_are_the_same_on_both_databases(each_world: World) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client:
        for number in range(3):
            upload(client, certificate_title=f"T{number}")

        assert ["T2"] == titles(client.get(API, params={"search": "t2 john"}))
        assert ["T1"] == titles(client.get(API, params={"per_page": 1, "page": 2}))
        assert ["T2", "T1", "T0"] == titles(
            client.get(API, params={"applicant_email": "JOHN@example.com", "status": "processing"})
        )
