"""The migrations lead to the tables the queries are written for, on both databases."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from pkgutil import iter_modules

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from runtime.database import Database
from runtime.schema import migrate, require_current
from runtime.words import LONGEST_WORD
from vault import store
from vault.store.search import search_text, search_word
from vault.store.tables import MIGRATIONS, metadata

for module in iter_modules(store.__path__, f"{store.__name__}."):
    import_module(module.name)  # some tables stand beside their queries

#: As the sixth version of the schema keeps one, and what is searched of it.
A_CERTIFICATE = (
    "INSERT INTO institution (id, name, created_at) VALUES (1, 'ABC', '2026-01-01')",
    """
    INSERT INTO certificate (
        id, uuid, reference_id, institution_id, certificate_title, full_name, applicant_email,
        email_key, source, status, created_at, updated_at
    ) VALUES (
        1, 'u-1', 'VEC-IC-1', 1, 'Title', 'John', 'John@example.com',
        'john@example.com', 'vault', 'failed', '2026-01-01', '2026-01-01'
    )
    """,
    "INSERT INTO search_text (institution_id, certificate_id, text) VALUES (1, 1, ' john')",
)

#: As much of a word as is indexed.
LONG = "x" * LONGEST_WORD


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


def test_what_was_searchable_before_it_was_narrowed_is_narrowed_too(database_url: str) -> None:
    database = Database(database_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.write() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "vault_0006")
        for statement in A_CERTIFICATE:
            conn.execute(sa.text(statement))
    migrate(database, MIGRATIONS, backups=None)

    compared = sa.text("SELECT status, email_key, batch_id FROM search_text")
    with database.write() as conn:
        assert ("failed", "john@example.com", None) == conn.execute(compared).one()
        conn.execute(sa.text("UPDATE certificate SET status = 'revoked', email_key = ''"))
        assert ("revoked", "", None) == conn.execute(compared).one()
    database.close()


def test_what_was_folded_with_strokes_is_found_without_them(database_url: str) -> None:
    database = Database(database_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.write() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "vault_0008")
        for statement in A_CERTIFICATE[:2]:
            conn.execute(sa.text(statement))
        own = {"institution_id": 1, "certificate_id": 1}
        conn.execute(sa.insert(search_text), {**own, "text": f" đang łukasz\n {LONG}đ"})
        before = ("đang łukasz", "łukasz", LONG)
        conn.execute(sa.insert(search_word), [{**own, "word": word} for word in before])
    migrate(database, MIGRATIONS, backups=None)

    with database.read() as conn:
        text = conn.execute(sa.select(search_text.c.text)).scalar_one()
        found = set(conn.execute(sa.select(search_word.c.word)).scalars())
    assert f" dang lukasz\n {LONG}d" == text
    assert {"dang lukasz", "lukasz", LONG} == found
    database.close()


def test_the_migrations_are_part_of_the_package() -> None:
    assert Path(str(files("vault.store"))) / "migrations" == MIGRATIONS
    assert (MIGRATIONS / "env.py").is_file()
