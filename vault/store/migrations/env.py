"""How Alembic runs our versions: on the connection that runtime.schema hands in."""

from __future__ import annotations

from alembic import context

from vault.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
