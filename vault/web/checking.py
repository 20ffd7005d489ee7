"""A file dropped on the verification page: is it the one that the vault made?

The file is hashed and forgotten; nothing of it is stored or logged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime.translations import mark
from vault.erasure import file_hash
from vault.kinds import FileKind, FileRefused, kind_of
from vault.store import public
from vault.web import page
from vault.web.auth import vault
from vault.web.pages import Verdict, find, verdict_of

FILE = "certificate"

THE_FILE = mark("The file you gave is the one that this vault made. Not a byte was changed.")
THE_ERASED_FILE = mark(
    "The file you gave is the one that this vault made. Not a byte was changed. "
    "Since then its holder’s data was erased here."
)
ORIGINAL = Verdict(
    word="processing",
    title=mark("This is the file that the institution handed in"),
    text=mark(
        "The vault made a verified PDF out of it. Ask the holder for that one, or compare the file "
        "with what stands on the page below."
    ),
    shows_certificate=False,
)
ANOTHERS = Verdict(
    word="failed",
    title=mark("This is the file of another certificate"),
    text=mark(
        "The vault made it, but not for the reference id whose page you came from. "
        "It belongs to the one below."
    ),
    shows_certificate=False,
)
CHANGED = Verdict(
    word="failed",
    title=mark("This file was changed, or is another one"),
    text=mark(
        "It is not the file that this vault made for the reference id below. "
        "Do not rely on it: rely on the page of the reference id."
    ),
    shows_certificate=False,
)
STRIP_OF_A_VAULT = Verdict(
    word="failed",
    title=mark("This file was changed"),
    text=mark(
        "It bears the strip of a verified certificate, but it is not a file that this vault made. "
        "Open the page of the reference id that is printed on it, and rely on that page alone."
    ),
    shows_certificate=False,
)
NO_PDF = Verdict(
    word="unknown",
    title=mark("This file is no PDF"),
    text=mark(
        "The vault makes PDFs alone: a picture or a scan of one cannot be compared. "
        "Ask the holder for the PDF, or type the reference id that is printed on it."
    ),
    shows_certificate=False,
)
STRANGE = Verdict(
    word="unknown",
    title=mark("This vault does not know the file"),
    text=mark(
        "It is none that this vault made or was given, or it was changed since. A file that was "
        "printed, scanned or saved again by a program is another file. "
        "If you know a reference id, open its page and drop the file there."
    ),
    shows_certificate=False,
)
NONE_GIVEN = Verdict(
    word="unknown",
    title=mark("No file was chosen"),
    text=mark("Choose the PDF you want to check, then send the form again."),
    shows_certificate=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What there is to say about a file."""

    verdict: Verdict
    row: sa.Row[Any] | None = None  #: the certificate that it is
    note: str | None = None  #: how the file belongs to it
    ids: Sequence[str] = ()  #: the reference ids whose pages tell more


blueprint = Blueprint("checking", __name__, url_prefix="/verify")
page.guard(blueprint)


@blueprint.post("/file")
def check() -> AnyResponse:
    """Say whether a file is one of the vault's."""
    return _answer(None)


@blueprint.post("/<reference_id>/file")
def check_one(reference_id: str) -> AnyResponse:
    """Say whether a file is the one that was made for a reference id."""
    return _answer(find(reference_id))


@blueprint.get("/file")
@blueprint.get("/<reference_id>/file")
def back(reference_id: str | None = None) -> AnyResponse:
    """Whoever reloads the answer to a form, or chooses another language there."""
    if reference_id is None:
        return redirect(url_for("pages.ask"), code=303)
    return redirect(url_for("pages.verify", reference_id=reference_id), code=303)


def _answer(asked: sa.Row[Any] | None) -> Response:
    """``asked`` is the certificate on whose page the file was dropped, if any."""
    sent = request.files.get(FILE)
    if sent is None or not sent.filename:
        ids = [asked.reference_id] if asked is not None else ()
        return _say(Finding(verdict=NONE_GIVEN, ids=ids), status=422)
    content = sent.stream.read()
    sha256 = hashlib.sha256(content).hexdigest()
    return _say(_made_here(sha256, asked) or _not_made_here(content, sha256, asked))


def _made_here(sha256: str, asked: sa.Row[Any] | None) -> Finding | None:
    """What is known by a file's hash alone."""
    if asked is not None and asked.verified_sha256 == sha256:
        return Finding(verdict=verdict_of(asked), row=asked, note=THE_FILE)
    if asked is not None and asked.uploaded_sha256 == sha256:
        return Finding(verdict=ORIGINAL, ids=[asked.reference_id])
    with vault().database.read() as conn:
        made = public.by_verified_file(conn, sha256)
        ids = public.made_from(conn, sha256) if asked is None else ()
    if made is None:
        return Finding(verdict=ORIGINAL, ids=ids) if ids else None
    if asked is not None:
        return Finding(verdict=ANOTHERS, ids=[made.reference_id])
    return Finding(verdict=verdict_of(made), row=made, note=THE_FILE)


def _not_made_here(content: bytes, sha256: str, asked: sa.Row[Any] | None) -> Finding:
    """What a file says of itself, and whether that is a certificate of an erased holder."""
    named = vault().public_sandbox.strips_on(content)
    meant = [asked] if asked is not None else [row for row in map(find, named) if row is not None]
    for row in meant:
        if _is_erased_file(row, sha256):
            return Finding(verdict=verdict_of(row), row=row, note=THE_ERASED_FILE)
    ids = [row.reference_id for row in meant]
    if not _is_pdf(content):
        return Finding(verdict=NO_PDF, ids=ids)
    if meant:
        return Finding(verdict=CHANGED, ids=ids)
    return Finding(verdict=STRIP_OF_A_VAULT if named else STRANGE)


def _is_erased_file(row: sa.Row[Any], sha256: str) -> bool:
    if row.erased_salt is None or row.erased_file is None:
        return False
    return bool(file_hash(row.erased_salt, sha256) == row.erased_file)


def _is_pdf(content: bytes) -> bool:
    try:
        return kind_of(content) is FileKind.PDF
    except FileRefused:
        return False


def _say(finding: Finding, *, status: int = 200) -> Response:
    replacement = None
    if finding.row is not None:
        with vault().database.read() as conn:
            replacement = public.replacement(conn, finding.row)
    return page.render(
        "checked.html",
        status=status,
        verdict=finding.verdict,
        row=finding.row,
        note=finding.note,
        ids=finding.ids,
        replacement=replacement,
    )
