"""What people read where no page of theirs can be shown: not there, too large, out of order."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flask import g
from werkzeug.wrappers import Response as AnyResponse

from runtime.translations import mark
from vault.web import page

#: A status to what its page says; the last one for those that are not named.
TEXTS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        404: (
            mark("There is no such page"),
            mark("Check the address, or go on from one of the pages below."),
        ),
        413: (
            mark("This file is too large"),
            mark(
                "No certificate of this vault is larger than 20 MB. "
                "Choose the PDF as the holder was given it."
            ),
        ),
        503: (
            mark("The vault is out of order for the moment"),
            mark("Nothing was changed. Please try again in a minute."),
        ),
    }
)
OURS = (
    mark("Something went wrong here"),
    mark("Nothing was changed. If it happens again, tell the vault’s operator this number:"),
)
ARCHIVE = (
    mark("This vault is an archive"),
    mark(
        "Certificates can be verified here, and downloaded by the links in the mails about them. "
        "Nothing can be changed any more, and nobody can sign in anew."
    ),
)


def page_of(status: int, headers: Mapping[str, str]) -> AnyResponse:
    """The page for a status; below 500 what is not named is told as not there."""
    known = status if status in TEXTS or status >= 500 else 404
    title, text = TEXTS.get(known, OURS)
    number = g.get("request_id") if known not in TEXTS else None
    response = page.guarded(page.message(title, text, status=status, number=number))
    response.headers.update(headers)
    return response
