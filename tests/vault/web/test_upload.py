"""Single upload, as the seed shows it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx
import pytest
import sqlalchemy as sa

from tests.vault import bombs, samples
from tests.vault.world import ENTRY, World, upload
from vault.addresses import API
from vault.kinds import LARGEST_FILE, UNBEARABLE
from vault.store.tables import certificate, file

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def test_the_answer_to_an_upload_is_the_seeds(client: httpx.Client) -> None:
    answer = upload(client)
    body = answer.json()
    data = body["data"]
    uuid, reference_id = data.pop("uuid"), data.pop("reference_id")
    created, updated = data.pop("created_at"), data.pop("updated_at")

    assert 201 == answer.status_code
    assert re.fullmatch(UUID, uuid)
    assert re.fullmatch(rf"VEC-IC-{datetime.now(UTC).year}[0-9A-F]{{13}}", reference_id)
    assert re.fullmatch(MOMENT, created)
    assert created == updated
    assert {
        "message": "Vault certificate uploaded successfully",
        "data": {
            "id": 1,
            "certificate_title": "Certificate of Achievement",
            "full_name": "John Smith",
            "applicant_email": "john@example.com",
            "source": {"value": "vault", "label": "Vault"},
            "status": {
                "value": "processing",
                "label": "Processing",
                "color": "warning",
                "icon": "heroicon-o-arrow-path",
                "description": "Certificate is being processed",
            },
            "issue_date": "2025-06-01",
            "batch_id": None,
            "details": "Awarded for outstanding performance",
            "qrcode_path": None,
            "barcode_path": None,
            "applicant_phone_number": None,
            "institution_name": "ABC University",
            "institution_email": "admin@abcuniversity.edu",
            "institution_phone_number": None,
            "verification_url": f"https://vault.example.edu/verify/{reference_id}",
            "verification_notes": None,
            "rejection_reason": None,
            "verified_at": None,
            "assigned_at": None,
            "revoked_at": None,
            "revocation_reason": None,
            "replaced_by": None,
            "erased_at": None,
            "documents": [],
        },
    } == body


def test_an_upload_rings_for_processing(world: World, client: httpx.Client) -> None:
    upload(client)

    assert ["process"] == world.rung


def test_a_refused_upload_rings_nobody_and_stores_nothing(
    world: World, client: httpx.Client
) -> None:
    upload(client, full_name=None)

    assert [] == world.rung
    assert [] == [path for path in world.vault.files.folder.rglob("*") if path.is_file()]


def test_optional_fields_may_be_left_out_or_empty(client: httpx.Client) -> None:
    without = upload(client, issue_date=None, details=None).json()["data"]
    empty = upload(client, issue_date="", details="  ", certificate_title="Other").json()["data"]

    assert (None, None) == (without["issue_date"], without["details"])
    assert (None, None) == (empty["issue_date"], empty["details"])


def test_texts_are_trimmed_and_otherwise_kept_as_sent(client: httpx.Client) -> None:
    sent = {"full_name": "  محمد علي O'Neill-Nguyễn ", "details": " One\nTwo \u200fthree "}
    data = upload(client, **sent).json()["data"]

    assert ("محمد علي O'Neill-Nguyễn", "One\nTwo \u200fthree") == (
        data["full_name"],
        data["details"],
    )


@pytest.mark.parametrize("edge", ["\ufeff", "\u200b", "\u3000\u200e ", "\u00a0\ufeff\n"])
def test_what_nobody_sees_at_a_texts_ends_is_trimmed(client: httpx.Client, edge: str) -> None:
    data = upload(client, full_name=f"{edge}John Smith{edge}").json()["data"]
    nothing = upload(client, full_name=edge).json()

    assert "John Smith" == data["full_name"]
    assert {"full_name": ["The full name field is required."]} == nothing["errors"]


def test_bytes_that_are_no_utf_8_are_told_and_never_printed(client: httpx.Client) -> None:
    fields = {name: (None, value) for name, value in ENTRY.items()}
    latin = {**fields, "full_name": (None, "Zoë".encode("latin-1"))}
    file = {"certificate_file": ("certificate.pdf", samples.pdf())}
    answer = client.post(API, files={**latin, **file})

    assert (422, {"full_name": ["The full name field must be encoded in UTF-8."]}) == (
        answer.status_code,
        answer.json()["errors"],
    )


def test_several_mistakes_in_one_field_are_all_told(client: httpx.Client) -> None:
    answer = upload(client, applicant_email="x" * 256)

    long = "The applicant email field must not be greater than 255 characters."
    odd = "The applicant email field must be a valid email address."
    assert {
        "message": f"{long} (and 1 more error)",
        "errors": {"applicant_email": [long, odd]},
    } == answer.json()


def test_a_body_of_json_lacks_only_the_file(client: httpx.Client) -> None:
    told = "The certificate file field is required."
    answer = client.post(API, json=ENTRY)
    broken = client.post(API, content=b"{", headers={"Content-Type": "application/json"})

    assert {"message": told, "errors": {"certificate_file": [told]}} == answer.json()
    assert (400, {"message": "The request body is not valid JSON."}) == (
        broken.status_code,
        broken.json(),
    )


def test_all_mistakes_are_told_at_once(client: httpx.Client) -> None:
    answer = client.post(
        API, data={"full_name": "x" * 256, "applicant_email": "nobody", "issue_date": "1.6.2025"}
    )

    assert 422 == answer.status_code
    assert {
        "message": "The certificate title field is required. (and 4 more errors)",
        "errors": {
            "certificate_title": ["The certificate title field is required."],
            "full_name": ["The full name field must not be greater than 255 characters."],
            "applicant_email": ["The applicant email field must be a valid email address."],
            "issue_date": ["The issue date field must match the format Y-m-d."],
            "certificate_file": ["The certificate file field is required."],
        },
    } == answer.json()
    assert next(iter(answer.json()["errors"])) == "certificate_title"


def test_one_mistake_is_the_whole_message_and_two_name_one_more(client: httpx.Client) -> None:
    one = upload(client, full_name=None).json()
    two = upload(client, full_name=None, issue_date="2025-02-30").json()

    assert "The full name field is required." == one["message"]
    assert "The full name field is required. (and 1 more error)" == two["message"]


@pytest.mark.parametrize("name", ["certificate_title", "full_name", "applicant_email"])
def test_required_fields_are_required_even_if_blank(client: httpx.Client, name: str) -> None:
    wrong = {"errors": {name: [f"The {name.replace('_', ' ')} field is required."]}}

    for value in (None, "", " \t "):
        answer = upload(client, **{name: value})
        assert (422, wrong["errors"]) == (answer.status_code, answer.json()["errors"])


@pytest.mark.parametrize(
    ("name", "limit"),
    [("certificate_title", 255), ("full_name", 255), ("details", 1000)],
)
@pytest.mark.parametrize("char", ["ș", "🎓", "\u0301"])
def test_limits_count_characters_not_bytes(
    client: httpx.Client, name: str, limit: int, char: str
) -> None:
    assert char * limit == upload(client, **{name: char * limit}).json()["data"][name]

    answer = upload(client, **{name: char * (limit + 1)})
    label = name.replace("_", " ")
    assert 422 == answer.status_code
    assert {
        name: [f"The {label} field must not be greater than {limit} characters."]
    } == answer.json()["errors"]


def test_an_email_may_have_255_characters(client: httpx.Client) -> None:
    longest = "a" * (255 - len("@example.com")) + "@example.com"

    assert 201 == upload(client, applicant_email=longest).status_code
    assert 422 == upload(client, applicant_email="a" + longest).status_code


@pytest.mark.parametrize(
    "email",
    [
        "no-at.example",
        "two@at@example.com",
        "a b@example.com",
        "a@b",
        "a@.com",
        "a@b.",
        "a@b..c",
        "John <john@example.com>",
        "a@example.com,b@example.com",
        "@example.com",
        "a@",
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        "a@-example.com",
        "a@example-.com",
        "a\u200bb@example.com",
        "a@example\u2060.com",
        "\u202ea@example.com",
    ],
)
def test_what_is_no_email_address_is_refused(client: httpx.Client, email: str) -> None:
    errors = upload(client, applicant_email=email).json()["errors"]

    assert {
        "applicant_email": ["The applicant email field must be a valid email address."]
    } == errors


@pytest.mark.parametrize(
    "email", ["o'neil+x@mail.example.co.uk", "用户@例子.中国", "a.b-c_d@x-y.org"]
)
def test_addresses_of_every_script_are_taken(client: httpx.Client, email: str) -> None:
    assert email == upload(client, applicant_email=email).json()["data"]["applicant_email"]


@pytest.mark.parametrize(
    "written",
    [
        "2025-6-1",
        "20250601",
        "2025-13-01",
        "2025-02-30",
        "01-06-2025",
        "2025-W01-1",
        "٢٠٢٥-٠٦-٠١",
        "2025-06-01T00:00:00",
        "0000-01-01",
    ],
)
def test_a_date_is_year_month_day_and_exists(client: httpx.Client, written: str) -> None:
    errors = upload(client, issue_date=written).json()["errors"]

    assert {"issue_date": ["The issue date field must match the format Y-m-d."]} == errors


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("full_name", "John\x00Smith"),
        ("certificate_title", "One\nTwo"),
        ("certificate_title", "One\u2028Two"),
        ("full_name", "One\u2029Two"),
        ("details", "a\x07b"),
        ("applicant_email", "a\x00b@example.com"),
    ],
)
def test_control_characters_are_refused(client: httpx.Client, name: str, text: str) -> None:
    errors = upload(client, **{name: text}).json()["errors"]

    label = name.replace("_", " ")
    assert {name: [f"The {label} field must not contain control characters."]} == errors


def test_a_file_of_20_mb_exactly_is_taken_and_one_byte_more_is_not(client: httpx.Client) -> None:
    whole = samples.pdf()
    fill = LARGEST_FILE - len(whole)
    exact = whole + b"\n" + b" " * (fill - 1)

    assert 201 == upload(client, file=exact).status_code
    answer = upload(client, file=exact + b" ")
    wrong = "The certificate file field must not be greater than 20480 kilobytes."
    assert (422, {"message": wrong, "errors": {"certificate_file": [wrong]}}) == (
        answer.status_code,
        answer.json(),
    )


def test_a_text_in_the_files_place_is_no_file(client: httpx.Client) -> None:
    answer = client.post(API, data={**ENTRY, "certificate_file": "certificate.pdf"})

    assert {"certificate_file": ["The certificate file field must be a file."]} == (
        answer.json()["errors"]
    )


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (samples.jpeg(), "c.jpg"),
        (samples.jpeg(), "c.jpeg"),
        (samples.png(), "c.png"),
        (samples.pdf(), "c.PDF"),
        (samples.png(), "misnamed.pdf"),
        (samples.pdf(), ""),
    ],
)
def test_files_are_known_by_content_not_by_name(
    client: httpx.Client, content: bytes, name: str
) -> None:
    assert 201 == upload(client, file=content, name=name or "x").status_code


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "The certificate file is empty. Send the file's content."),
        (
            b"GIF89a...",
            "The certificate file field must be a file of type: pdf, jpg, jpeg, png.",
        ),
        (
            samples.pdf()[:200],
            "The certificate file is a damaged PDF. Export or print it to PDF again and send that.",
        ),
        (
            samples.png()[:60],
            "The certificate file is a damaged picture. Save it again as PNG and send that.",
        ),
        (bombs.unfolding_objects(101), UNBEARABLE),
    ],
)
def test_each_wrong_file_gets_its_own_message(
    client: httpx.Client, content: bytes, wrong: str
) -> None:
    answer = upload(client, file=content)

    assert (422, {"message": wrong, "errors": {"certificate_file": [wrong]}}) == (
        answer.status_code,
        answer.json(),
    )


def test_the_senders_file_name_is_kept_for_show_and_never_used_on_disk(
    world: World, client: httpx.Client
) -> None:
    upload(client, name="../../証明書.pdf")

    with world.vault.database.read() as conn:
        kept = conn.execute(sa.select(file.c.name, file.c.sha256, file.c.kind)).one()
    on_disk = [path.name for path in world.vault.files.folder.rglob("*") if path.is_file()]
    assert ("../../証明書.pdf", "upload") == (kept.name, kept.kind)
    assert [kept.sha256] == on_disk


def test_ids_and_reference_ids_differ(world: World, client: httpx.Client) -> None:
    made = [upload(client, certificate_title=f"T{n}").json()["data"] for n in range(5)]

    assert 5 == len({data["uuid"] for data in made}) == len({data["reference_id"] for data in made})
    with world.vault.database.read() as conn:
        assert 5 == conn.execute(sa.select(sa.func.count(certificate.c.id))).scalar_one()
