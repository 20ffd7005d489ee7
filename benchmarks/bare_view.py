"""The floor of receiving: Flask views that read a body and commit one row, each for itself.

python -m benchmarks.bare_view PORT; the database is that of BARE_DATABASE_URL.
"""

from __future__ import annotations

import contextlib
import os
import sys
from contextlib import AbstractContextManager
from threading import Lock

import sqlalchemy as sa
from flask import Flask, request

from benchmarks.processes import HOST
from runtime.database import Database
from runtime.serve import serve

DATABASE = "BARE_DATABASE_URL"

metadata = sa.MetaData()
upload = sa.Table(
    "bare_upload",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("title", sa.Text),
    sa.Column("size", sa.Integer),
)
delivery = sa.Table(
    "bare_delivery",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("body", sa.Text),
)


def create_app() -> Flask:
    """The application, on the database of the environment."""
    database = Database(os.environ[DATABASE])
    metadata.create_all(database.engine)
    app = Flask(__name__)
    # SQLite's own way to wait for a turn is unfair: under load some threads wait ten seconds and
    # are told that the database is locked.
    turn: AbstractContextManager[object] = (
        Lock() if database.is_sqlite else contextlib.nullcontext()
    )

    @app.post("/")
    def take() -> tuple[str, int]:
        size = len(request.files["certificate_file"].read())
        with turn, database.write(urgent=True) as conn:
            conn.execute(upload.insert().values(title=request.form["certificate_title"], size=size))
        return "{}", 201

    @app.post("/hook")
    def hear() -> tuple[str, int]:
        body = request.get_data(as_text=True)
        with turn, database.write(urgent=True) as conn:
            conn.execute(delivery.insert().values(body=body))
        return "{}", 202

    return app


if __name__ == "__main__":
    serve("benchmarks.bare_view:create_app", host=HOST, port=int(sys.argv[1]))
