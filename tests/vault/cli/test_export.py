"""`certvault export` of an installation: while it takes uploads, and of one that is an archive."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import httpx
from click.testing import CliRunner

from tests.polling import eventually
from tests.ports import free_port
from tests.vault import samples
from tests.vault.cli.installation import asked, served
from tests.vault.cli.test_serve import client, contents
from tests.vault.export.exported import Exported
from tests.vault.world import ENTRY
from vault.addresses import API
from vault.cli import main

#: Uploaded before the export, and while it runs.
BEFORE, MOST = 2, 10


def upload(vault: httpx.Client, number: int) -> int:
    """Upload one more; the answer's status."""
    fields = {**ENTRY, "certificate_title": f"Title {number}"}
    file = {"certificate_file": ("c.pdf", samples.pdf(f"Number {number}"))}
    return vault.post(API, data=fields, files=file).status_code


def generated(vault: httpx.Client) -> int:
    found: int = vault.get(API, params={"status": "generated"}).json()["meta"]["total"]
    return found


def test_a_vault_is_exported_while_it_takes_uploads_and_as_an_archive(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    during, later = (Exported(path=tmp_path / name) for name in ("during", "later"))
    ended = Event()
    with served(data, "--port", str(port)) as line, client(line["vault"], line["token"]) as vault:
        assert [201] * BEFORE == [upload(vault, number) for number in range(BEFORE)]
        eventually(lambda: generated(vault) == BEFORE, within=60)

        def upload_on() -> list[int]:
            answers: list[int] = []
            while not (answers and ended.is_set()) and len(answers) < MOST:
                answers.append(upload(vault, BEFORE + len(answers)))
            return answers

        with ThreadPoolExecutor() as pool:
            answers = pool.submit(upload_on)
            told = asked("export", during.path, "--data", data)
            ended.set()
        assert {201} == set(answers.result())

    assert 0 == told.returncode, told.stderr
    during.check()
    titles = [one["certificate_title"] for one in during.records().values()]
    assert [f"Title {number}" for number in range(len(titles))] == titles
    assert BEFORE <= during.summary()["counts"]["files"]["verified"]

    before = contents(data)
    read = CliRunner().invoke(main, ["export", str(later.path), "--uploaded", "--data", str(data)])
    assert 0 == read.exit_code, read.stderr
    assert BEFORE + len(answers.result()) == len(later.records())
    assert before == contents(data), "an archive's disk may not be writable"
    later.check()
