"""A certificate's own page: whoever has its link views and downloads it, without an account."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime.translations import mark
from vault.certificate import Status
from vault.links import HOLDER
from vault.store import public
from vault.web import page
from vault.web.again import once_more
from vault.web.auth import vault
from vault.web.sharing import share

blueprint = Blueprint("holder", __name__, url_prefix=HOLDER)
page.guard(blueprint)


@blueprint.get("/<token>")
def certificate(token: str) -> AnyResponse:
    """What the certificate says, the button to download it, the link to share."""
    row = _find(token)
    if row is None:
        return _dead_link()
    if not _can_be_downloaded(row):
        return _public_page(row)
    shared = share(row, vault().addresses)
    return page.render("people/holder.html", row=row, token=token, shared=shared)


@blueprint.get("/<token>/certificate.pdf")
@once_more
def download(token: str) -> AnyResponse:
    """The verified PDF."""
    row = _find(token)
    if row is None:
        return _dead_link()
    if not _can_be_downloaded(row):
        return _public_page(row)
    return page.pdf(vault().files.read(row.verified_sha256), row.reference_id)


def _find(token: str) -> sa.Row[Any] | None:
    uuid = vault().links.read("holder", token)
    if uuid is None:
        return None
    with vault().database.read() as conn:
        return public.by_uuid(conn, uuid)


def _can_be_downloaded(row: sa.Row[Any]) -> bool:
    """Whether the certificate is valid and kept; the link lasts as long."""
    return row.status == Status.GENERATED.value and row.verified_sha256 is not None


def _public_page(row: sa.Row[Any]) -> AnyResponse:
    """Of one that was revoked or erased, what everybody reads: why, and what replaced it."""
    return redirect(url_for("pages.verify", reference_id=row.reference_id))


def _dead_link() -> Response:
    return page.message(
        mark("This link does not work any more"),
        mark("Perhaps it was not copied completely."),
        status=410,
    )
