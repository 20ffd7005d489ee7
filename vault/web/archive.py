"""A vault that only reads: whatever would change it is refused, and says why."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.wrappers import Response

from vault.web import faults, page
from vault.web.problems import Problem

READING = ("GET", "HEAD", "OPTIONS")
#: Whether a PDF is one of the vault's is asked with POST, and changes nothing.
CHECKING = "checking"


def install(app: Flask) -> None:
    """Refuse every request that would write with 405."""
    app.before_request(_refuse)


def _refuse() -> Response | None:
    if request.method in READING or request.blueprint == CHECKING:
        return None
    headers = {"Allow": ", ".join(READING)}
    if page.is_wanted():
        answer = page.guarded(page.message(*faults.ARCHIVE, status=405))
        answer.headers.update(headers)
        return answer
    raise Problem(
        405,
        "This vault is an archive: certificates can be listed, downloaded and verified, and "
        "nothing can be added or changed. Send new ones to the vault that took its place.",
        headers=headers,
    )
