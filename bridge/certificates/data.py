"""What a template is told of a page: plain data, and the names of pictures beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from bridge.certificates import pictures, signatories
from bridge.certificates.page import Page, RenderError, direction
from bridge.certificates.pictures import Picture
from bridge.certificates.signatories import Signatory
from bridge.certificates.templates import Template
from bridge.certificates.texts import Language, language
from mappings.periods import period

#: Stands beside the page's language where that is the second one as well.
OTHERWISE = ("en", "ar")


def texts(page: Page, template: Template, spoken: Language) -> dict[str, str]:
    """Every text that is printed, by what an admin calls it. Raises RenderError."""
    given = template.values(page.parameters)
    own = {f"parameter {name}": str(given[name]) for name in template.of_kind("text")}
    signing = _signing(page, template, given)
    names = {
        "signatory's name": "\n".join(each.name or "" for each in signing),
        "signatory's role": "\n".join(each.role or "" for each in signing),
    }
    until = _until(page, template, given)
    others = [_beside(spoken, str(given[name])) for name in template.of_kind("language")]
    fixed = "\n".join(_fixed(each, page.issue_date, until) for each in (spoken, *others))
    return page.texts() | own | names | {"certificate's fixed texts": fixed}


def shown(page: Page, template: Template) -> dict[str, Picture]:
    """Every picture of the page, by what an admin calls it. Raises RenderError.

    A template's own parameter ``logo`` takes the place of the issuer's.
    """
    given = template.values(page.parameters)
    own = {name: _own(template, given[name]) for name in template.of_kind("image")}
    hands = {
        _hand(number): each.image
        for number, each in enumerate(_signing(page, template, given), start=1)
    }
    found = {"logo": _given(page.logo)} | {k: v for k, v in own.items() if v} | hands
    return {name: picture for name, picture in found.items() if picture is not None}


def data(
    page: Page,
    template: Template,
    spoken: Language,
    *,
    fonts: Sequence[str],
    put: Callable[[Picture, str], str],
) -> dict[str, Any]:
    """Return what the template reads from ``sys.inputs.data``.

    ``fonts`` are the families the page needs, preferred first; ``put`` brings a picture to where
    the template can read it and tells its name there. Raises RenderError.
    """
    given = template.values(page.parameters)
    until = _until(page, template, given)
    files = {name: put(picture, name) for name, picture in shown(page, template).items()}
    signing = _signing(page, template, given)
    return _language(spoken, page.issue_date, until) | {
        "paper": template.paper(page.paper),
        "fonts": fonts,
        "full_name": _text(page.full_name, spoken),
        "title": _text(page.title, spoken),
        "details": _text(page.details, spoken),
        "institution": _text(page.institution_name, spoken),
        "signatories": [
            {
                "name": _text(each.name, spoken),
                "role": _text(each.role, spoken),
                "image": files.get(_hand(number)),
            }
            for number, each in enumerate(signing, start=1)
        ],
        "logo": files.get("logo"),
        "parameters": given
        | {name: _text(str(given[name]), spoken) for name in template.of_kind("text")}
        | {name: files.get(name) for name in template.of_kind("image")}
        | {
            name: _language(_beside(spoken, str(given[name])), page.issue_date, until)
            for name in template.of_kind("language")
        }
        | dict.fromkeys(template.of_kind("signatories")),
    }


def signing(page: Page, template: Template) -> list[dict[str, str | None]]:
    """Who signs, in words. Raises RenderError."""
    given = template.values(page.parameters)
    return [{"name": one.name, "role": one.role} for one in _signing(page, template, given)]


def valid_until(page: Page, template: Template) -> date | None:
    """The last day that is printed, if any is. Raises RenderError."""
    return _until(page, template, template.values(page.parameters))


def refuse_empty(page: Page) -> None:
    """Raise RenderError where a text is empty that every certificate has."""
    given = page.texts()
    for name in ("full name", "certificate title", "institution name"):
        if not given.get(name, "").strip():
            raise RenderError(
                f"The {name} is empty.",
                remedy="Say in the mapping or the issuer where it comes from, then replay.",
                code="missing",
                field=name,
            )


def _language(spoken: Language, day: date, until: date | None) -> dict[str, Any]:
    return spoken.data() | {
        "date": spoken.spelled(day),
        "valid_until": None if until is None else spoken.valid_until(until),
    }


def _beside(spoken: Language, wanted: str) -> Language:
    """The language beside the page's own: the one wanted, or English, or Arabic."""
    others = map(language, (wanted, *OTHERWISE))
    return next(each for each in others if each.locale.language != spoken.locale.language)


def _fixed(spoken: Language, day: date, until: date | None) -> str:
    dates = [spoken.spelled(each) for each in (day, until) if each is not None]
    return "\n".join((spoken.fixed_texts(), *dates))


def _until(page: Page, template: Template, given: dict[str, Any]) -> date | None:
    """The last day the certificate is valid: the page's own, else by the template's period."""
    if page.expires_on is not None:
        return page.expires_on
    periods = (str(given[name]) for name in template.of_kind("period"))
    return next((period(each).after(page.issue_date) for each in periods if each), None)


def _signing(page: Page, template: Template, given: dict[str, Any]) -> list[Signatory]:
    """Who signs: of the template's own list, else the issuer's signatory."""
    for name in template.of_kind("signatories"):
        if given[name]:
            return signatories.signing(given[name], page.issue_date, template.files)
    issuers = Signatory(name=page.signatory_name or None, role=page.signatory_role or None)
    return [] if issuers == Signatory(name=None) else [issuers]


def _hand(number: int) -> str:
    return "signature" if number == 1 else f"signature {number}"


def _given(content: bytes | None) -> Picture | None:
    return Picture(content=content) if content else None


def _own(template: Template, name: object) -> Picture | None:
    return pictures.named(str(name), template.files)


def _text(text: str | None, spoken: Language) -> dict[str, str] | None:
    if not text:
        return None
    return {"text": text, "direction": direction(text, otherwise=spoken.locale.text_direction)}
