"""`certvault serve`: a whole vault from one command; an archive that takes nothing."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from runtime.embedded import LOOPBACK, kept
from tests.polling import eventually
from tests.ports import free_port
from tests.vault import samples
from tests.vault.cli.installation import asked, certvault, served
from tests.vault.world import ENTRY
from vault.addresses import API
from vault.cli import main


def client(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"})


def upload(vault: httpx.Client) -> httpx.Response:
    return vault.post(API, data=ENTRY, files={"certificate_file": ("c.pdf", samples.pdf())})


def generated(vault: httpx.Client, uuid: str) -> dict[str, Any] | None:
    found: dict[str, Any] = vault.get(f"{API}/{uuid}").json()["data"]
    return found if found["status"]["value"] == "generated" else None


def contents(folder: Path) -> dict[Path, tuple[int, int, bytes]]:
    """Every file below a folder: its mode, when it was last written, what it holds."""
    return {
        path: (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_empty_folder_becomes_a_vault_and_later_an_archive(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
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
    before = contents(moved)
    with served(moved, "--read-only") as line:
        assert {"ready": True, "vault": url, "read_only": True} == line
        with client(url, token) as vault:
            answer = upload(vault)
            assert (405, "GET, HEAD, OPTIONS") == (answer.status_code, answer.headers["Allow"])
            assert answer.json()["message"].startswith("This vault is an archive")
            assert 200 == vault.get(f"{API}/{uuid}/download").status_code
            assert [uuid] == [one["uuid"] for one in vault.get(API).json()["data"]]
    assert before == contents(moved)
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
