"""How fast uploads are accepted, and how much of that is ours: python -m benchmarks.vault_upload.

Prints uploads a second of the vault's application, and of a bare Flask view that reads the same
multipart body and commits one row; both called in this process from a few threads; and the ratio.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from threading import Lock

import pikepdf
import sqlalchemy as sa
import structlog
from flask import Flask, request

from runtime.database import Database
from runtime.schema import migrate
from vault import settings, wiring
from vault.addresses import API
from vault.store import institutions
from vault.store.tables import MIGRATIONS
from vault.tokens import Permission, new_token
from vault.web.app import create_app

UPLOADS = 150
ROUNDS = 3
THREADS = 8
#: What share of the bare view's speed ours must reach.
LEAST = 0.5

Post = Callable[[int], int]


def ours(folder: Path, content: bytes) -> Post:
    """The vault with one institution, its limit of requests out of the way."""
    found = settings.read(
        {
            "VAULT_DATABASE_URL": f"sqlite:///{folder / 'vault.sqlite'}",
            "VAULT_REDIS_URL": "redis://127.0.0.1:1",
            "VAULT_FILES": str(folder / "files"),
            "VAULT_PUBLIC_URL": "https://vault.example.edu",
        }
    )
    database = Database(found.database_url)
    migrate(database, MIGRATIONS, backups=None)
    made, now = new_token(), datetime.now(UTC)
    with database.write() as conn:
        institutions.add_token(
            conn,
            institution_id=institutions.add(conn, {"name": "University"}, now=now),
            made=made,
            permissions=frozenset(Permission),
            expires_at=None,
            now=now,
        )
    database.close()
    found = replace(found, requests_per_minute=1_000_000)
    app = create_app(wiring.build(found, ring=lambda _bell: None))
    return _posting(app, API, content, {"Authorization": f"Bearer {made.text}"})


def bare(folder: Path, content: bytes) -> Post:
    """A view that reads the body and commits one row for itself."""
    database = Database(f"sqlite:///{folder / 'bare.sqlite'}")
    table = sa.Table(
        "upload", sa.MetaData(), sa.Column("title", sa.Text), sa.Column("n", sa.Integer)
    )
    table.create(database.engine)
    app, lock = Flask(__name__), Lock()  # SQLite's own waiting for its turn is unfair

    @app.post("/")
    def upload() -> tuple[str, int]:
        size = len(request.files["certificate_file"].read())
        with lock, database.write() as conn:
            conn.execute(table.insert().values(title=request.form["certificate_title"], n=size))
        return "{}", 201

    return _posting(app, "/", content, {})


def _posting(app: Flask, path: str, content: bytes, headers: dict[str, str]) -> Post:
    def post(number: int) -> int:
        fields = {
            "certificate_title": "Certificate of Achievement",
            "full_name": "John Smith",
            "applicant_email": f"person{number}@example.com",
            "issue_date": "2025-06-01",
            "certificate_file": (BytesIO(content), "certificate.pdf"),
        }
        return app.test_client().post(path, data=fields, headers=headers).status_code

    return post


def a_second(post: Post, *, begin: int) -> float:
    """Uploads accepted a second; every one another person's."""
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        answers = set(pool.map(post, range(begin, begin + UPLOADS)))
    if answers != {201}:
        raise RuntimeError(f"some uploads were refused: {answers}")
    return UPLOADS / (time.perf_counter() - began)


def main() -> int:
    """Measure both by turns, print, status 1 if ours is too slow."""
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)
    made = BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(made)
    with tempfile.TemporaryDirectory() as folder:
        mine = ours(Path(folder), made.getvalue())
        floor = bare(Path(folder), made.getvalue())
        rounds = range(0, UPLOADS * ROUNDS, UPLOADS)
        pairs = [(a_second(mine, begin=n), a_second(floor, begin=n)) for n in rounds]
    best, best_bare = (max(side) for side in zip(*pairs, strict=True))
    sys.stdout.write(
        f"vault {best:.0f}/s, bare view {best_bare:.0f}/s, "
        f"ratio {best / best_bare:.2f} (at least {LEAST})\n"
    )
    return 0 if best / best_bare >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
