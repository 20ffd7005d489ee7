"""The stage and the program that dies on it, made once for each process of tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa

from bridge.certificates.render import Renderer
from runtime.database import Database
from tests.bridge.conftest import (
    _clocks,
    _http,
    _postgresql,
    _renderer,
    _sqlite,
    _terse_logs,
    bridge,
    changed_settings,
    clock,
    database,
    kind,
    lms,
    migrated_url,
    vault,
    world,
)
from tests.faults.afar import opening, printing
from tests.faults.lives import lives
from tests.faults.points import many, upload
from tests.faults.stage import Stage, stage
from tests.faults.vault_stage import VaultStage, vault_stage
from tests.vault.world import SANDBOX

#: pytest finds fixtures by their names here.
__all__ = [
    "_clocks",
    "_http",
    "_postgresql",
    "_renderer",
    "_sqlite",
    "_terse_logs",
    "bridge",
    "changed_settings",
    "clock",
    "database",
    "kind",
    "lms",
    "migrated_url",
    "vault",
    "world",
]


@pytest.fixture(scope="session")
def _databases(_sqlite: Database, _postgresql: Database) -> Mapping[str, Database]:
    return {"sqlite": _sqlite, "postgresql": _postgresql}


@pytest.fixture(scope="session")
def _stage(
    _databases: Mapping[str, Database],
    _renderer: Renderer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Stage]]:
    """The present stage is the last."""
    folder = tmp_path_factory.mktemp("lives")
    urls = {kind: _url(database) for kind, database in _databases.items()}
    with printing(_renderer) as printer:
        config = {"databases": urls, "printer": printer}
        with (
            lives("tests.faults.bridge_life", config, log=folder / "log") as program,
            stage(program, _databases, folder) as first,
        ):
            stages = [first]
            for kind in _databases:
                stages.append(_warm(stages.pop().new(kind)))
            yield stages
            stages[-1].vault.stop()


def _warm(stage: Stage) -> Stage:
    many(stage)
    stage.live(warm=True)
    return stage


def _url(database: Database) -> str:
    driver = "sqlite" if database.is_sqlite else "postgresql"
    return database.engine.url.set(drivername=driver).render_as_string(hide_password=False)


@pytest.fixture
def new_stage(_stage: list[Stage], kind: str) -> object:
    """Makes a stage for the next run, on this kind of database."""

    def make() -> Stage:
        _stage.append(_stage.pop().new(kind))
        return _stage[-1]

    return make


@pytest.fixture(scope="session")
def _vault_stage(
    _postgres: sa.URL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[VaultStage]]:
    """The present stage is the last."""
    folder = tmp_path_factory.mktemp("vault")
    name = f"vault_{uuid4().hex}"
    with psycopg.connect(_postgres.render_as_string(hide_password=False), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    urls = {
        "sqlite": f"sqlite:///{folder / 'v.sqlite'}",
        "postgresql": _postgres.set(database=name).render_as_string(hide_password=False),
    }
    with opening(SANDBOX) as sandbox:
        config = {"databases": urls, "files": str(folder / "files"), "sandbox": sandbox}
        with (
            lives("tests.faults.vault_life", config, log=folder / "log") as program,
            vault_stage(program, urls, folder / "files") as first,
        ):
            stages = [first]
            for kind in urls:
                stages.append(stages.pop().new(kind))
                upload(stages[-1])
                stages[-1].live(warm=True)
            yield stages


@pytest.fixture
def new_vault_stage(_vault_stage: list[VaultStage], kind: str) -> object:
    """Makes a stage for the next run, on this kind of database."""

    def make() -> VaultStage:
        _vault_stage.append(_vault_stage.pop().new(kind))
        return _vault_stage[-1]

    return make
