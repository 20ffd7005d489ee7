"""Pages that nobody was issued: to look at a template, and to see that it can take anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from bridge.certificates.page import Page
from bridge.certificates.render import Renderer
from bridge.certificates.templates import Template

#: A page printed on another day is another file; a sample is the same every day.
DAY = date(2026, 11, 20)
_SAID: Mapping[str, Mapping[str, str]] = {
    "en": {
        "full_name": "Amina O'Brien",
        "title": "Certificate of Completion: Marine Biology",
        "institution_name": "University of Sharjah",
        "signatory_name": "Prof. Layla Haddad",
        "signatory_role": "Dean of Graduate Studies",
    },
    "ar": {
        "full_name": "أمينة محمد الهاشمي",
        "title": "شهادة إتمام: علم الأحياء البحرية",
        "institution_name": "جامعة الشارقة",
        "signatory_name": "أ. د. ليلى حداد",
        "signatory_role": "عميدة الدراسات العليا",
    },
}
#: As long as an entry may have them.
_AWKWARD: Mapping[str, Mapping[str, str]] = {
    "en": {
        "full_name": ("Maria Alexandra Wilhelmina Konstantinopolska de la Santísima Trinidad " * 4)[
            :255
        ].strip(),
        "title": ("Certificate of Completion: Oceanographic Field Methods in Conservation " * 4)[
            :255
        ].strip(),
    },
    "ar": {
        "full_name": ("محمد عبد الرحمن بن عبد العزيز بن سلطان آل نهيان الهاشمي " * 5)[:255].strip(),
        "title": ("شهادة إتمام: علم الأحياء البحرية وطرق البحث الميداني " * 5)[:255].strip(),
    },
}
LANGUAGES = tuple(_SAID)


def page(
    template: Template,
    *,
    language: str = "en",
    paper: str = "a4",
    awkward: bool = False,
    full_name: str | None = None,
    title: str | None = None,
    day: date | None = None,
    given: Mapping[str, str] | None = None,
    values: Mapping[str, object] | None = None,
) -> Page:
    """A sample page, but for what is said; ``given`` are parameters as they are typed.

    Raises RenderError.
    """
    known = language if language in _SAID else "en"
    said: dict[str, Any] = {**_SAID[known], **(_AWKWARD[known] if awkward else {})}
    changed = {"full_name": full_name, "title": title}
    return Page(
        template=template.name,
        language=language,
        paper=paper,
        details="Ref 0a1b2c3d",
        issue_date=day or DAY,
        parameters={name: template.typed(name, text) for name, text in (given or {}).items()}
        | dict(values or {}),
        **said | {name: text for name, text in changed.items() if text is not None},
    )


def pages(template: Template) -> Iterator[Page]:
    """Usual and awkward pages on each paper. Raises RenderError."""
    for paper in template.papers:
        for language in LANGUAGES:
            for awkward in (False, True):
                yield page(template, language=language, paper=paper, awkward=awkward)


def print_all(renderer: Renderer, name: str) -> None:
    """Print every sample page of a template; raises the first RenderError."""
    for each in pages(renderer.template(name)):
        # As a PDF for what its standards ask, and as a picture, of which there must be one.
        for form in ("pdf", "png"):
            renderer.render(each, form=form)
