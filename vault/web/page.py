"""How a page for people is made: its language, its texts, the headers that guard it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as AnyResponse

from runtime.translations import LANGUAGES, best, direction
from vault.addresses import API
from vault.links import HOLDER, PEOPLE
from vault.texts import date_words, translate

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "Cache-Control": "no-store",
    }
)
RETRY_AFTER_S = 3600
#: Where pages lie, whatever is asked for there.
VERIFY = "/verify"
PLACES = (VERIFY, PEOPLE, HOLDER)


def is_wanted() -> bool:
    """Whether who asks is to be answered with a page: in the places of pages, or a browser."""
    if request.path.startswith(API):
        return False
    kinds = request.accept_mimetypes.best_match(["application/json", "text/html"])
    return kinds == "text/html" or f"/{request.path.split('/')[1]}" in PLACES


def language() -> str:
    """The reader's choice (``?lang=``), else what the browser wishes."""
    return chosen() or best(request.accept_languages.values())


def chosen() -> str | None:
    """The language in the address, if it is one of ours."""
    asked = request.args.get("lang", "")
    return asked if asked in LANGUAGES else None


def say(tag: str) -> Callable[..., Markup]:
    """`translate` for a page: escaped, each value kept apart from the text's direction."""

    def text(msgid: str, **values: object) -> Markup:
        isolated = {name: Markup("<bdi>{}</bdi>").format(value) for name, value in values.items()}
        return escape(translate(tag, msgid)).format(**isolated)

    return text


def render(template: str, *, status: int = 200, **values: Any) -> Response:
    """Render a template in the reader's language; ``status`` is the answer's."""
    tag = language()
    body = render_template(
        template,
        say=say(tag),
        plain=lambda msgid: translate(tag, msgid),
        day=lambda moment: date_words(tag, moment),
        language=tag,
        chosen=chosen(),
        direction=direction(tag),
        languages=LANGUAGES,
        **values,
    )
    response = make_response(body, status)
    if status == 429:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def message(title: str, text: str, *, status: int = 200, **values: Any) -> Response:
    """A page of a few words: a title, a sentence, where to go from here.

    ``values`` may hold ``home`` (offer the customer's own page) and ``number`` (a fault's).
    """
    return render("message.html", status=status, title=title, text=text, **values)


def pdf(content: bytes, reference_id: str) -> Response:
    """A verified PDF to save, which no cache keeps."""
    response = Response(content, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{reference_id}.pdf"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def guarded(response: AnyResponse) -> AnyResponse:
    """Give a page the headers that guard it."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def guard(blueprint: Blueprint) -> None:
    """Give a blueprint's pages their headers, and let their links keep a chosen language."""

    blueprint.after_request(guarded)

    @blueprint.url_defaults
    def _language(endpoint: str, values: dict[str, Any]) -> None:
        if not endpoint.endswith("static") and chosen() is not None:
            values.setdefault("lang", chosen())
