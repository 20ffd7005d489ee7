"""The scripted vault as a process: what it has said yes to outlives it, and it counts for ever."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.polling import eventually
from tests.ports import free_port
from tests.processes import program
from tests.scripted_vault import BASE, TOKEN, ScriptedVault, answers, normal
from tests.scripted_vault.journal import Journal
from tests.scripted_vault.moods import Moods
from tests.test_scripted_vault import bulk, entry, learners, upload


def statuses(client: httpx.Client) -> dict[str, str]:
    """The state of each learner's certificate; nothing while nobody answers."""
    try:
        items = client.get("/", params={"per_page": "100"}).json()["data"]
    except httpx.HTTPError:
        return {}
    return {i["applicant_email"].split("@")[0]: i["status"]["value"] for i in items}


def is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/").status_code == 200
    except httpx.HTTPError:
        return False


def test_a_killed_vault_goes_on_with_what_it_has_taken(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "vault.sqlite"
    arguments = ("--port", port, "--file", file)
    client = httpx.Client(
        base_url=f"http://127.0.0.1:{port}{BASE}", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with client, program("tests.scripted_vault", *arguments, log=tmp_path / "1") as first:
        eventually(lambda: is_up(client))
        assert 201 == upload(client, "ada").status_code
        ahead = entry(client, "eve")
        assert 202 == bulk(client, entry(client, "bob"), entry(client, "cyd")).status_code
        first.send_signal(signal.SIGKILL)
        first.wait()
        with program("tests.scripted_vault", *arguments, log=tmp_path / "2"):
            everyone = dict.fromkeys(("ada", "bob", "cyd"), "generated")
            eventually(lambda: statuses(client) == everyone)

            assert 422 == upload(client, "ada").status_code
            assert 202 == bulk(client, ahead).status_code, "its file is still there"
            eventually(lambda: "eve" in statuses(client))
    oracle = Journal(file)

    assert {1} == set(oracle.ever_made().values())
    assert 4 == len(oracle.ever_made())
    oracle.close()


def test_what_is_not_done_to_the_end_is_not_done(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "vault.sqlite")
    vault = ScriptedVault(journal=journal)
    kept = vault.put(title="T", name="Ada", email="ada@x.example", issue_date=None)

    def fail_halfway() -> None:
        with journal.transaction():
            journal.made(kept.key)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    vault.stop()

    assert Counter({kept.key: 1}) == journal.ever_made()
    assert [kept] == journal.certificates()
    journal.close()


def test_a_careless_vault_makes_two_of_what_comes_late(tmp_path: Path) -> None:
    vault = ScriptedVault(journal=Journal(tmp_path / "vault.sqlite"))
    vault.appears_at_once = vault.checks_bulk = vault.atomic = False
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=vault.url + BASE, headers=headers) as client:
        bulk(client, entry(client, "ada"))
        upload(client, "ada")
        vault.appear()
    vault.stop()

    assert ["ada", "ada"] == learners(vault)


def test_a_vault_in_a_mood_is_well_most_of_the_time_and_the_same_each_time() -> None:
    class Call:
        call = "upload"

    def behaviours(seed: int) -> list[str]:
        moods = Moods(seed)
        return [moods(Call()).__name__ for _ in range(2000)]  # type: ignore[arg-type]

    met = Counter(behaviours(7))
    assert behaviours(7) == behaviours(7) != behaviours(8)
    assert normal.__name__ == max(met, key=lambda name: met[name])
    assert {"lost_reply", "cut", "_late", answers(500).__name__, "normal"} <= met.keys()
    assert 0.85 < met["normal"] / 2000 < 0.97
