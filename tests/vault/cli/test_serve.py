"""`certvault serve`: a whole vault from one command; an archive that takes nothing."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from runtime.embedded import LOOPBACK, free_port, kept, resolve
from tests.polling import eventually
from tests.vault import samples
from tests.vault.world import ENTRY
from vault.addresses import API
from vault.cli import main


@contextmanager
def served(data: Path, *more: str) -> Iterator[dict[str, Any]]:
    """``certvault serve``, ended at the end; the line it prints when ready."""
    command = resolve(("certvault", "serve", "--data", str(data), *more))
    with (data.parent / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=_clean())  # noqa: S603
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert 0 == process.returncode


def _clean() -> Mapping[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("VAULT_")}


def asked(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A command that has ended."""
    return subprocess.run(  # noqa: S603  # our own
        resolve(("certvault", *map(str, arguments))),
        env=dict(_clean()),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def certvault(*arguments: object) -> str:
    """What a command prints on its standard output."""
    done = asked(*arguments)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def client(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"})


def upload(vault: httpx.Client) -> httpx.Response:
    return vault.post(API, data=ENTRY, files={"certificate_file": ("c.pdf", samples.pdf())})


def generated(vault: httpx.Client, uuid: str) -> dict[str, Any] | None:
    found: dict[str, Any] = vault.get(f"{API}/{uuid}").json()["data"]
    return found if found["status"]["value"] == "generated" else None


def test_an_empty_folder_becomes_a_vault_and_later_an_archive(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port(LOOPBACK, after=21_000 + os.getpid() % 9_000)
    with served(data, "--port", str(port), "--institution", "ABC University") as line:
        url = f"http://{LOOPBACK}:{port}"
        token = line["token"]
        assert {"ready": True, "vault": url, "read_only": False, "token": token} == line
        with client(url, token) as vault:
            uuid = upload(vault).json()["data"]["uuid"]
            done = eventually(lambda: generated(vault, uuid), within=60)
        reader = certvault("token", "create", "--data", str(data), "--permissions", "list,view")
        with client(url, reader.removesuffix("\n")) as vault:
            assert [200, 200, 403] == [
                vault.get(API).status_code,
                vault.get(f"{API}/{uuid}").status_code,
                upload(vault).status_code,
            ]

        again = asked("serve", "--data", data, "--port", port + 1)
        assert 1 == again.returncode
        assert f"{data} runs already, as process " in again.stderr

    assert "ABC University" == done["institution_name"]
    assert [0o700, 0o600, 0o600] == [
        stat.S_IMODE(path.stat().st_mode) for path in (data, data / "secret.key", data / "env")
    ]

    moved = data.rename(tmp_path / "archive")
    listed = CliRunner().invoke(main, ["institution", "list", "--data", str(moved)])
    assert "ABC University" in listed.output
    with served(moved, "--read-only") as line:
        assert {"ready": True, "vault": url, "read_only": True} == line
        with client(url, token) as vault:
            answer = upload(vault)
            assert (405, "GET, HEAD, OPTIONS") == (answer.status_code, answer.headers["Allow"])
            assert answer.json()["message"].startswith("This vault is an archive")
            assert 200 == vault.get(f"{API}/{uuid}/download").status_code
            assert [uuid] == [one["uuid"] for one in vault.get(API).json()["data"]]
    assert str(moved / "vault-files") == kept(moved)["VAULT_FILES"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--read-only"], "holds no installation: there is no file env in it."),
        (["--port", "0"], "0 is not in the range 1<=x<=65535"),
        (["--port", "65536"], "65536 is not in the range 1<=x<=65535"),
    ],
)
def test_what_cannot_be_served_is_told_and_leaves_nothing(
    tmp_path: Path, options: list[str], told: str
) -> None:
    result = CliRunner().invoke(main, ["serve", "--data", str(tmp_path / "data"), *options])

    assert 0 != result.exit_code
    assert told in result.output
    assert [] == list(tmp_path.iterdir())
