"""Alembic's entry: runs the versions on the connection that runtime.schema hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
