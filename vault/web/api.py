"""The Certificate Vault API: single upload, list, view, download, retry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify, request
from werkzeug.datastructures import FileStorage

from vault.addresses import API
from vault.certificate import Status
from vault.documents import LARGEST_FILE, FileRefused, inspect
from vault.intake import Upload
from vault.store import certificates
from vault.tokens import Permission
from vault.web import presenting
from vault.web.auth import caller, needs, vault
from vault.web.fields import EntrySchema, entry_of, filters_of, mistakes_in
from vault.web.problems import Problem, invalid, no_certificate

FILE = "certificate_file"
#: File names are kept for show only, and no longer than this.
LONGEST_NAME = 255

blueprint = Blueprint("api", __name__, url_prefix=API)


@blueprint.post("", strict_slashes=False)
@needs(Permission.CREATE)
def upload() -> tuple[Response, int]:
    """Take one certificate with its file."""
    values, mistakes = mistakes_in(EntrySchema(), request.form)
    file, problem = _file(request.files.get(FILE))
    if problem:
        mistakes = {**mistakes, FILE: [problem]}
    if mistakes or file is None:
        raise invalid(mistakes)
    try:
        uuid = vault().intake.add(
            institution_id=caller().institution_id, entry=entry_of(values), upload=file
        )
    except certificates.Duplicate as exc:
        raise Problem(
            422, "A vault certificate with this email, title, and issue date already exists"
        ) from exc
    body = {"message": "Vault certificate uploaded successfully", "data": _whole(uuid)}
    return jsonify(body), 201


def _file(sent: FileStorage | None) -> tuple[Upload | None, str | None]:
    """Return (the file, why it is refused); one of the two is None."""
    if sent is None:
        return None, "The certificate file field is required."
    content = sent.stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        return None, "The certificate file field must not be greater than 20480 kilobytes."
    try:
        kind = inspect(content)
    except FileRefused as exc:
        return None, str(exc)
    name = (sent.filename or "")[:LONGEST_NAME].encode(errors="replace").decode()
    return Upload(content=content, kind=kind, name=name.replace("\x00", "") or None), None


@blueprint.get("", strict_slashes=False)
@needs(Permission.LIST)
def list_certificates() -> Response:
    """The institution's certificates, newest first."""
    asked = request.args.to_dict()
    filters, number, size = filters_of(asked)
    with vault().database.read() as conn:
        rows, total = certificates.page(
            conn, filters, institution_id=caller().institution_id, number=number, size=size
        )
    return jsonify(
        presenting.page(
            [presenting.listed(row) for row in rows],
            number=number,
            size=size,
            total=total,
            path=vault().addresses.api,
            query=_without_page(asked),
        )
    )


def _without_page(asked: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in asked.items() if name != "page"]


@blueprint.get("/<uuid:uuid>")
@needs(Permission.VIEW)
def view(uuid: UUID) -> Response:
    """One certificate with all that is known."""
    return jsonify({"data": _whole(str(uuid))})


@blueprint.get("/<uuid:uuid>/download")
@needs(Permission.DOWNLOAD)
def download(uuid: UUID) -> Response:
    """The verified PDF."""
    row = _mine(str(uuid))
    if row.status != Status.GENERATED.value:
        raise Problem(404, "Verified PDF not found. The certificate may still be processing.")
    response = Response(vault().files.read(row.verified_sha256), mimetype="application/pdf")
    response.headers["Content-Disposition"] = _attachment(f"{row.reference_id}.pdf")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _attachment(name: str) -> str:
    return f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(name)}"


@blueprint.post("/<uuid:uuid>/retry")
@needs(Permission.UPDATE)
def retry(uuid: UUID) -> Response:
    """Send a failed certificate through processing again."""
    row = _mine(str(uuid))
    try:
        vault().intake.retry(row.uuid, institution_id=caller().institution_id)
    except certificates.NotFailed as exc:
        raise Problem(400, "Only failed vault certificates can be retried") from exc
    body = {"message": "Vault certificate retry initiated", "data": _whole(row.uuid)}
    return jsonify(body)


def _mine(uuid: str) -> sa.Row[Any]:
    with vault().database.read() as conn:
        row = certificates.find(conn, uuid, institution_id=caller().institution_id)
    if row is None:
        raise no_certificate()
    return row


def _whole(uuid: str) -> presenting.Json:
    return presenting.whole(_mine(uuid), vault().addresses)
