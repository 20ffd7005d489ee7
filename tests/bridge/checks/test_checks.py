"""What the doctor finds in an installation that is well, and in one that is not in each way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from bridge.checks import CHECKS
from bridge.processes import LIVING
from bridge.store import notices, tables
from bridge.store.notices import Message
from runtime.database import Database
from runtime.heartbeat import beating
from tests.bridge.certificates.pages import PLAIN, a_template
from tests.bridge.checks.finding import WELL, found, noted, trouble
from tests.bridge.institution import KEY
from tests.bridge.world import SITE, World
from tests.haste import CAREFUL
from tests.mail_server import mail_server
from tests.polling import eventually


@pytest.fixture
def served(world: World) -> Iterator[str]:
    """The world's bridge on a real port; its address."""
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """The key that the world's secrets are encrypted with, as a file of its user's alone."""
    path = tmp_path / "secret.key"
    path.touch(0o600)
    path.write_text(f"{KEY}\n")
    return path


@pytest.fixture
def punctual(migrated_url: str) -> Iterator[Database]:
    """The world's database, on the clock that the doctor asks."""
    database = Database(migrated_url)
    yield database
    database.close()


def test_an_installation_that_is_well(
    world: World,
    redis_url: str,
    served: str,
    key_file: Path,
    punctual: Database,
    tmp_path: Path,
) -> None:
    world.generate()
    world.run("write_back")
    with mail_server() as mails:
        live = {
            "redis_url": redis_url,
            "public_url": served,
            "mail_server": mails.url,
            "key_file": key_file,
            "cache_dir": tmp_path / "cache",
            "operator": ("admin@example.edu",),
        }
        told = {
            name: found(world, name, database=punctual if name == "clock" else None, **live)
            for name in CHECKS
            if name != "processes"
        }

    nearby, fonts = told.pop("public address"), told.pop("fonts")
    # The tests' PostgreSQL is in haste, and that is all that is found of it.
    careless = () if world.bridge.database.is_sqlite else CAREFUL
    server, notes = told.pop("database server")
    assert ([f"PostgreSQL runs with {name} off" for name in careless], []) == (
        [finding.partition(":")[0] for finding in server],
        notes,
    )
    assert dict.fromkeys(told, WELL) == told
    assert nearby[1][0].startswith(f"Learners' links lead to {served}, which is this machine alone")
    assert [] == nearby[0] == fonts[0], "which fonts this machine has is only a note"


def test_a_database_of_another_version_or_out_of_reach(world: World, tmp_path: Path) -> None:
    nowhere = Database(f"sqlite:///{tmp_path / 'nowhere' / 'x.sqlite'}")
    empty = Database(f"sqlite:///{tmp_path / 'empty.sqlite'}")

    assert trouble(world, "database", database=nowhere).startswith(
        "It cannot be used: unable to open database file. Check BRIDGE_DATABASE_URL, "
    )
    assert trouble(world, "database", database=empty).endswith("Run `vaultbridge migrate`.")
    nowhere.close()
    empty.close()


def test_a_clock_that_was_set_back(world: World, punctual: Database) -> None:
    world.complete()
    with punctual.write() as conn:
        ahead = punctual.now(conn) + timedelta(hours=1)
        conn.execute(sa.update(tables.delivery).values(received_at=ahead))

    assert "which is still to come: the clock was set back." in trouble(
        world, "clock", database=punctual
    )


def test_a_redis_that_does_not_answer(world: World) -> None:
    assert trouble(world, "redis").startswith("Redis does not answer (ConnectionError). Start it, ")


def test_processes_that_nobody_runs(world: World, punctual: Database) -> None:
    first, *others = LIVING
    with beating(punctual, tables.process, first):
        told = eventually(
            lambda: (
                one
                if len(one := found(world, "processes", database=punctual)[0]) == len(others)
                else None
            )
        )

    assert [
        f"Nobody runs `vaultbridge {name}`. Start it, or `vaultbridge up` for all."
        for name in others
    ] == told
    assert len(LIVING) == len(found(world, "processes")[0])


def test_work_that_waits_too_long(world: World) -> None:
    world.complete()
    world.later(minutes=9)
    assert WELL == found(world, "waiting work")
    world.later(minutes=2)

    assert trouble(world, "waiting work").startswith(
        "Work for `vaultbridge worker normalise` waits for more than 10 minutes. Does it run, "
    )


def test_work_for_a_vault_that_is_left_alone_is_not_stuck(world: World) -> None:
    world.vault.tokens.clear()
    world.issue()
    world.later(days=1)

    assert WELL == found(world, "waiting work")


def test_a_mail_server_that_is_not_set_or_does_not_answer(world: World) -> None:
    assert noted(world, "mails").startswith("No mail server is set: ")
    with mail_server() as mails:
        mails.extensions.append("AUTH PLAIN")
        mails.answers["AUTH"] = "535 no"
        url = f"smtp://user:wrong@127.0.0.1:{mails.port}"
        told = trouble(world, "mails", mail_server=url)

    assert "(SMTPAuthenticationError 535). Check BRIDGE_MAIL_SERVER." in told
    assert "wrong" not in told


def test_a_public_address_where_nobody_or_somebody_else_answers(world: World, served: str) -> None:
    nobody = found(world, "public address", public_url="http://127.0.0.1:1")[0]
    other = found(world, "public address", public_url=f"{served}/c")[0]

    assert nobody[0].startswith("http://127.0.0.1:1 does not answer as this bridge (ConnectError).")
    assert "/c does not answer as this bridge (it answered 404, and not as" in other[0]


def test_a_public_address_without_encryption(world: World) -> None:
    _, notes = found(world, "public address", public_url="http://192.0.2.1.invalid")

    assert notes[0].startswith("Learners' links lead to http://192.0.2.1.invalid, which is not ")


def test_a_script_that_no_font_has_is_a_note_with_what_to_install(world: World) -> None:
    troubles, notes = found(world, "fonts")

    assert [] == troubles
    for note in notes:
        assert note.startswith("A certificate with a name in ")
        assert "apt-get install" in note


def test_a_template_that_cannot_be_read_is_told_before_it_holds_a_certificate(
    world: World, tmp_path: Path
) -> None:
    assert "which is no folder" in trouble(world, "templates", templates_dir=tmp_path / "none")

    a_template(tmp_path / "own", PLAIN)
    assert WELL == found(world, "templates", templates_dir=tmp_path / "own")

    (tmp_path / "own" / "own" / "template.yaml").write_text("papers: [a5]")
    assert trouble(world, "templates", templates_dir=tmp_path / "own").startswith(
        "Certificates of the template own would be held: The file template.yaml"
    )


def test_a_mapping_in_use_that_names_what_is_gone_is_told(world: World) -> None:
    assert WELL == found(world, "mappings")

    other = world.add_issuer("other")
    world.add_mapping(("issuer: main", "issuer: other"))
    world.change(tables.issuer, other, removed_at=world.clock.now())

    assert (
        'course-completion version 2: 3:9: issuer: there is no "other"; there are: main. Until it '
        "is mended, what it wants is held: vaultbridge mappings add FILE"
    ) == trouble(world, "mappings")


def test_keys_that_are_missing_open_to_all_or_others(
    world: World, key_file: Path, tmp_path: Path
) -> None:
    assert WELL == found(world, "keys", key_file=key_file)

    key_file.chmod(0o644)
    assert f"{key_file} is open to other users (mode 0644)." in trouble(
        world, "keys", key_file=key_file
    )
    key_file.chmod(0o600)
    key_file.write_text(f"{'A' * 43}=\n")
    others, _ = found(world, "keys", key_file=key_file)
    assert ["issuer rotate main", "site rotate scripted-main", "site rotate signed-main"] == [
        text.rpartition("To enter them: vaultbridge ")[2] for text in others
    ]
    assert ["See keys, above."] == [
        note[-16:] for note in found(world, "issuers", key_file=tmp_path / "none")[1]
    ]
    assert "Restore the file from its copy" in trouble(world, "keys", key_file=tmp_path / "none")


def test_folders_that_belong_to_another_user(world: World, tmp_path: Path) -> None:
    closed = Path("/proc/self/none")

    assert WELL == found(world, "cache", cache_dir=tmp_path / "not" / "yet")
    assert trouble(world, "cache", cache_dir=closed).startswith("/proc/self cannot be written ")
    (told,), _ = found(world, "mails", mail_folder=closed)
    assert told.endswith("(chown -R), or name another folder: BRIDGE_MAIL_FOLDER.")


def test_notices_that_reach_nobody_are_trouble_and_nobody_to_tell_is_a_note(
    world: World,
) -> None:
    nobody = noted(world, "notices")
    assert nobody.startswith(f"Nobody is told of trouble with site {SITE}, site signed-main, ")
    assert "issuer main" in nobody

    ops = ("ops@example.edu",)
    assert WELL == found(world, "notices", operator=ops)
    with world.bridge.database.write() as conn:
        now = world.clock.now()
        message = Message(audience="operator", address=ops[0], subject="s", text="t")
        notices.add(conn, [message], keys=world.bridge.keys, now=now)
        failed = {"state": "failed", "next_run_at": None, "ended_at": now}
        conn.execute(sa.update(tables.notice).values(**failed))
    assert trouble(world, "notices", operator=ops).startswith(
        "Notices that reached nobody in the last 7 days: 1. See why: vaultbridge notices --state"
    )
