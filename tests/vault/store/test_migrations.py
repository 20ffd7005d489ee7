"""The migrations lead to the tables the queries are written for, on both databases."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from pkgutil import iter_modules

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from runtime.database import Database
from runtime.schema import migrate, require_current
from vault import store
from vault.store.tables import MIGRATIONS, metadata

for module in iter_modules(store.__path__, f"{store.__name__}."):
    import_module(module.name)  # some tables stand beside their queries


def test_the_migrated_schema_is_that_of_the_tables(database_url: str) -> None:
    database = Database(database_url)
    migrate(database, MIGRATIONS, backups=None)

    with database.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_server_default": True})
        assert [] == compare_metadata(context, metadata)
    require_current(database, MIGRATIONS, remedy="")
    database.close()


def test_migrating_again_changes_nothing(database_url: str) -> None:
    database = Database(database_url)
    migrate(database, MIGRATIONS, backups=None)
    assert None is migrate(database, MIGRATIONS, backups=None)

    with database.read() as conn:
        assert {*metadata.tables, "alembic_version"} == set(sa.inspect(conn).get_table_names())
    database.close()


def test_the_migrations_are_part_of_the_package() -> None:
    assert Path(str(files("vault.store"))) / "migrations" == MIGRATIONS
    assert (MIGRATIONS / "env.py").is_file()
