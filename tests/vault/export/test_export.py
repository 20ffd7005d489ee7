"""What an export holds: every record, every file, and tables that no spreadsheet calculates."""

from __future__ import annotations

import csv
import hashlib
import stat
from collections.abc import Iterator, Mapping

import httpx
import pytest

import vault.cli.export
from tests.vault.export.exported import DETAILS, NAMES, Exported, export, fill
from tests.vault.world import PUBLIC_URL, World, make, upload
from vault.certificate import Status
from vault.erasure import file_hash, holder_hash
from vault.export import exporter


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Mapping[str, str]]]:
    """A vault that tests only read, and the reference ids in it."""
    folder = tmp_path_factory.mktemp("filled")
    world = make(f"sqlite:///{folder / 'vault.sqlite'}", folder / "files")
    yield world, fill(world)
    world.vault.database.close()


def rows(folder: Exported) -> dict[str, dict[str, str]]:
    """The rows of certificates.csv as a spreadsheet reads them, by reference id."""
    with (folder.path / "certificates.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["reference_id"]: row for row in csv.DictReader(file)}


def test_everything_that_there_is_is_in_the_folder(each_world: World, folder: Exported) -> None:
    ids = fill(each_world)
    told = export(each_world, folder.path, "--uploaded")

    assert (0, "") == (told.exit_code, told.stderr)
    assert (
        "certificates  10: 1 failed, 6 generated, 2 processing, 1 revoked\n"
        "files         15: 9 uploaded, 6 verified\n"
        "institutions  2\n"
        f"Exported to {folder.path}\n"
        f"To check it: cd {folder.path} && sha256sum -c --quiet SHA256SUMS\n"
    ) == told.stdout
    folder.check()
    verified = {f"verified/2026/{ids[name]}.pdf" for name in NAMES[:6]}
    uploaded = {f"uploaded/2026/{ids[name]}.pdf" for name in (*NAMES[:6], "Failed", "Another")}
    assert folder.files() == {
        *verified,
        *uploaded,
        f"uploaded/2026/{ids['Too Early']}.png",
        *("README.txt", "SHA256SUMS", "certificates.csv", "certificates.jsonl"),
        *("export.json", "institutions.jsonl"),
    }
    records = folder.records()
    assert list(ids.values()) == list(records)
    erased = NAMES[6]
    assert {ids[n]: n if n != erased else None for n in ids} == {
        id: one["full_name"] for id, one in records.items()
    }
    assert [
        {"name": "ABC University", "email": "admin@abcuniversity.edu", "signing_key": None},
        {"name": "Other University", "email": None, "signing_key": None},
    ] == [
        {name: one[name] for name in ("name", "email", "signing_key")}
        for one in folder.lines("institutions.jsonl")
    ]


def test_a_record_has_all_that_is_known(
    filled: tuple[World, Mapping[str, str]], folder: Exported
) -> None:
    world, ids = filled
    export(world, folder.path)
    revoked = folder.records()[ids[NAMES[0]]]
    path = f"verified/2026/{ids[NAMES[0]]}.pdf"
    row = world.row(revoked["uuid"])
    moments = ("verified_at", "revoked_at", "created_at", "updated_at")

    assert {
        "id": 1,
        "uuid": row.uuid,
        "reference_id": ids[NAMES[0]],
        "institution_id": 1,
        "institution_name": "ABC University",
        "certificate_title": "Certificate of Achievement",
        "full_name": NAMES[0],
        "applicant_email": "holder0@example.com",
        "issue_date": "2025-06-01",
        "details": DETAILS,
        "source": "vault",
        "status": "revoked",
        "batch_id": None,
        "verification_url": f"{PUBLIC_URL}/verify/{ids[NAMES[0]]}",
        "verification_notes": None,
        "rejection_reason": None,
        "assigned_at": None,
        "revocation_reason": "=Typo",
        "replaced_by": folder.records()[ids[NAMES[1]]]["uuid"],
        "replaced_by_reference_id": ids[NAMES[1]],
        "erased_at": None,
        "erased_salt": None,
        "erased_holder": None,
        "erased_file": None,
        "verified_file": {
            "path": path,
            "sha256": hashlib.sha256((folder.path / path).read_bytes()).hexdigest(),
            "mime_type": "application/pdf",
        },
        "uploaded_file": {
            "path": None,
            "sha256": revoked["uploaded_file"]["sha256"],
            "mime_type": "application/pdf",
            "name": "=näme.pdf",
        },
        **{name: f"{getattr(row, name):%Y-%m-%dT%H:%M:%S.%fZ}" for name in moments},
        "notices": [
            {
                "kind": "invitation",
                "to_address": "holder0@example.com",
                "language": "en",
                "state": "due",
                "sends": 1,
                "created_at": revoked["notices"][0]["created_at"],
                "ended_at": None,
            }
        ],
    } == revoked
    assert "It is damaged." == folder.records()[ids["Failed"]]["rejection_reason"]


def test_what_is_left_of_an_erased_holder_proves_their_file(world: World, folder: Exported) -> None:
    before = Exported(path=folder.path.with_name("before"))
    abc = world.institution("Zoë’s University")
    with world.client(world.token(abc)) as client:
        uuid = _generated(world, client)
        export(world, before.path)
        assert 200 == client.post(f"/business/certificate-vault/{uuid}/erase").status_code
    export(world, folder.path)
    [whole], [erased] = before.records().values(), folder.records().values()

    assert (None, None, None, None, []) == (
        *(erased[name] for name in ("full_name", "applicant_email", "details", "verified_file")),
        erased["notices"],
    )
    salt = erased["erased_salt"]
    assert (
        holder_hash(salt, full_name="Zoë Müller", email="zoe@example.com"),
        file_hash(salt, whole["verified_file"]["sha256"]),
    ) == (erased["erased_holder"], erased["erased_file"])
    # As README.txt tells it.
    text = f'["{salt}", "{whole["verified_file"]["sha256"]}"]'
    assert hashlib.sha256(text.encode("ascii")).hexdigest() == erased["erased_file"]
    text = f'["{salt}", "Zo\\u00eb M\\u00fcller", "zoe@example.com"]'
    assert hashlib.sha256(text.encode("ascii")).hexdigest() == erased["erased_holder"]


def _generated(world: World, client: httpx.Client) -> str:
    made = upload(client, full_name="Zoë Müller", applicant_email="Zoe@example.com").json()["data"]
    world.process()
    return str(made["uuid"])


def test_the_table_reads_back_and_no_cell_is_a_formula(
    filled: tuple[World, Mapping[str, str]], folder: Exported
) -> None:
    world, ids = filled
    export(world, folder.path, "--uploaded")
    raw = (folder.path / "certificates.csv").read_bytes()
    found = rows(folder)

    assert raw.startswith(b"\xef\xbb\xbfreference_id,status,")
    assert len(ids) + 1 == raw.count(b"\r\n")
    shown = {name: found[id]["full_name"] for name, id in ids.items()}
    assert {
        **{name: name for name in ids},
        NAMES[0]: f"'{NAMES[0]}",
        "-2+3": "'-2+3",
        "＝1+1": "'＝1+1",
        NAMES[6]: "",
    } == shown
    cells = [cell for row in found.values() for cell in row.values()]
    assert [] == [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝"))]
    first = found[ids[NAMES[0]]]
    assert (DETAILS, "'=Typo", "'=näme.pdf", ids[NAMES[1]], "2025-06-01") == tuple(
        first[name]
        for name in ("details", "revocation_reason", "uploaded_name", "replaced_by", "issue_date")
    )
    assert f"verified/2026/{ids[NAMES[0]]}.pdf" == first["verified_file"]


def test_a_folder_is_its_users_alone(
    filled: tuple[World, Mapping[str, str]], folder: Exported
) -> None:
    world, _ = filled
    export(world, folder.path)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.path.rglob("*.*")}
    assert (0o700, {0o600}) == (stat.S_IMODE(folder.path.stat().st_mode), modes)


def test_the_list_may_be_narrowed(each_world: World, folder: Exported) -> None:
    ids = fill(each_world)
    for number, options, expected in (
        (1, ["--institution", "Other University"], ["Another"]),
        (2, ["--status", "failed"], ["Failed"]),
        (3, ["--issue-date-from", "2025-06-03", "--issue-date-to", "2025-06-04"], NAMES[2:4]),
        (4, ["--since", "2026-01-01"], list(ids)),
        (5, ["--since", "2999-01-01"], []),
        (6, ["--status", "failed", "--institution", "Other University"], []),
    ):
        own = Exported(path=folder.path.with_name(f"export-{number}"))
        told = export(each_world, own.path, *options)

        assert (options, 0) == (options, told.exit_code)
        assert (options, [ids[name] for name in expected]) == (options, list(own.records()))
        own.check()


def test_what_was_asked_for_is_said_in_the_folder(
    filled: tuple[World, Mapping[str, str]], folder: Exported
) -> None:
    world, _ = filled
    asked = ["--status", Status.GENERATED.value, "--since", "2020-01-31", "--institution"]
    export(world, folder.path, *asked, "ABC University")
    summary = folder.summary()

    assert {
        "institution": "ABC University",
        "status": "generated",
        "since": "2020-01-31",
        "issue_date_from": None,
        "issue_date_to": None,
        "uploaded": False,
    } == summary["asked"]
    assert {
        "certificates": 6,
        "by_status": {"generated": 6},
        "files": {"verified": 5, "uploaded": 0},
        "institutions": 1,
        "missing": 0,
    } == summary["counts"]
    assert ("certvault 0.1.0", PUBLIC_URL) == (summary["program"], summary["vault"])
    text = (folder.path / "README.txt").read_text("utf-8")
    assert f"Vault:         {PUBLIC_URL}\n" in text
    assert (
        "Contains:      6 certificates\n"
        "               5 verified PDFs\n"
        "               0 uploaded files\n"
        "               1 institution\n"
        "Narrowed to:   institution ABC University\n"
        "               status generated\n"
        "               since 2020-01-31\n"
        "               without the uploaded files\n"
    ) in text


def test_how_far_it_has_come_is_said_on_the_way(
    filled: tuple[World, Mapping[str, str]], folder: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault.cli.export, "EVERY_S", 0)
    monkeypatch.setattr(exporter, "STRETCH", 4)
    world, _ = filled
    told = export(world, folder.path)

    assert (
        "4 certificates, 40 % …\n8 certificates, 80 % …\n10 certificates, 100 % …\n" == told.stderr
    )


def test_an_empty_vault_is_exported_too(world: World, folder: Exported) -> None:
    told = export(world, folder.path)

    assert (0, "certificates  0\n") == (told.exit_code, told.stdout.splitlines(True)[0])
    folder.check()


@pytest.mark.parametrize("name", ["Nobody's University", "abc university"])
def test_an_unknown_institution_is_told_and_leaves_nothing(
    world: World, folder: Exported, name: str
) -> None:
    world.institution("ABC University")
    told = export(world, folder.path, "--institution", name)

    assert 1 == told.exit_code
    assert "There are: 'ABC University'." in told.stderr
    assert not folder.path.exists()
