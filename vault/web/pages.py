"""The verification pages: say to anyone whether a certificate, or a file, is genuine."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime.translations import mark
from vault import barcode, qr, reference
from vault.certificate import Status
from vault.store import certificates, public
from vault.web import page
from vault.web.auth import vault

#: Much longer than any reference id; what is longer is cut before it is shown.
LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the page says about a certificate."""

    word: str  #: names the style too
    title: str
    text: str
    shows_certificate: bool = True


GENUINE = Verdict(
    word="genuine",
    title=mark("This certificate is genuine"),
    text=mark(
        "It was issued by the institution below and is kept in this vault. "
        "Compare what stands here with the certificate you were shown."
    ),
)
ERASED = Verdict(
    word="genuine",
    title=mark("This certificate is genuine; its holder’s data was erased"),
    text=mark(
        "It was issued by the institution below. The name of its holder and the file are not kept "
        "any more, so that neither can be compared."
    ),
)
PROCESSING = Verdict(
    word="processing",
    title=mark("This certificate is being processed"),
    text=mark(
        "The institution below has handed it in; it is not issued yet. Come back in a few minutes."
    ),
)
FAILED = Verdict(
    word="failed",
    title=mark("This certificate has not been issued"),
    text=mark(
        "It was handed in, but could not be processed. Ask the institution that named it to you."
    ),
    shows_certificate=False,
)
REVOKED = Verdict(
    word="revoked",
    title=mark("This certificate has been revoked"),
    text=mark("The institution below issued it and has withdrawn it since. It is no longer valid."),
)
NEVER_ISSUED = Verdict(
    word="revoked",
    title=mark("This certificate was never issued"),
    text=mark("The institution below handed it in and withdrew it before it was issued."),
)
UNKNOWN = Verdict(
    word="unknown",
    title=mark("No certificate with this reference id"),
    text=mark("This vault does not know the reference id."),
    shows_certificate=False,
)

VERDICTS = MappingProxyType(
    {
        Status.PENDING: PROCESSING,
        Status.PROCESSING: PROCESSING,
        Status.GENERATED: GENUINE,
        Status.FAILED: FAILED,
        Status.REVOKED: REVOKED,
    }
)

blueprint = Blueprint(
    "pages",
    __name__,
    url_prefix="/verify",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)


page.guard(blueprint)


@blueprint.get("")
def ask() -> AnyResponse:
    """A field for a reference id; with one given, on to its page."""
    given = "".join(request.args.get("reference_id", "").split()).upper()
    if given:
        return redirect(url_for("pages.verify", reference_id=reference.read(given) or given))
    return page.render("ask.html")


@blueprint.get("/<reference_id>")
def verify(reference_id: str) -> AnyResponse:
    """The page of one reference id; 404 for one that is unknown."""
    row = find(reference_id)
    if row is None:
        return _unknown(reference_id)
    with vault().database.read() as conn:
        replacement = public.replacement(conn, row)
    return page.render("verify.html", verdict=verdict_of(row), row=row, replacement=replacement)


@blueprint.get("/<reference_id>/qr_code.svg")
def qr_code(reference_id: str) -> Response:
    """The QR code of a verified certificate's page, as SVG."""
    row = find(reference_id)
    if row is None or row.verified_file_id is None:
        return Response("There is no QR code here.\n", status=404, mimetype="text/plain")
    code = qr.svg(vault().addresses.verification(row.reference_id))
    return Response(code, mimetype="image/svg+xml")


@blueprint.get("/<reference_id>/barcode.svg")
def bars(reference_id: str) -> Response:
    """A verified certificate's reference id in Code 128, as SVG."""
    row = find(reference_id)
    if row is None or row.verified_file_id is None:
        return Response("There is no barcode here.\n", status=404, mimetype="text/plain")
    return Response(barcode.svg(row.reference_id), mimetype="image/svg+xml")


def find(given: str) -> sa.Row[Any] | None:
    """The certificate with a reference id as a person may give it."""
    reference_id = reference.read(given)
    if reference_id is None:
        return None
    with vault().database.read() as conn:
        return certificates.find_public(conn, reference_id)


def verdict_of(row: sa.Row[Any]) -> Verdict:
    """What there is to say about a certificate."""
    if row.erased_at is not None and row.status == Status.GENERATED.value:
        return ERASED
    if row.verified_at is None and row.status == Status.REVOKED.value:
        return NEVER_ISSUED
    return VERDICTS[Status(row.status)]


def _unknown(given: str) -> Response:
    typed = reference.count(given)
    return page.render(
        "verify.html",
        status=404,
        verdict=UNKNOWN,
        row=None,
        given=given[:LONGEST_SHOWN],
        start=reference.START,
        typed=None if typed == reference.LENGTH else typed,
    )
