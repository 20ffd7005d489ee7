"""``vaultbridge up`` that dies at each point of setting up: the next one ends with one of each."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from bridge.store import accounts
from runtime.database import Database
from runtime.embedded import kept
from runtime.keys import Keys
from tests.faults.lives import KILLED, lives
from tests.faults.points import UP
from tests.ports import free_port
from vault.store import endpoints
from vault.store.tables import institution


def test_starts_that_die_at_one_point_after_the_other_end_with_one_issuer_that_its_vault_can_tell(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    command = ["up", "--data", str(data), "--port", str(free_port())]
    order = {"environment": {"PATH": os.environ["PATH"]}, "command": command}
    with lives("tests.faults.typed", {}, log=tmp_path / "log") as program:
        for point in UP:  # past the last, it would serve
            assert KILLED == program.live(order, crash=f"{point}:1").status, point

    settings, keys = kept(data), Keys.read(data / "secret.key")
    with closing(Database(settings["BRIDGE_DATABASE_URL"])) as ours, ours.read() as conn:
        [issuer] = accounts.issuers(conn)
        known = accounts.secrets_of(issuer, kind="issuer", keys=keys)
    with closing(Database(settings["VAULT_DATABASE_URL"])) as theirs, theirs.read() as conn:
        assert 1 == conn.execute(sa.select(sa.func.count(institution.c.id))).scalar_one()
        [told] = conn.execute(sa.select(endpoints.endpoint)).all()

    assert (known["webhook_secret"],) == endpoints.secrets_of(told, keys)
    assert [] == [*data.glob("token-*")], "no secret lies about"
