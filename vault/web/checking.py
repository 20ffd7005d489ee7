"""A file dropped on the verification page: is it the one that the vault made?

The file is hashed and forgotten; nothing of it is stored or logged.
"""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime.translations import mark
from vault.erasure import file_hash
from vault.store import public
from vault.strip import bears_strip
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
STRANGE = Verdict(
    word="unknown",
    title=mark("This vault does not know the file"),
    text=mark(
        "It is none that this vault made or was given, or it was changed since. A file that was "
        "printed, scanned or saved again by a program is another file."
    ),
    shows_certificate=False,
)
NONE_GIVEN = Verdict(
    word="unknown",
    title=mark("No file was chosen"),
    text=mark("Choose the PDF you want to check, then send the form again."),
    shows_certificate=False,
)

blueprint = Blueprint("checking", __name__, url_prefix="/verify")
page.guard(blueprint)


@blueprint.post("/file")
def check() -> AnyResponse:
    """Say whether a file is one of the vault's."""
    sha256 = _hash_of_file()
    if sha256 is None:
        return _say(NONE_GIVEN, status=422)
    with vault().database.read() as conn:
        row = public.by_verified_file(conn, sha256)
        ids = public.made_from(conn, sha256)
    if row is not None:
        return _say(verdict_of(row), row=row, note=THE_FILE)
    if ids:
        return _say(ORIGINAL, ids=ids)
    return _say(STRIP_OF_A_VAULT if bears_strip(_content()) else STRANGE)


@blueprint.post("/<reference_id>/file")
def check_one(reference_id: str) -> AnyResponse:
    """Say whether a file is the one that was made for a reference id."""
    row = find(reference_id)
    if row is None:
        return check()
    sha256 = _hash_of_file()
    if sha256 is None:
        return _say(NONE_GIVEN, status=422, ids=[row.reference_id])
    if _is_erased_file(row, sha256):
        return _say(verdict_of(row), row=row, note=THE_ERASED_FILE)
    if sha256 == row.verified_sha256:
        return _say(verdict_of(row), row=row, note=THE_FILE)
    if sha256 == row.uploaded_sha256:
        return _say(ORIGINAL, ids=[row.reference_id])
    return _say(CHANGED, ids=[row.reference_id])


@blueprint.get("/file")
@blueprint.get("/<reference_id>/file")
def back(reference_id: str | None = None) -> AnyResponse:
    """Whoever reloads the answer to a form, or chooses another language there."""
    if reference_id is None:
        return redirect(url_for("pages.ask"), code=303)
    return redirect(url_for("pages.verify", reference_id=reference_id), code=303)


def _is_erased_file(row: sa.Row[Any], sha256: str) -> bool:
    if row.erased_salt is None or row.erased_file is None:
        return False
    return bool(file_hash(row.erased_salt, sha256) == row.erased_file)


def _hash_of_file() -> str | None:
    sent = request.files.get(FILE)
    if sent is None or not sent.filename:
        return None
    return hashlib.file_digest(sent.stream, "sha256").hexdigest()  # type: ignore[arg-type]


def _content() -> bytes:
    stream = request.files[FILE].stream
    stream.seek(0)
    return stream.read()


def _say(
    verdict: Verdict,
    *,
    status: int = 200,
    row: sa.Row[Any] | None = None,
    note: str | None = None,
    ids: Any = (),
) -> Response:
    replacement = None
    if row is not None:
        with vault().database.read() as conn:
            replacement = public.replacement(conn, row)
    return page.render(
        "checked.html",
        status=status,
        verdict=verdict,
        row=row,
        note=note,
        ids=ids,
        replacement=replacement,
    )
