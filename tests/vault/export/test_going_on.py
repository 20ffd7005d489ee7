"""An export that dies, is refused, meets another, or finds files damaged, and the next one."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from runtime import crashpoint
from tests.faults.lives import KILLED, Lives, lives
from tests.faults.points import EXPORT
from tests.vault import samples
from tests.vault.export.exported import NAMES, Exported, export, fill
from tests.vault.world import World, make, upload
from vault.export.asked import Asked
from vault.export.exporter import Exporter
from vault.export.folder import taken
from vault.files import Files
from vault.store.tables import certificate

COUNT = 5
#: How often an export of five certificates, two at a time, comes by each point.
PASSES = {"export.copied": 3, "export.recorded": 3, "export.closing": 1}


def some(world: World) -> list[str]:
    """Five certificates; returns their reference ids."""
    token = world.token(world.institution("ABC University"))
    with world.client(token) as client:
        made = [
            upload(client, certificate_title=f"T{n}", file=samples.pdf(f"T{n}")).json()["data"]
            for n in range(COUNT)
        ]
    world.process()
    return [one["reference_id"] for one in made]


def uuid_of(world: World, id: int) -> str:
    """A certificate's uuid."""
    with world.vault.database.read() as conn:
        found = sa.select(certificate.c.uuid).where(certificate.c.id == id)
        return str(conn.execute(found).scalar_one())


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    """Exports that can be told where to die."""
    log = tmp_path_factory.mktemp("mortal") / "log"
    with lives("tests.vault.export.dying", {}, log=log) as found:
        yield found


def die(mortal: Lives, world: World, folder: Exported, *, at: str) -> None:
    """Begin an export that dies at a point."""
    settings = world.vault.settings
    order = {
        "database_url": settings.database_url,
        "files": str(settings.files),
        "to": str(folder.path),
    }
    assert KILLED == mortal.live(order, crash=at).status
    assert "Run the same command again" in (folder.path / "INCOMPLETE").read_text()


def test_after_a_death_anywhere_the_next_export_goes_on(
    mortal: Lives, world: World, folder: Exported
) -> None:
    ids = some(world)
    for at in (f"{point}:{n + 1}" for point, passes in PASSES.items() for n in range(passes)):
        own = Exported(path=folder.path.with_name(at))
        die(mortal, world, own, at=at)
        with (own.path / "certificates.jsonl").open("a") as file:
            file.write('{"id": 3, "uu')  # as a power failure leaves it
        (own.path / "passing.part").write_bytes(b"half")
        before = {p: p.stat().st_mtime_ns for p in own.path.glob("verified/*/*")}
        told = export(world, own.path)

        assert (at, 0) == (at, told.exit_code), told.stderr
        assert ids == list(own.records())
        assert {f"verified/2026/{id}.pdf" for id in ids} == {
            name for name in own.files() if name.startswith("verified/")
        }
        assert before == {p: p.stat().st_mtime_ns for p in before}, "what is there is not copied"
        assert not (own.path / "INCOMPLETE").exists()
        own.check()


def test_every_point_of_an_export_has_its_test() -> None:
    assert set(EXPORT) == PASSES.keys()


def test_what_comes_after_the_beginning_is_not_in_it_and_who_is_erased_meanwhile_goes(
    mortal: Lives, world: World, folder: Exported
) -> None:
    ids = some(world)
    die(mortal, world, folder, at="export.copied:2")
    assert set(ids[:4]) == {path.stem for path in folder.path.glob("verified/*/*")}
    world.vault.withdrawal.erase(uuid_of(world, 3), institution_id=1)
    with world.client(world.token(1)) as client:
        upload(client, certificate_title="Too late")
    assert 0 == export(world, folder.path).exit_code

    assert ids == list(folder.records())
    assert f"verified/2026/{ids[2]}.pdf" not in folder.files()
    assert folder.records()[ids[2]]["full_name"] is None
    folder.check()


class ErasesThird(Files):
    """Before it opens the third certificate's file, that certificate is erased."""

    def __init__(self, world: World) -> None:
        super().__init__(world.vault.settings.files)
        self._world, self._opened = world, 0

    def chunks(self, sha256: str) -> Iterator[bytes]:
        self._opened += 1
        if self._opened == 3:
            uuid = uuid_of(self._world, 3)
            self._world.vault.withdrawal.erase(uuid, institution_id=1)
        return super().chunks(sha256)


def exporter(world: World, files: Files | None = None) -> Exporter:
    """An export of everything."""
    return Exporter(
        database=world.vault.database,
        files=files or world.vault.files,
        addresses=world.vault.addresses,
        asked=Asked(),
    )


def test_whose_data_is_erased_while_it_is_exported_has_no_file_that_is_missing(
    world: World, folder: Exported
) -> None:
    some(world)
    exporting = exporter(world, ErasesThird(world))
    with taken(folder.path) as own:
        begun = exporting.begin(own)
        for _ in exporting.run(own, begun):
            pass
        counts = exporting.close(own, begun)

    assert (0, 4) == (counts.missing, counts.files["verified"])
    assert None is list(folder.records().values())[2]["full_name"]
    folder.check()


def test_files_that_are_gone_or_changed_are_named_and_the_rest_is_exported(
    world: World, folder: Exported
) -> None:
    ids = fill(world)
    export(world, folder.path, "--uploaded")
    gone, changed = ids[NAMES[1]], ids[NAMES[2]]
    hashes = {
        gone: folder.records()[gone]["verified_file"]["sha256"],
        changed: folder.records()[changed]["uploaded_file"]["sha256"],
    }
    files = world.vault.settings.files
    (files / hashes[gone][:2] / hashes[gone]).unlink()
    (files / hashes[changed][:2] / hashes[changed]).write_bytes(b"x")
    own = Exported(path=folder.path.with_name("again"))
    told = export(world, own.path, "--uploaded")

    assert 1 == told.exit_code
    assert (
        "Files that are missing or damaged in the vault: 2\n"
        f"  {gone} verified {hashes[gone]} is missing\n"
        f"  {changed} uploaded {hashes[changed]} has been changed\n"
        "missing.csv in the folder names all. Restore them from a backup, then export into a new "
        "folder.\n"
    ) == told.stderr
    assert "files         13: 8 uploaded, 5 verified\n" in told.stdout
    with (own.path / "missing.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [
            {
                "reference_id": gone,
                "file": "verified",
                "problem": "is missing",
                "sha256": hashes[gone],
            },
            {
                "reference_id": changed,
                "file": "uploaded",
                "problem": "has been changed",
                "sha256": hashes[changed],
            },
        ] == list(csv.DictReader(file))
    assert folder.files() - own.files() == {
        f"verified/2026/{gone}.pdf",
        f"uploaded/2026/{changed}.pdf",
    }
    assert 2 == own.summary()["counts"]["missing"]
    own.check()


def test_a_folder_that_is_something_else_is_refused_and_left_alone(
    world: World, folder: Exported
) -> None:
    some(world)
    folder.path.mkdir(parents=True)
    (folder.path / "thesis.doc").write_text("mine")
    told = export(world, folder.path)

    assert (1, {"thesis.doc"}) == (told.exit_code, folder.files())
    assert "is not empty, and no export (thesis.doc lies in it)" in told.stderr

    (folder.path / "INCOMPLETE").write_text("of something else")
    told = export(world, folder.path)
    assert 1 == told.exit_code
    assert "INCOMPLETE is none that this version writes." in told.stderr
    assert "of something else" == (folder.path / "INCOMPLETE").read_text()


def test_a_complete_export_is_left_alone(world: World, folder: Exported) -> None:
    some(world)
    export(world, folder.path)
    before = {name: (folder.path / name).read_bytes() for name in folder.files()}
    told = export(world, folder.path)

    assert 1 == told.exit_code
    assert "holds a complete export already. Name a new folder" in told.stderr
    assert before == {name: (folder.path / name).read_bytes() for name in folder.files()}


def test_another_export_does_not_go_on_with_this_one(
    mortal: Lives, world: World, folder: Exported, tmp_path: Path
) -> None:
    some(world)
    die(mortal, world, folder, at="export.recorded:1")
    told = export(world, folder.path, "--uploaded", "--status", "failed")
    assert 1 == told.exit_code
    assert "is not complete (status: null, uploaded: false). Ask for the same" in told.stderr

    another = make(f"sqlite:///{tmp_path / 'another.sqlite'}", tmp_path / "other-files")
    with closing(another.vault.database):
        some(another)
        told = export(another, folder.path)
        assert 1 == told.exit_code
        assert "is another vault's. Name another folder." in told.stderr


def test_two_exports_never_write_to_one_folder(world: World, folder: Exported) -> None:
    some(world)
    with taken(folder.path):
        told = export(world, folder.path)
    assert 1 == told.exit_code
    assert f"Another export writes to {folder.path}. Wait for its end" in told.stderr
    assert 0 == export(world, folder.path).exit_code


def test_files_that_are_not_mounted_are_not_all_missing(world: World, folder: Exported) -> None:
    some(world)
    world.vault.settings.files.rename(world.vault.settings.files.with_name("elsewhere"))
    told = export(world, folder.path)

    assert 1 == told.exit_code
    assert "where the vault's files lie. Mount it, or correct VAULT_FILES." in told.stderr
    assert (False, False) == (folder.path.exists(), world.vault.settings.files.exists())


def test_a_full_disk_is_told_and_the_next_export_goes_on(world: World, folder: Exported) -> None:
    some(world)
    with taken(folder.path) as own:
        exporter(world).begin(own)
    (folder.path / "passing.part").symlink_to("/dev/full")
    told = export(world, folder.path)

    assert (1, True) == (told.exit_code, "No space left on device" in told.stderr)
    assert "Run the same command again, and it goes on." in told.stderr

    (folder.path / "passing.part").unlink()
    assert 0 == export(world, folder.path).exit_code
    folder.check()


def test_who_interrupts_an_export_is_told_how_to_go_on(world: World, folder: Exported) -> None:
    ids = some(world)

    def interrupt(point: str) -> None:
        if point == "export.recorded":
            raise KeyboardInterrupt

    crashpoint.watch(interrupt)
    try:
        told = export(world, folder.path)
    finally:
        crashpoint.watch(None)

    assert (130, "Interrupted. Run the same command again, and it goes on.\n") == (
        told.exit_code,
        told.stderr,
    )
    assert 0 == export(world, folder.path).exit_code
    assert ids == list(folder.records())
