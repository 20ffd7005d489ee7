"""The verification page: says to anyone whether a certificate is genuine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from vault import barcode, qr
from vault.certificate import REFERENCE_ID, Status
from vault.store import certificates
from vault.web.auth import vault

#: Much longer than any reference id; what is longer is cut before it is shown.
LONGEST_SHOWN = 60
HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "Cache-Control": "no-store",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the page says about a certificate."""

    word: str  #: names the style too
    title: str
    text: str
    shows_certificate: bool = True


GENUINE = Verdict(
    word="genuine",
    title="This certificate is genuine",
    text="It was issued by the institution below and is kept in this vault. "
    "Compare what stands here with the certificate you were shown.",
)
PROCESSING = Verdict(
    word="processing",
    title="This certificate is being processed",
    text="The institution below has handed it in; it is not issued yet. "
    "Come back in a few minutes.",
)
FAILED = Verdict(
    word="failed",
    title="This certificate has not been issued",
    text="It was handed in, but could not be processed. Ask the institution that named it to you.",
    shows_certificate=False,
)
REVOKED = Verdict(
    word="revoked",
    title="This certificate has been revoked",
    text="The institution below issued it and has withdrawn it since. It is no longer valid.",
)
UNKNOWN = Verdict(
    word="unknown",
    title="No certificate with this reference id",
    text="This vault does not know the reference id.",
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


@blueprint.after_request
def _guard(response: AnyResponse) -> AnyResponse:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@blueprint.get("", strict_slashes=False)
def ask() -> AnyResponse:
    """A field for a reference id; with one given, on to its page."""
    given = request.args.get("reference_id", "")
    if tidy(given):
        return redirect(url_for("pages.verify", reference_id=tidy(given)))
    return Response(render_template("ask.html"))


@blueprint.get("/<reference_id>")
def verify(reference_id: str) -> tuple[str, int]:
    """The page of one reference id; 404 for one that is unknown."""
    row = _find(reference_id)
    verdict = UNKNOWN if row is None else VERDICTS[Status(row.status)]
    page = render_template(
        "verify.html",
        verdict=verdict,
        row=row,
        given=reference_id[:LONGEST_SHOWN],
        long_date=long_date,
    )
    return page, 404 if row is None else 200


@blueprint.get("/<reference_id>/qr_code.svg")
def qr_code(reference_id: str) -> Response:
    """The QR code of a verified certificate's page, as SVG."""
    row = _find(reference_id)
    if row is None or row.verified_file_id is None:
        return Response("There is no QR code here.\n", status=404, mimetype="text/plain")
    code = qr.svg(vault().addresses.verification(row.reference_id))
    return Response(code, mimetype="image/svg+xml")


@blueprint.get("/<reference_id>/barcode.svg")
def bars(reference_id: str) -> Response:
    """A verified certificate's reference id in Code 128, as SVG."""
    row = _find(reference_id)
    if row is None or row.verified_file_id is None:
        return Response("There is no barcode here.\n", status=404, mimetype="text/plain")
    return Response(barcode.svg(row.reference_id), mimetype="image/svg+xml")


def tidy(given: str) -> str:
    """A reference id as a person may type it, as we write it: upper case, no spaces."""
    return "".join(given.split()).upper()


def _find(given: str) -> sa.Row[Any] | None:
    reference_id = tidy(given)
    if not re.fullmatch(REFERENCE_ID, reference_id):
        return None
    with vault().database.read() as conn:
        return certificates.find_public(conn, reference_id)


def long_date(row: sa.Row[Any]) -> str:
    """An issue date in words: 1 June 2025."""
    return f"{row.issue_date.day} {row.issue_date:%B %Y}"
