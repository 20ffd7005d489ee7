"""Bulk upload: files first, then their entries; all of them or none."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from tests.vault import samples
from tests.vault.world import ENTRY, World, upload
from vault.addresses import API
from vault.bulk import DUPLICATE
from vault.kinds import LARGEST_FILE
from vault.store.tables import batch, certificate, file
from vault.tokens import Permission

BULK = f"{API}/bulk"


def sent(client: httpx.Client, content: bytes | None = None, name: str = "a.pdf") -> httpx.Response:
    """Upload a file ahead of its entry."""
    return client.post(f"{API}/upload-file", files={"file": (name, content or samples.pdf())})


def file_id(client: httpx.Client, text: str = "A") -> str:
    """The id of a file uploaded ahead."""
    found: str = sent(client, samples.pdf(text)).json()["data"]["file_id"]
    return found


def entry(file_id: str, title: str = "First", **fields: Any) -> dict[str, Any]:
    """The seed's entry under another title."""
    whole = {**ENTRY, "certificate_title": title, "file_id": file_id, **fields}
    return {name: value for name, value in whole.items() if value is not None}


def as_form(entries: list[dict[str, Any]]) -> dict[str, str]:
    """Entries as the seed's command sends them."""
    return {f"entries[{n}][{k}]": v for n, one in enumerate(entries) for k, v in one.items()}


def counts(world: World) -> tuple[int, int, int]:
    """How many certificates, batches and used files there are."""
    with world.vault.database.read() as conn:
        used = sa.select(file.c.id).where(file.c.uuid.is_not(None), file.c.unused_until.is_(None))
        return tuple(
            conn.execute(sa.select(sa.func.count()).select_from(what)).scalar_one()
            for what in (certificate, batch, used.subquery())
        )


def test_a_file_is_taken_ahead_as_the_seed_shows(client: httpx.Client) -> None:
    content = samples.pdf()
    answer = sent(client, content, "certificate1.pdf")

    assert 201 == answer.status_code
    assert {
        "message": "File uploaded successfully",
        "data": {
            "file_id": str(UUID(answer.json()["data"]["file_id"])),
            "file_name": "certificate1.pdf",
            "mime_type": "application/pdf",
            "size": len(content),
        },
    } == answer.json()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"hello", "The file field must be a file of type: pdf, jpg, jpeg, png."),
        (
            samples.pdf()[:300],
            "The file is a damaged PDF. Export or print it to PDF again and send that.",
        ),
        (
            b"%PDF-" + b" " * (LARGEST_FILE - 4),
            "The file field must not be greater than 20480 kilobytes.",
        ),
    ],
)
def test_a_wrong_file_is_refused_under_its_fields_name(
    world: World, client: httpx.Client, content: bytes, problem: str
) -> None:
    answer = sent(client, content)

    assert (422, {"message": problem, "errors": {"file": [problem]}}) == (
        answer.status_code,
        answer.json(),
    )
    assert [] == [path for path in world.vault.files.folder.rglob("*") if path.is_file()]


def test_no_file_at_all_is_told(client: httpx.Client) -> None:
    problem = "The file field is required."

    assert {"message": problem, "errors": {"file": [problem]}} == client.post(
        f"{API}/upload-file"
    ).json()


@pytest.mark.parametrize("way", ["multipart", "form", "json"])
def test_entries_become_certificates_of_one_batch(
    each_world: World, way: str, request: pytest.FixtureRequest
) -> None:
    with each_world.client(each_world.token(each_world.institution("ABC University"))) as client:
        one, two = file_id(client, "A"), file_id(client, "B")
        entries = [entry(one), entry(two, "Second", issue_date=None, details=None)]
        parts = {name: (None, value) for name, value in as_form(entries).items()}
        body: Any = {
            "multipart": {"files": parts},
            "form": {"data": as_form(entries)},
            "json": {"json": {"entries": entries}},
        }[way]
        answer = client.post(BULK, **body)

        assert 202 == answer.status_code
        batch_id = answer.json()["data"]["batch_id"]
        assert {
            "message": "Bulk vault upload queued for processing",
            "data": {"batch_id": str(UUID(batch_id)), "total": 2, "status": "processing"},
        } == answer.json()
        upload(client, certificate_title="Of no batch")
        each_world.process()

        listed = client.get(API, params={"batch_id": batch_id}).json()["data"]
        assert [
            ("Second", None, batch_id, "generated"),
            ("First", "2025-06-01", batch_id, "generated"),
        ] == [
            (c["certificate_title"], c["issue_date"], c["batch_id"], c["status"]["value"])
            for c in listed
        ]
    assert "process" in each_world.rung


def test_a_thousand_entries_are_taken_and_one_more_is_not(
    world: World, client: httpx.Client
) -> None:
    with world.vault.database.write() as conn:
        now = world.vault.database.now(conn)
        ids = [str(uuid4()) for _ in range(1001)]
        conn.execute(
            sa.insert(file),
            [
                {
                    "institution_id": 1,
                    "uuid": uuid,
                    "kind": "upload",
                    "sha256": "0" * 64,
                    "mime_type": "application/pdf",
                    "size": 1,
                    "created_at": now,
                    "unused_until": now + timedelta(hours=1),
                }
                for uuid in ids
            ],
        )
    entries = [entry(uuid, f"Title {n}") for n, uuid in enumerate(ids)]
    over = client.post(BULK, json={"entries": entries})
    parts = {name: (None, value) for name, value in as_form(entries[:1000]).items()}
    taken = client.post(BULK, files=parts)

    assert ["The entries field must not have more than 1000 items."] == (
        over.json()["errors"]["entries"]
    )
    assert (202, 1000) == (taken.status_code, taken.json()["data"]["total"])
    assert (1000, 1, 1000) == counts(world)


def test_every_mistake_of_every_entry_is_told_at_once(world: World, client: httpx.Client) -> None:
    upload(client)
    good, other = file_id(client), file_id(client)
    missing = str(uuid4())
    answer = client.post(
        BULK,
        json={
            "entries": [
                entry(good, full_name="  "),
                entry(missing, issue_date="1 June"),
                entry("nonsense", certificate_title=5),
                "not an object",
                entry(other, ENTRY["certificate_title"]),
                entry(good, "Alone"),
                entry(str(uuid4()).upper(), "Alone"),
            ]
        },
    )

    unknown = answer.json()["errors"]["entries.6.file_id"]
    assert 422 == answer.status_code
    assert {
        "message": "The entries.0.full_name field is required. (and 9 more errors)",
        "errors": {
            "entries.0.full_name": ["The entries.0.full_name field is required."],
            "entries.1.issue_date": ["The entries.1.issue_date field must match the format Y-m-d."],
            "entries.1.file_id": [f"Entry 1: file_id {missing} not found"],
            "entries.2.certificate_title": [
                "The entries.2.certificate_title field must be a string."
            ],
            "entries.2.file_id": ["The entries.2.file_id field must be a valid UUID."],
            "entries.3": ["The entries.3 field must be an array."],
            "entries.4": [DUPLICATE],
            "entries.5.file_id": [f"Entry 5: file_id {good} is that of entry 0 already"],
            "entries.6.file_id": unknown,
            "entries.6": ["Entry 6 has the same email, title, and issue date as entry 5"],
        },
    } == answer.json()
    assert (1, 0, 0) == counts(world)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (5, "must be a string"),
        (True, "must be a string"),
        (["x"], "must be a string"),
        ({"en": "x"}, "must be a string"),
        (None, "is required"),
    ],
)
def test_what_is_no_text_in_json_is_told(client: httpx.Client, value: Any, problem: str) -> None:
    one = {**entry(file_id(client)), "full_name": value}
    answer = client.post(BULK, json={"entries": [one]})

    field = "entries.0.full_name"
    assert (422, {field: [f"The {field} field {problem}."]}) == (
        answer.status_code,
        answer.json()["errors"],
    )


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("issue_date", 20250601, "must match the format Y-m-d"),
        ("issue_date", ["2025-06-01"], "must match the format Y-m-d"),
        ("issue_date", "2025-02-30", "must match the format Y-m-d"),
        ("file_id", 5, "must be a valid UUID"),
        ("file_id", {"id": "x"}, "must be a valid UUID"),
        ("details", {}, "must be a string"),
    ],
)
def test_other_fields_of_the_wrong_kind_are_told(
    client: httpx.Client, field: str, value: Any, problem: str
) -> None:
    one = {**entry(str(uuid4())), field: value}
    answer = client.post(BULK, json={"entries": [one]})

    assert [f"The entries.0.{field} field {problem}."] == (
        answer.json()["errors"][f"entries.0.{field}"]
    )


def test_numbers_of_entries_may_have_gaps_and_are_kept_in_what_is_told(
    world: World, client: httpx.Client
) -> None:
    one, two = file_id(client, "A"), file_id(client, "B")
    fields = {f"entries[7][{k}]": v for k, v in entry(one, "Later").items()}
    fields |= {f"entries[3][{k}]": v for k, v in entry(two, "Earlier").items()}
    wrong = client.post(BULK, data={**fields, "entries[7][full_name]": ""})
    right = client.post(BULK, data={**fields, "entries[7][ours]": "unknown fields are passed over"})

    assert ["entries.7.full_name"] == list(wrong.json()["errors"])
    assert (202, 2) == (right.status_code, right.json()["data"]["total"])
    titles = [one["certificate_title"] for one in client.get(API).json()["data"]]
    assert ["Later", "Earlier"] == titles
    assert (2, 1, 2) == counts(world)


@pytest.mark.parametrize(
    "name", ["entries[]", "entries[0]", "entries[x][full_name]", "entries[0]["]
)
def test_a_field_whose_entry_is_unclear_is_not_passed_over(
    world: World, client: httpx.Client, name: str
) -> None:
    fields = as_form([entry(file_id(client))])
    answer = client.post(BULK, data={**fields, name: "John Smith"})

    told = "The entries field must be sent as entries[0][…]."
    assert (422, {"message": told, "errors": {"entries": [told]}}) == (
        answer.status_code,
        answer.json(),
    )
    assert (0, 0, 0) == counts(world)


def test_a_list_in_a_forms_field_is_no_text(client: httpx.Client) -> None:
    fields = as_form([entry(file_id(client))])
    del fields["entries[0][full_name]"]
    answer = client.post(BULK, data={**fields, "entries[0][full_name][]": "John"})

    assert ["The entries.0.full_name field must be a string."] == (
        answer.json()["errors"]["entries.0.full_name"]
    )


def test_unresolved_files_alone_are_told_in_the_vendors_list(
    world: World, client: httpx.Client
) -> None:
    missing, used, twice = str(uuid4()), file_id(client, "A"), file_id(client, "B")
    with world.client(world.token(world.institution("Charlie College"))) as charlie:
        foreign = file_id(charlie)
    assert 202 == client.post(BULK, json={"entries": [entry(used, "Before")]}).status_code
    wanted = [missing, foreign, used, twice, twice]
    answer = client.post(
        BULK, data=as_form([entry(uuid, f"Title {n}") for n, uuid in enumerate(wanted)])
    )

    assert 422 == answer.status_code
    assert {
        "message": "Some file_ids could not be resolved",
        "errors": [
            f"Entry 0: file_id {missing} not found",
            f"Entry 1: file_id {foreign} not found",
            f"Entry 2: file_id {used} has already been used",
            f"Entry 4: file_id {twice} is that of entry 3 already",
        ],
    } == answer.json()
    assert (1, 1, 1) == counts(world)


def test_duplicates_alone_change_nothing(world: World, client: httpx.Client) -> None:
    upload(client)
    ids = [file_id(client, text) for text in "ABC"]
    entries = [
        entry(ids[0], "Fine"),
        entry(ids[1], ENTRY["certificate_title"], applicant_email="JOHN@example.com"),
        entry(ids[2], "Fine"),
    ]
    answer = client.post(BULK, json={"entries": entries})

    assert {
        "message": f"{DUPLICATE} (and 1 more error)",
        "errors": {
            "entries.1": [DUPLICATE],
            "entries.2": ["Entry 2 has the same email, title, and issue date as entry 0"],
        },
    } == answer.json()
    assert (1, 0, 0) == counts(world)
    again = client.post(BULK, json={"entries": [entries[0]]})
    assert 202 == again.status_code


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "The entries field is required."),
        ({"entries": None}, "The entries field is required."),
        ({"entries": []}, "The entries field must have at least 1 items."),
        ({"entries": {}}, "The entries field must have at least 1 items."),
        ({"entries": "x"}, "The entries field must be an array."),
        ({"entries": {"a": 1}}, "The entries field must be an array."),
    ],
)
def test_entries_that_are_no_list_are_told(
    client: httpx.Client, body: dict[str, Any], problem: str
) -> None:
    answer = client.post(BULK, json=body)

    assert (422, {"message": problem, "errors": {"entries": [problem]}}) == (
        answer.status_code,
        answer.json(),
    )


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "The request body is not valid JSON."),
        (b"\xff", "The request body is not valid JSON."),
        (b"[" * 100_000, "The request body is not valid JSON."),
        (b"[]", "The request body must be a JSON object."),
    ],
)
def test_a_body_that_is_no_json_object_is_told(
    client: httpx.Client, body: bytes, problem: str
) -> None:
    answer = client.post(BULK, content=body, headers={"Content-Type": "application/json"})

    assert (400, {"message": problem}) == (answer.status_code, answer.json())


def test_a_files_time_may_be_up(world: World, client: httpx.Client) -> None:
    late = file_id(client)
    with world.vault.database.write() as conn:
        past = world.vault.database.now(conn) - timedelta(seconds=1)
        conn.execute(sa.update(file).where(file.c.uuid == late).values(unused_until=past))
    answer = client.post(BULK, json={"entries": [entry(late)]})

    assert [f"Entry 0: file_id {late} not found"] == answer.json()["errors"]


def test_whoever_may_not_create_may_not_upload_ahead(world: World, client: httpx.Client) -> None:
    with world.client(world.token(1, set(Permission) - {Permission.CREATE})) as reader:
        assert (403, 403) == (
            sent(reader).status_code,
            reader.post(BULK, json={"entries": []}).status_code,
        )


def test_of_ten_equal_bulk_uploads_at_once_one_is_taken(each_world: World) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client:
        entries = [entry(file_id(client, text), text) for text in "ABC"]
    barrier = threading.Barrier(10)
    answers: list[int] = []

    def send() -> None:
        with each_world.client(token) as client:
            barrier.wait()
            answers.append(client.post(BULK, json={"entries": entries}).status_code)

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {202: 1, 422: 9} == Counter(answers)
    assert (3, 1, 3) == counts(each_world)
