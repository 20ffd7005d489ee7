"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

import os

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from runtime.schema import SchemaError, require_current
from vault.store.tables import MIGRATIONS
from vault.web.auth import vault
from vault.wiring import MIGRATE

blueprint = Blueprint("health", __name__, url_prefix="/health")


@blueprint.get("/live")
def live() -> Response:
    """The process answers; nothing else is asked."""
    return jsonify({"status": "live"})


@blueprint.get("/ready")
def ready() -> tuple[Response, int]:
    """Database and files can be used. Redis may be down: uploads are taken all the same."""
    problems = [problem for problem in (_database(), _files()) if problem]
    body = {"status": "not ready" if problems else "ready", "problems": problems}
    return jsonify(body), 503 if problems else 200


def _database() -> str | None:
    database = vault().database
    try:
        require_current(database, MIGRATIONS, remedy=MIGRATE)
        with database.read() as conn:
            conn.execute(sa.text("SELECT 1"))
    except SchemaError as exc:
        return str(exc)
    except SQLAlchemyError as exc:
        return f"The database cannot be reached ({type(exc).__name__})."
    return None


def _files() -> str | None:
    read_only = vault().settings.read_only
    if os.access(vault().files.folder, (os.R_OK if read_only else os.W_OK) | os.X_OK):
        return None
    verb = "read" if read_only else "written"
    return f"The folder of files cannot be {verb}. Check VAULT_FILES, its owner and its disk."
