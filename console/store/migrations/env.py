"""Runs the migrations on the connection that `Database.migrate` brings."""

from alembic import context

from console.store import list_tables, people_tables  # noqa: F401  fill the metadata
from console.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
