"""How a learner's page is made: its language, its template, the headers that keep it private."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Response, make_response, render_template, request
from markupsafe import Markup, escape

from bridge.pipeline.learner_links import PREFIX
from bridge.texts import LANGUAGES, best, closest, date_words, direction, translate

#: Everything from ourselves, and no script at all.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
}
RETRY_AFTER_S = 60


def base_of(public_url: str) -> str:
    """What stands before our paths where the bridge lives below a path of its host."""
    return urlsplit(public_url).path.rstrip("/") + PREFIX


def language_for(default: str | None) -> str:
    """The reader's choice (``?lang=``), else ``default``, else what the browser wishes."""
    chosen = request.args.get("lang", "")
    if chosen in LANGUAGES:
        return chosen
    return default or best(request.accept_languages.values())


def say(language: str) -> Callable[..., Markup]:
    """`translate` for a page: escaped, each value kept apart from the text's direction."""

    def text(msgid: str, **values: object) -> Markup:
        isolated = {name: Markup("<bdi>{}</bdi>").format(value) for name, value in values.items()}
        return escape(translate(language, msgid)).format(**isolated)

    return text


def page(
    template: str, *, base: str, language: str, status: int = 200, **values: object
) -> Response:
    """Render one of the templates in ``learner/``; ``base`` is `base_of` the public address."""
    body = render_template(
        f"learner/{template}",
        base=base,
        say=say(language),
        plain=lambda msgid: translate(language, msgid),
        day=lambda moment: date_words(language, moment),
        language=closest(language),
        direction=direction(language),
        languages=LANGUAGES,
        chosen=request.args.get("lang"),
        **values,
    )
    response = make_response(body, status)
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def keep_private(response: Response) -> Response:
    """Set the headers of every learner's page; a style sheet may be kept by the browser."""
    for name, value in HEADERS.items():
        if name != "Cache-Control" or request.endpoint != "learner.static":
            response.headers.setdefault(name, value)
    return response
