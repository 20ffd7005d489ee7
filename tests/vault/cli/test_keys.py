"""`certvault keys rotate`: what is encrypted is encrypted with the newest key."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from runtime.keys import Keys, new_key
from tests.vault import authority
from tests.vault.world import World
from vault import wiring
from vault.cli import main
from vault.signing import SigningKeys
from vault.store import endpoints

SECRET = "whsec_c2VjcmV0"


def test_every_secret_is_encrypted_anew(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = world.vault.settings
    for name in ("database_url", "redis_url", "files", "public_url", "key_file"):
        monkeypatch.setenv(f"VAULT_{name.upper()}", str(getattr(settings, name)))
    abc = world.institution("ABC University")
    world.signing_key(abc, authority.institution())
    with world.vault.database.write() as conn:
        id = endpoints.add(
            conn,
            wiring.keys(settings),
            institution_id=abc,
            url="https://registrar.example.edu/hook",
            events=frozenset(),
            secrets=[SECRET],
            description=None,
            now=world.vault.database.now(conn),
        )
    key_file, fresh = wiring.key_file(settings), new_key()
    key_file.write_text(f"{fresh}\n{key_file.read_text()}")

    said = CliRunner().invoke(main, ["keys", "rotate"])

    told = "Secrets of 1 webhooks and 1 signing keys encrypted with the newest key."
    assert (0, told) == (said.exit_code, said.output.partition(" Keep")[0])
    newest = Keys([fresh])
    with world.vault.database.read() as conn:
        row = endpoints.find(conn, id)
    assert (SECRET,) == endpoints.secrets_of(row, newest)
    assert SigningKeys(world.vault.database, lambda: newest).find(abc) is not None
