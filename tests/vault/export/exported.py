"""A vault whose certificates are hard to export, the command, and its folder read back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tests.vault import samples
from tests.vault.world import PUBLIC_URL, World, upload
from vault.addresses import API
from vault.cli import main

#: Names that a spreadsheet would calculate, that are written from the right, that need quotes.
NAMES = (
    '=HYPERLINK("http://evil.example","Click")',
    "محمد الأحمد",
    "王明华",
    "-2+3",
    'O\'Brien, "Bob"; Jr.',
    "＝1+1",
    "Zoë Müller",
)
DETAILS = "With distinction,\nin three lines:\n=1+1"


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A folder as whoever was given it reads it."""

    path: Path

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The objects of a file of JSON lines."""
        return [json.loads(line) for line in (self.path / name).read_text("utf-8").splitlines()]

    def records(self) -> dict[str, dict[str, Any]]:
        """Each certificate's record, by its reference id."""
        return {one["reference_id"]: one for one in self.lines("certificates.jsonl")}

    def summary(self) -> dict[str, Any]:
        """What export.json says."""
        found: dict[str, Any] = json.loads((self.path / "export.json").read_text("utf-8"))
        return found

    def files(self) -> set[str]:
        """Every file in it."""
        return {str(p.relative_to(self.path)) for p in self.path.rglob("*") if p.is_file()}

    def check(self) -> None:
        """Have sha256sum compare every file; none is left out but its own list."""
        asked = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
        done = subprocess.run(asked, cwd=self.path, capture_output=True, text=True, check=False)  # noqa: S603
        assert 0 == done.returncode, done.stdout + done.stderr
        checked = {line.removesuffix(": OK") for line in done.stdout.splitlines()}
        assert self.files() - {"SHA256SUMS"} == checked


def fill(world: World) -> Mapping[str, str]:
    """Give a vault certificates of every status; return each holder's reference id."""
    abc = world.institution("ABC University", "admin@abcuniversity.edu")
    other = world.institution("Other University")
    made = {}
    with world.client(world.token(abc)) as client:
        for number, name in enumerate(NAMES):
            made[name] = _upload(client, name, number, file=samples.pdf(f"Number {number}"))
        world.process()
        again = {"reason": "=Typo", "replaced_by": made[NAMES[1]]["uuid"]}
        assert 200 == client.post(f"{API}/{made[NAMES[0]]['uuid']}/revoke", json=again).status_code
        assert 200 == client.post(f"{API}/{made[NAMES[6]]['uuid']}/erase").status_code
        made["Too Early"] = _upload(client, "Too Early", 7, file=samples.png())
        made["Failed"] = _upload(client, "Failed", 8, file=samples.pdf("Failed"))
        world.set(made["Failed"]["uuid"], status="failed", problem="It is damaged.")
    with world.client(world.token(other)) as client:
        made["Another"] = _upload(client, "Another", 9, issue_date=None)
    return {name: one["reference_id"] for name, one in made.items()}


def _upload(client: Any, name: str, number: int, **more: Any) -> dict[str, Any]:
    fields = {
        "full_name": name,
        "applicant_email": f"holder{number}@example.com",
        "issue_date": f"2025-06-{number + 1:02}",
        "details": DETAILS,
        **more,
    }
    made: dict[str, Any] = upload(client, name="=näme.pdf", **fields).json()["data"]
    return made


def environment(world: World) -> dict[str, str]:
    """The settings by which a command finds a vault."""
    settings = world.vault.settings
    return {
        "VAULT_DATABASE_URL": settings.database_url,
        "VAULT_REDIS_URL": "unix:///nowhere/redis.sock",
        "VAULT_FILES": str(settings.files),
        "VAULT_PUBLIC_URL": PUBLIC_URL,
    }


def export(world: World, *arguments: object) -> Result:
    """``certvault export …`` of a vault."""
    asked = ["export", *map(str, arguments)]
    return CliRunner().invoke(main, asked, env=environment(world))
