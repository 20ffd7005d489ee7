"""``vaultbridge mappings preview``: one completion under a mapping, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import click

from bridge.certificates.page import RenderError
from bridge.cli.documents import known_here, load_or_tell
from bridge.cli.printing import print_json
from bridge.cli.session import JSON_OPTION, bridge
from bridge.pipeline import explained
from bridge.pipeline.explained import Explained, Obstacle, Told
from bridge.pipeline.explained_text import (
    because,
    lines_of,
    problems_of,
    taken_as_written,
    verdict,
)
from bridge.pipeline.versioned import Versioned, active_mappings, version_of
from bridge.store import mapping_versions
from bridge.wiring import Bridge
from mappings.engine import ISSUE_DATE, Entry, FieldProblem, FieldTrace, Held
from mappings.model import LMS

DRAFT = 0  #: the version of a document that is in a file
DOCUMENT_ENDS = (".yaml", ".yml")
#: A picture's form to what was said against making it, or where it was put.
Files: TypeAlias = "dict[str, str]"


@click.command()
@click.argument("which", metavar="[FILE|NAME]", required=False)
@click.option("--completion", "completion_id", metavar="ID", help="A completion received before.")
@click.option(
    "--payload",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with the body of a webhook, as recorded.",
)
@click.option("--site", help="The site whose webhook --payload is.")
@click.option(
    "--ask/--as-told",
    default=None,
    help="Ask the LMS now, or take what was told. Default: ask about a payload alone.",
)
@click.option("--version", type=click.IntRange(min=1), help="That version of NAME.")
@click.option("--png", type=click.Path(path_type=Path, dir_okay=False), help="Print it there.")
@click.option("--pdf", type=click.Path(path_type=Path, dir_okay=False), help="Print it there.")
@JSON_OPTION
def preview(
    which: str | None,
    completion_id: str | None,
    payload: Path | None,
    site: str | None,
    ask: bool | None,
    version: int | None,
    png: Path | None,
    pdf: Path | None,
    as_json: bool,
) -> None:
    """Show what a mapping makes of one completion: each field and where it came from.

    First it says whether the certificate would be issued at once, or why not. FILE is a draft, NAME
    a mapping that is stored; without either, the active mappings that want the completion are
    shown. Nothing is written to the database, the vault or the LMS. Exits 1 if no certificate would
    be issued.
    """
    b = bridge()
    active, chosen = _mappings(b, which, version)
    told = _told(b, completion_id, payload, site, ask)
    shown = [
        explained.explain(b, by, one, active=active)
        for one in told
        for by in (chosen or explained.wanting(active, one))
    ]
    wanted = {form: path for form, path in (("png", png), ("pdf", pdf)) if path is not None}
    if wanted and len(shown) > 1:
        names = ", ".join(sorted({each.by.mapping.name for each in shown}))
        raise click.UsageError(f"--png and --pdf are for one certificate: say which of {names}.")
    files, faults = _print_files(b, shown, wanted)
    if as_json:
        print_json([_as_json(each, files) for each in shown])
    else:
        for line in _lines(told, shown, files):
            click.echo(line)
    for fault in faults:
        click.echo(f"vaultbridge: {fault}", err=True)
    if faults or not shown or not all(each.would_issue for each in shown):
        raise SystemExit(1)


def _mappings(
    b: Bridge, which: str | None, version: int | None
) -> tuple[Sequence[Versioned], Sequence[Versioned]]:
    """The active mappings, and the one that was named."""
    with b.database.read() as conn:
        active = active_mappings(conn)
        if which is None:
            return active, ()
        if not _is_file(which):
            number = version or mapping_versions.active_named(conn, which).version
            return active, [version_of(conn, which, number)]
    document = load_or_tell(Path(which), known_here(b, beside=False))
    if document is None:
        raise SystemExit(1)
    return active, [Versioned(mapping=document, version=DRAFT)]


def _is_file(which: str) -> bool:
    return which.endswith(DOCUMENT_ENDS) or Path(which).is_file()


def _told(
    b: Bridge, completion_id: str | None, payload: Path | None, site: str | None, ask: bool | None
) -> Sequence[Told]:
    if completion_id is not None and payload is None and site is None:
        return [explained.kept(b, completion_id, ask=bool(ask))]
    if completion_id is None and payload is not None and site is not None:
        return explained.delivered(b, site, payload.read_bytes(), ask=ask is not False)
    raise click.UsageError("Say which completion: --completion ID, or --payload FILE --site NAME.")


def _print_files(
    b: Bridge, shown: Sequence[Explained], wanted: Mapping[str, Path]
) -> tuple[Files, Sequence[str]]:
    """Where each form of the page was put, and what was said against it."""
    page = shown[0].page if shown else None
    if page is None:
        made = bool(shown) and shown[0].by.mapping.certificate.source == LMS
        why = "The LMS makes the file; no page is printed" if made else "There is no certificate"
        return {}, [f"{why} for {path}." for path in wanted.values()]
    files: Files = {}
    try:
        with b.renderer:
            for form, path in wanted.items():
                path.write_bytes(b.renderer.render(page, form=form))
                files[form] = str(path)
    except RenderError as error:
        return files, [str(error)]
    return files, []


def _lines(told: Sequence[Told], shown: Sequence[Explained], files: Files) -> Iterator[str]:
    if not told:
        yield "It holds no completion."
    for one in told:
        found = one.completion
        course = f"{found.course.title or 'no title'} ({found.course.id})"
        yield f"{one.id or 'A completion'}: {course}, learner {found.learner.id}, {one.site.name}"
        of_it = [each for each in shown if each.told is one]
        if not of_it:
            yield "No active mapping wants it. Why not: vaultbridge mappings preview NAME …"
        for each in of_it:
            yield ""
            yield from _explained(each)
    for path in files.values():
        yield f"\n{path}: the certificate"


def _explained(each: Explained) -> Iterator[str]:
    yield f"{_name(each)}: {verdict(each)}"
    problems = problems_of(each)
    for trace in each.result.trace:
        yield f"\n{trace.field}"
        yield from (f"  {what:10} {said}" for what, said in lines_of(trace, problems))
        if trace.field == ISSUE_DATE and isinstance(each.result, Entry):
            yield f"  {'because':10} {because(each.result.dated)}"
    for field, value in taken_as_written(each).items():
        shown = str(value).lower() if isinstance(value, bool) else value
        yield f"\n{field}\n  {'result':10} {shown}"
    if isinstance(each.result, Entry) and each.result.expires_on is not None:
        yield f"\nvalid_for\n  {'result':10} {each.by.mapping.valid_for}"
        yield f"  {'because':10} the last day is {each.result.expires_on}"


def _name(each: Explained) -> str:
    version = each.by.version
    return f"{each.by.mapping.name} ({f'version {version}' if version else 'a draft'})"


def _as_json(each: Explained, files: Files) -> dict[str, Any]:
    problems = problems_of(each)
    return {
        "completion": each.told.id,
        "site": each.told.site.name,
        "course": each.told.completion.course.id,
        "learner": each.told.completion.learner.id,
        "mapping": each.by.mapping.name,
        "version": each.by.version or None,
        "would_issue": each.would_issue,
        "misfit": each.misfit,
        "rival": each.rival,
        "tie": each.tie,
        "verdict": verdict(each),
        "obstacle": each.obstacle and _obstacle_json(each.obstacle),
        "dated": _dated_json(each.result),
        "expires_on": each.result.expires_on if isinstance(each.result, Entry) else None,
        "fields": [_field_json(trace, problems.get(trace.field)) for trace in each.result.trace],
        "taken_as_written": taken_as_written(each),
        "files": files,
    }


def _obstacle_json(obstacle: Obstacle) -> dict[str, str]:
    return {"cause": obstacle.cause, "problem": obstacle.problem}


def _dated_json(result: Entry | Held) -> dict[str, Any] | None:
    return asdict(result.dated) if isinstance(result, Entry) else None


def _field_json(trace: FieldTrace, problem: FieldProblem | None) -> dict[str, Any]:
    return {
        "field": trace.field,
        "expression": trace.expression,
        "inputs": dict(trace.inputs),
        "filters": [{"filter": written, "result": result} for written, result in trace.filters],
        "tidied": trace.tidied,
        "result": trace.result,
        "problem": problem and problem.problem,
        "remedy": problem and problem.remedy,
        "code": problem and problem.code,
    }
