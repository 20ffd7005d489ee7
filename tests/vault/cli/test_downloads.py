"""What a served vault hands out, as others' programs judge it: qpdf, pyHanko, a reader of codes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.polling import eventually
from tests.ports import free_port
from tests.vault import authority, reading, samples, validating
from tests.vault.cli.installation import certvault, served
from tests.vault.registrar import registrars
from tests.vault.world import ENTRY
from vault.addresses import API

UPLOADS = {
    "plain": samples.pdf(),
    "picture": samples.as_bytes(samples.picture(size=(600, 400)), "PNG"),
    "rotated": samples.pdf(rotate=90),
    "registrar's own": registrars(),
}
INSTITUTION = "ABC University"


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A verified PDF as a person has it."""

    file: Path
    verification_url: str
    qr_svg: str


Downloads = dict[tuple[str, str], Download]


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Downloads:
    """Each upload's download, before the institution had a signing key and after."""
    folder = tmp_path_factory.mktemp("downloads")
    (folder / "root.pem").write_bytes(authority.pem(authority.root()))
    port = free_port()
    data = folder / "data"
    with served(data, "--port", str(port), "--institution", INSTITUTION) as line:
        headers = {"Authorization": f"Bearer {line['token']}"}
        with httpx.Client(base_url=line["vault"], headers=headers, trust_env=False) as vault:
            found = dict(_downloaded(vault, "no key", folder))
            _give_key(data, folder)
            return found | dict(_downloaded(vault, "own key", folder))


def _give_key(data: Path, folder: Path) -> None:
    (folder / "key.p12").write_bytes(authority.as_pkcs12(authority.institution()))
    (folder / "passphrase").write_text(authority.PASSPHRASE)
    passphrase = ("--passphrase-file", folder / "passphrase")
    key = (INSTITUTION, folder / "key.p12", *passphrase, "--data", data)
    certvault("institution", "signing-key", *key)


def _downloaded(
    vault: httpx.Client, key: str, folder: Path
) -> Iterator[tuple[tuple[str, str], Download]]:
    uuids = {name: _uploaded(vault, f"{name}, {key}", UPLOADS[name]) for name in UPLOADS}
    for name, uuid in uuids.items():
        done = eventually(lambda uuid=uuid: _generated(vault, uuid), within=120)
        file = folder / f"{name}, {key}.pdf"
        file.write_bytes(vault.get(f"{API}/{uuid}/download").content)
        url, code = done["verification_url"], vault.get(done["qrcode_path"]).text
        yield (name, key), Download(file=file, verification_url=url, qr_svg=code)


def _uploaded(vault: httpx.Client, title: str, content: bytes) -> str:
    entry = {**ENTRY, "certificate_title": title}
    answer = vault.post(API, data=entry, files={"certificate_file": ("c", content)})
    uuid: str = answer.json()["data"]["uuid"]
    return uuid


def _generated(vault: httpx.Client, uuid: str) -> dict[str, Any] | None:
    found: dict[str, Any] = vault.get(f"{API}/{uuid}").json()["data"]
    return found if found["status"]["value"] == "generated" else None


@pytest.fixture
def qpdf() -> str:
    """The program, of the system."""
    found = shutil.which("qpdf")
    if found is None:
        pytest.skip("qpdf is not installed; other tests ask the library that it is made of")
    return found


def test_qpdf_finds_nothing_wrong(qpdf: str, downloads: Downloads) -> None:
    checked = {case: _checked(qpdf, download.file) for case, download in downloads.items()}

    assert dict.fromkeys(downloads, (0, "")) == checked


def _checked(qpdf: str, file: Path) -> tuple[int, str]:
    """The program's status and what it complains of."""
    done = subprocess.run([qpdf, "--check", file], capture_output=True, text=True, check=False)  # noqa: S603
    return done.returncode, done.stderr


def test_pyhankos_command_line_trusts_every_signature(downloads: Downloads) -> None:
    signed = [case for case in downloads if "registrar's own" in case or "own key" in case]
    root = downloads["plain", "own key"].file.with_name("root.pem")
    found = {case: validating.by_command(downloads[case].file, trust=root) for case in signed}

    assert {case: [validating.TRUSTED] for case in signed} == found


def test_the_code_of_each_leads_to_its_verification_page(downloads: Downloads) -> None:
    def read(name: str, download: Download) -> list[str]:
        if name == "registrar's own":  # left unchanged: its code is beside it
            return reading.qr_codes(reading.drawn(download.qr_svg))
        return reading.qr_codes(reading.picture(download.file.read_bytes(), scale=4))

    wanted = {case: [download.verification_url] for case, download in downloads.items()}
    assert wanted == {case: read(case[0], download) for case, download in downloads.items()}
