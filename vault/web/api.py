"""The Certificate Vault API: single upload, list, view, download, retry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify, request

from vault.addresses import API
from vault.bulk import DUPLICATE
from vault.certificate import Status
from vault.store import certificates, listing
from vault.tokens import Permission
from vault.web import presenting, received
from vault.web.again import once_more
from vault.web.auth import caller, needs, vault
from vault.web.fields import EntrySchema, entry_of, filters_of, mistakes_in
from vault.web.problems import Problem, invalid, no_certificate

FILE = "certificate_file"
ENTRY = EntrySchema()

blueprint = Blueprint("api", __name__, url_prefix=API)


@blueprint.post("")
@needs(Permission.CREATE)
def upload() -> tuple[Response, int]:
    """Take one certificate with its file."""
    values, mistakes = mistakes_in(ENTRY, received.fields())
    file, problem = received.file(FILE)
    if problem:
        mistakes = {**mistakes, FILE: [problem]}
    if mistakes or file is None:
        raise invalid(mistakes)
    try:
        added = vault().intake.add(
            institution_id=caller().institution_id,
            entry=entry_of(values),
            upload=file,
            now=caller().asked_at,
        )
    except certificates.Duplicate as exc:
        raise Problem(422, DUPLICATE) from exc
    shown = presenting.whole(added, vault().addresses)
    return jsonify({"message": "Vault certificate uploaded successfully", "data": shown}), 201


@blueprint.get("")
@needs(Permission.LIST)
def list_certificates() -> Response:
    """The institution's certificates, newest first."""
    asked = request.args.to_dict()
    filters, number, size = filters_of(asked)
    with vault().database.read() as conn:
        rows, total = listing.page(
            conn, filters, institution_id=caller().institution_id, number=number, size=size
        )
    return jsonify(
        presenting.page(
            [presenting.listed(row, vault().addresses) for row in rows],
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
    return jsonify({"data": whole(str(uuid))})


@blueprint.get("/<uuid:uuid>/download")
@needs(Permission.DOWNLOAD)
@once_more
def download(uuid: UUID) -> Response:
    """The verified PDF."""
    row = _mine(str(uuid))
    if row.status == Status.REVOKED.value:
        raise Problem(404, "Verified PDF not found. The certificate has been revoked.")
    if row.erased_at is not None:
        raise Problem(404, "Verified PDF not found. The holder's data has been erased.")
    if row.status == Status.FAILED.value:
        raise Problem(404, "Verified PDF not found. The certificate could not be processed.")
    if row.status != Status.GENERATED.value:
        raise Problem(404, "Verified PDF not found. The certificate may still be processing.")
    response = Response(vault().files.read(row.verified_sha256), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{row.reference_id}.pdf"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.post("/<uuid:uuid>/retry")
@needs(Permission.UPDATE)
def retry(uuid: UUID) -> Response:
    """Send a failed certificate through processing again."""
    row = _mine(str(uuid))
    try:
        vault().intake.retry(row.uuid, institution_id=caller().institution_id)
    except certificates.NotFailed as exc:
        raise Problem(400, "Only failed vault certificates can be retried") from exc
    body = {"message": "Vault certificate retry initiated", "data": whole(row.uuid)}
    return jsonify(body)


def _mine(uuid: str) -> sa.Row[Any]:
    with vault().database.read() as conn:
        row = certificates.find(conn, uuid, institution_id=caller().institution_id)
    if row is None:
        raise no_certificate()
    return row


def whole(uuid: str) -> presenting.Json:
    """One of the caller's certificates with all that is known; raises Problem 404."""
    return presenting.whole(_mine(uuid), vault().addresses)
