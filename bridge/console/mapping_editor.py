"""The editor of mapping documents: their mistakes, a completion's values, and its picture."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import sqlalchemy as sa
from flask import jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console import mapping_form
from bridge.console.door import Console, page, person
from bridge.console.mappings import marked, require_change
from bridge.people import reach
from bridge.people.roles import Role
from bridge.pipeline import explained_text, publishing, sketch
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.publishing import ChangedMeanwhile, Document
from bridge.pipeline.sketch import Sketch
from bridge.pipeline.zones import zoned
from bridge.store import accounts, completions, events, mapping_versions
from bridge.store.tables import completion
from mappings.form import filled_in
from mappings.listing import Listed, listing
from mappings.mistakes import DocumentError, Mistake
from mappings.model import Mapping

#: Completions one can choose from.
CHOICES = 30
STARTER = "course-completion"
FORM_VIEW, YAML_VIEW = "form", "yaml"
VIEWS = (FORM_VIEW, YAML_VIEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a person has before them in the editor."""

    text: str
    since: str  #: sha256 of the version it was begun with; empty for none
    completion: str
    reason: str = ""
    view: str = FORM_VIEW  #: which of the two is written in


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/mapping-editor", role=Role.ADMIN)
    def mapping_editor() -> Response:
        """The editor, with a version of a mapping, or with a ready-made document to begin with."""
        name = request.args.get("name", "")
        if not name:
            text = _starter(bridge, request.args.get("from", STARTER))
            return _editor(bridge, Given(text=text, since="", completion=_asked(), view=_view()))
        with bridge.database.read() as conn:
            row = _version(conn, name, request.args.get("version", ""))
            newest = mapping_versions.newest(conn, name)
        since = "" if newest is None else newest.sha256
        given = Given(text=row.document, since=since, completion=_asked(), view=_view())
        return _editor(bridge, given)

    @console.page("/mapping-editor", role=Role.ADMIN, methods=["POST"])
    def edit_mapping() -> Response:
        """Keep it as a draft; or show it again, with its mistakes."""
        given, act = _given(), request.form.get("act", "")
        if act == "save":
            return _save(bridge, given)
        return _editor(bridge, replace(given, view=act) if act in VIEWS else given)

    @console.page("/mapping-editor/look", role=Role.ADMIN, methods=["POST"])
    def look_at_mapping() -> Response:
        """What has been typed so far comes to, for the page's script."""
        given = _given()
        shown = _all(bridge, given)
        return jsonify(
            {
                "document": given.text,
                "mistakes": [_told(each) for each in shown["checked"].mistakes],
                "wrong": shown["wrong"],
                "made": shown["made"],
                "template": shown["fields"] and shown["fields"].template,
                "fields": render_template("console/mapping_fields.html", **shown),
                "look": render_template("console/mapping_look.html", **shown),
                "picker": render_template("console/mapping_picker.html", **shown),
            }
        )


def _given() -> Given:
    # Browsers send line ends as the network has them.
    text = request.form.get("document", "").replace("\r\n", "\n")
    view = request.form.get("view", "")
    if view == FORM_VIEW:
        with suppress(DocumentError):  # no YAML: then there was no form of it either
            text = filled_in(text, mapping_form.sent(request.form))
    return Given(
        view=view if view in VIEWS else YAML_VIEW,
        text=text,
        since=request.form.get("since", ""),
        completion=request.form.get("completion", ""),
        reason=request.form.get("reason", "").strip(),
    )


def _asked() -> str:
    return request.args.get("completion", "")


def _view() -> str:
    wanted = request.args.get("view", "")
    return wanted if wanted in VIEWS else FORM_VIEW


def _version(conn: sa.Connection, name: str, number: str) -> sa.Row[Any]:
    """The version that is to be changed, by default the newest."""
    require_change(conn, name)
    rows = mapping_versions.versions(conn, name)
    found = next(
        (row for row in rows if str(row.version) == (number or str(rows[0].version))), None
    )
    if found is None:
        raise NotFound
    return found


def starters() -> Sequence[str]:
    """The ready-made documents one may begin with, by name."""
    files = resources.files("mappings") / "examples"
    return sorted(each.name.removesuffix(".yaml") for each in files.iterdir())


def _starter(bridge: Bridge, name: str) -> str:
    if name not in starters():
        raise NotFound
    text = (resources.files("mappings") / "examples" / f"{name}.yaml").read_text("utf-8")
    with bridge.database.read() as conn:
        issuers = [row.name for row in accounts.issuers(conn)]
    limits = person().limits
    mine = [name for name in issuers if not limits.issuers or name in limits.issuers]
    if mine and "main" not in mine:
        text = text.replace("issuer: main", f"issuer: {mine[0]}", 1)
    return text


def _save(bridge: Bridge, given: Given) -> Response:
    checked = sketch.read(bridge, given.text)
    mapping = checked.mapping
    if mapping is None:
        return _editor(bridge, given, status=422)
    beyond = _beyond(bridge, mapping)
    if beyond:
        return _editor(bridge, given, status=422, beyond=beyond)
    document = Document(mapping=mapping, text=given.text)
    try:
        publishing.keep_draft(
            bridge,
            document,
            since=given.since or None,
            who=person().email,
            reason=given.reason or None,
        )
    except ChangedMeanwhile as exc:
        return _conflict(bridge, given, exc.row)
    return redirect(url_for("console.mapping", name=mapping.name), code=303)


def _beyond(bridge: Bridge, mapping: Mapping) -> str | None:
    """Why a document is not this person's to keep."""
    with bridge.database.read() as conn:
        is_there = mapping_versions.newest(conn, mapping.name) is not None
        try:
            if is_there:
                require_change(conn, mapping.name)
        except NotFound:
            return str(
                gettext(
                    "%(name)s is a mapping beyond your limits. Give this one another name.",
                    name=mapping.name,
                )
            )
    if reach.changes(person().limits, mapping):
        return None
    limits = person().limits
    named = ", ".join(sorted(limits.issuers | limits.sites | limits.courses))
    return str(
        gettext(
            "It may issue beyond your limits. Name issuers and sites of: %(named)s", named=named
        )
    )


def _conflict(bridge: Bridge, given: Given, theirs: sa.Row[Any]) -> Response:
    """Somebody kept another version: both, what differs, and two ways on."""
    with bridge.database.read() as conn:
        said = events.latest(conn, [theirs.id]).get(theirs.id)
    lines = publishing.diff_of(theirs.document, given.text)
    return page(
        "mapping_conflict.html",
        status=409,
        given=given,
        theirs=theirs,
        said=said,
        diff=marked(lines),
    )


def _looked(bridge: Bridge, given: Given) -> tuple[Sketch, Sketch | None]:
    """The document's mistakes; and, without any, what it makes of the chosen completion."""
    checked = sketch.read(bridge, given.text)
    chosen = _chosen(bridge, given)
    if checked.mapping is None or chosen is None:
        return checked, None
    return checked, sketch.draw(bridge, checked.mapping, chosen)


def _chosen(bridge: Bridge, given: Given) -> str | None:
    """The completion to look at: the one that was chosen, else the newest; within the limits."""
    within = reach.completions(person().limits)
    with bridge.database.read() as conn:
        told = sa.and_(within, completions.TOLD)
        if given.completion:
            one = sa.and_(within, completion.c.id == given.completion)
            rows = completions.recent(conn, state=None, limit=1, within=one)
        else:
            rows = completions.recent(conn, state=None, limit=1, within=told)
    return rows[0]["id"] if rows else None


def _picker(bridge: Bridge, given: Given) -> Sequence[Listed]:
    """Every name there is, with what it gives for the chosen completion."""
    chosen = _chosen(bridge, given)
    with bridge.database.read() as conn:
        row = None if chosen is None else completions.by_id(conn, chosen)
        if row is None:
            return listing([], site="")
        site = accounts.site_by_id(conn, row.site_id)
    found = zoned(completions.unpack(row.data), site, setting=bridge.settings.timezone)
    return listing([found], site=site.name)


def _shown(checked: Sketch, drawn: Sketch | None) -> dict[str, Any]:
    """What the page tells of what was looked at."""
    each = None if drawn is None else drawn.explained
    picture = None if drawn is None or drawn.picture is None else base64.b64encode(drawn.picture)
    return {
        "checked": checked,
        "drawn": drawn,
        "explained": each,
        "text": explained_text,
        "problems": {} if each is None else explained_text.problems_of(each),
        "picture": None if picture is None else picture.decode(),
    }


def _all(bridge: Bridge, given: Given) -> dict[str, Any]:
    """Everything the page tells of a document: its form, its mistakes, and what it makes."""
    with bridge.database.read() as conn:
        there = mapping_form.There(
            issuers=[row.name for row in accounts.issuers(conn)],
            sites=[row.name for row in accounts.sites(conn)],
            own=bridge.settings.templates_dir,
        )
    checked, drawn = _looked(bridge, given)
    each = None if drawn is None else drawn.explained
    made = {} if each is None else {one.field: one.result or "" for one in each.result.trace}
    wrong: dict[str, str] = {}
    for mistake in reversed(checked.mistakes):  # the first of a field is told beside it
        key = "write_back.target" if mistake.key == "write_back" else mistake.key
        wrong[key] = mistake.problem
    if each is not None:
        found = explained_text.problems_of(each).items()
        wrong |= {field: f"{one.problem}. {one.remedy}" for field, one in found}
    return {
        **_shown(checked, drawn),
        "fields": mapping_form.shown(given.text, there, person().limits),
        "made": made,
        "wrong": wrong,
        "values": _picker(bridge, given),
    }


def _told(mistake: Mistake) -> dict[str, Any]:
    place = {"line": mistake.line, "column": mistake.column, "key": mistake.key}
    return {**place, "problem": mistake.problem}


def _editor(
    bridge: Bridge, given: Given, *, status: int = 200, beyond: str | None = None
) -> Response:
    with bridge.database.read() as conn:
        within = sa.and_(reach.completions(person().limits), completions.TOLD)
        recent = completions.recent(conn, state=None, limit=CHOICES, within=within)
    shown = _all(bridge, given)
    view = given.view if shown["fields"] else YAML_VIEW
    return page(
        "mapping_editor.html",
        status=status,
        given=given,
        view=view,
        beyond=beyond,
        recent=recent,
        chosen=_chosen(bridge, given),
        starters=starters(),
        **shown,
    )
