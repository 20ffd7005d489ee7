"""A certificate's own page: whoever has its link views and downloads it, without an account."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response
from werkzeug.wrappers import Response as AnyResponse

from runtime.translations import mark
from vault.certificate import Status
from vault.links import HOLDER
from vault.store import public
from vault.web import page
from vault.web.auth import vault
from vault.web.sharing import share

blueprint = Blueprint("holder", __name__, url_prefix=HOLDER)
page.guard(blueprint)


@blueprint.get("/<token>")
def certificate(token: str) -> AnyResponse:
    """What the certificate says, the button to download it, the link to share."""
    row = _find(token)
    if row is None:
        return _gone()
    shared = share(row, vault().addresses)
    return page.render("people/holder.html", row=row, token=token, shared=shared)


@blueprint.get("/<token>/certificate.pdf")
def download(token: str) -> AnyResponse:
    """The verified PDF."""
    row = _find(token)
    if row is None:
        return _gone()
    return page.pdf(vault().files.read(row.verified_sha256), row.reference_id)


def _find(token: str) -> sa.Row[Any] | None:
    """The certificate while it is valid; the link lasts as long."""
    uuid = vault().links.read("holder", token)
    if uuid is None:
        return None
    with vault().database.read() as conn:
        row = public.by_uuid(conn, uuid)
    if row is None or row.status != Status.GENERATED.value or row.verified_sha256 is None:
        return None
    return row


def _gone() -> Response:
    return page.message(
        mark("This link does not work any more"),
        mark("The certificate was withdrawn, or the link was not copied completely."),
        status=410,
    )
