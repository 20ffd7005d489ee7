"""Certificate templates: the gallery, and an institution's own made by a form."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Response as FlaskResponse
from flask import jsonify, redirect, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as later
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

import bridge.certificates.templates as gallery
from bridge.certificates import own, pictures, sample, texts
from bridge.certificates.page import RenderError
from bridge.certificates.parameters import Parameter
from bridge.certificates.signatories import MOST
from bridge.certificates.templates import Template
from bridge.console.door import Console, page, person
from bridge.people.roles import Role
from bridge.pipeline.bridge import Bridge
from bridge.store import events

#: Signatories there are rows for.
ROWS = 2 * MOST
#: A form with a picture for each place.
LARGEST_FORM = 12 * 1024 * 1024
SIGNATORY = ("name", "role", "from", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Somebody whose certificate is shown."""

    called: Any
    full_name: str | None = None
    language: str | None = None
    awkward: bool = False


#: Names that a template must be able to take, by what stands in the address.
SAMPLES: Mapping[str, Sample] = {
    "usual": Sample(called=later("a usual name")),
    "long": Sample(called=later("the longest name and title"), awkward=True),
    "arabic": Sample(called=later("Arabic"), language="ar"),
    "long-arabic": Sample(called=later("the longest in Arabic"), language="ar", awkward=True),
    "cjk": Sample(called=later("Chinese and Japanese"), full_name="王小明 山田太郎"),
    "letter": Sample(called=later("a single letter"), full_name="X"),
    "signs": Sample(called=later("apostrophes and hyphens"), full_name="Siân O’Neill-D'Arcy"),
}


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/templates", role=Role.VIEWER)
    def templates() -> Response:
        """The gallery."""
        folders = _folders(bridge)
        found, broken = [], {}
        for name in gallery.names(folders):
            try:
                found.append(bridge.renderer.template(name))
            except RenderError as error:
                broken[name] = str(error)
        return page("templates.html", templates=found, broken=broken, own=_own_names(bridge))

    @console.page("/templates/<name>", role=Role.VIEWER)
    def template(name: str) -> Response:
        """One: what it can be told, and how it takes awkward names."""
        return _page(bridge, _template(bridge, name))

    @console.page("/templates/<name>/page.svg", role=Role.VIEWER)
    def template_picture(name: str) -> Response:
        """A sample page."""
        try:
            made = _drawn(bridge, _template(bridge, name), {})
        except RenderError as error:
            return FlaskResponse(str(error), status=422, mimetype="text/plain")
        return FlaskResponse(made, mimetype="image/svg+xml")

    @console.page("/templates/<name>/look", role=Role.ADMIN, methods=["POST"], whole=True)
    def look_at_template(name: str) -> Response:
        """A sample page with what is typed so far, for the page's script."""
        found = _template(bridge, name)
        try:
            made = _drawn(bridge, found, _values(found, printed=True))
        except RenderError as error:
            return jsonify({"fault": str(error)})
        return jsonify({"picture": base64.b64encode(made).decode()})

    @console.page(
        "/templates/<name>",
        role=Role.ADMIN,
        methods=["POST"],
        whole=True,
        largest=LARGEST_FORM,
    )
    def save_template(name: str) -> Response:
        """Keep it as one of the institution's own, with these values and pictures."""
        try:
            return _save(bridge, _template(bridge, name))
        finally:
            request.close()  # what was uploaded


def _save(bridge: Bridge, base: Template) -> Response:
    called = request.form.get("name", "").strip() or base.name
    folder = bridge.settings.templates_dir
    if folder is None:
        raise NotFound
    is_change = called == base.name and called in _own_names(bridge)
    if not is_change and called in gallery.names(_folders(bridge)):
        taken = gettext("There is one of this name already: take another.")
        return _page(bridge, base, status=422, wrong={"name": taken})
    try:
        put, values = _uploads(base), _values(base, printed=False)
        values |= {**put.files, **_signing(base, put)}
        own.save(folder, called, base, values=values, put=put.contents)
    except RenderError as error:
        wrong = {error.field or "name": str(error)}
        return _page(bridge, base, status=422, wrong=wrong, fault=str(error))
    except OSError as error:
        fault = gettext("The folder of your templates cannot be written: %(why)s", why=error)
        return _page(bridge, base, status=422, fault=fault)
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        what = "template changed" if is_change else "template made"
        after = {"sha256": bridge.renderer.template(called).digest, "begun with": base.name}
        before = {"sha256": base.digest} if is_change else None
        subject = f"template {called}"
        events.record(conn, subject, what, at=now, who=person().email, before=before, after=after)
    return redirect(url_for("console.template", name=called, saved="1"), code=303)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """Pictures that were sent."""

    files: Mapping[str, str]  #: by parameter: the file's name
    signatures: Mapping[int, str]  #: by the signatory's row
    contents: Mapping[str, bytes]  #: by the file's name


def _folders(bridge: Bridge) -> tuple[Any, ...]:
    return gallery.folders(bridge.settings.templates_dir)


def _own_names(bridge: Bridge) -> Sequence[str]:
    folder = bridge.settings.templates_dir
    return () if folder is None else gallery.names((folder,))


def _template(bridge: Bridge, name: str) -> Template:
    if name not in gallery.names(_folders(bridge)):
        raise NotFound
    return bridge.renderer.template(name)


def _drawn(bridge: Bridge, template: Template, values: Mapping[str, object]) -> bytes:
    """A sample page as it is asked for. Raises RenderError."""
    asked = SAMPLES.get(request.values.get("sample", ""), SAMPLES["usual"])
    paper = request.values.get("paper", "")
    spoken = request.values.get("language", "")
    language = asked.language or (spoken if texts.known(spoken) else "en")
    made = sample.page(
        template,
        language=language,
        paper=paper if paper in template.papers else template.papers[0],
        awkward=asked.awkward,
        full_name=asked.full_name,
        values=values,
    )
    return bridge.renderer.render(made, form="svg")


def _values(template: Template, *, printed: bool) -> dict[str, object]:
    """What is filled in, by parameter; ``printed``: those that a page may be told."""
    given: dict[str, object] = {}
    for each in template.parameters.values():
        sent = request.form.get(f"p.{each.name}")
        if sent is None or each.kind == "signatories":
            continue
        value = template.typed(each.name, sent.strip())
        if not printed and (advice := each.advice(value, template.files)):
            raise RenderError(
                f"{each.name}: {sent!r} does not fit.", remedy=advice, field=each.name
            )
        given[each.name] = value
    return given


def _uploads(template: Template) -> Uploads:
    """The pictures that were sent. Raises RenderError for one that is none, or too large."""
    files, signatures, contents = {}, {}, {}
    for parameter in template.of_kind("image"):
        if content := _sent(f"file.{parameter}"):
            files[parameter] = own.picture_name(parameter, content)
            contents[files[parameter]] = content
    for row in range(ROWS):
        if content := _sent(f"file.signature.{row}"):
            signatures[row] = own.picture_name(f"signature-{row + 1}", content)
            contents[signatures[row]] = content
    return Uploads(files=files, signatures=signatures, contents=contents)


def _sent(name: str) -> bytes:
    file = request.files.get(name)
    return b"" if file is None else file.read(own.PICTURE_LIMIT + 1)


def _signing(template: Template, put: Uploads) -> dict[str, object]:
    """The signatories that are filled in, by their parameter. Raises RenderError."""
    found: dict[str, object] = {}
    for parameter in template.of_kind("signatories"):
        rows = [_signatory(row, put) for row in range(ROWS)]
        value = [each for each in rows if each]
        files = {**template.files, **put.contents}
        if advice := template.parameters[parameter].advice(value, files):
            raise RenderError("The signatories do not fit.", remedy=advice, field=parameter)
        found[parameter] = value
    return found


def _signatory(row: int, put: Uploads) -> dict[str, object]:
    said = {key: request.form.get(f"s.{row}.{key}", "").strip() for key in (*SIGNATORY, "image")}
    if row in put.signatures:
        said["image"] = put.signatures[row]
    if not said["name"]:
        return {}
    made: dict[str, object] = {}
    for key, value in said.items():
        if value:
            made[key] = _day(value) if key in ("from", "until") else value
    return made


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise RenderError(
            f"{text!r} is no day.", remedy="Write it as 2026-09-01.", field="signatories"
        ) from error


def _page(
    bridge: Bridge,
    template: Template,
    *,
    status: int = 200,
    fault: str | None = None,
    **values: Any,
) -> Response:
    picture = None
    try:
        picture = base64.b64encode(_drawn(bridge, template, {})).decode()
    except RenderError as error:
        fault = fault or str(error)
    return page(
        "template.html",
        status=status,
        shown=template,
        picture=picture,
        fault=fault,
        samples=SAMPLES,
        languages=texts.languages(),
        images=[file for file, content in template.files.items() if pictures.kind(content)],
        is_own=template.name in _own_names(bridge),
        can_keep=bridge.settings.templates_dir is not None,
        rows=_rows(template),
        typed=_typed,
        limit=own.PICTURE_LIMIT // 1024 // 1024,
        **{"wrong": {}, **values},
    )


def _rows(template: Template) -> Sequence[Mapping[str, Any]]:
    """Its signatories, as they are filled in or stand there, and room for more."""
    there = [
        {key: str(value) for key, value in each.items()}
        for parameter in template.of_kind("signatories")
        for each in template.parameters[parameter].default  # type: ignore[attr-defined]
    ]
    keys = (*SIGNATORY, "image")
    return [
        {"number": row}
        | {
            key: request.form.get(f"s.{row}.{key}", (there[row : row + 1] or [{}])[0].get(key, ""))
            for key in keys
        }
        for row in range(ROWS)
    ]


def _typed(parameter: Parameter) -> str:
    """A parameter's value as it is filled in, or as it is."""
    value = parameter.default
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return request.form.get(f"p.{parameter.name}", shown)
