"""``vaultbridge holds …``, ``release``, ``discard``: what waits together for a decision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from bridge.cli.printing import print_json, print_table
from bridge.cli.publishing import REASON_OPTION
from bridge.cli.session import AS_OPTION, JSON_OPTION, LIMIT_OPTION, bridge, person
from bridge.pipeline import release as releasing
from bridge.pipeline.release import Word
from bridge.store import holds as rows
from bridge.store import issuances
from bridge.store.states import HoldOutcome
from bridge.wiring import Bridge
from runtime.counting import counted

#: Certificates read at once.
CHUNK = 100
_ENTRY = ("full_name", "applicant_email", "certificate_title", "issue_date", "details")


@click.group(invoke_without_command=True)
@click.option("--all", "all_", is_flag=True, help="Those that are decided, too.")
@LIMIT_OPTION
@JSON_OPTION
@click.pass_context
def holds(context: click.Context, all_: bool, limit: int, as_json: bool) -> None:
    """Holds: certificates that wait together until a person releases or discards them."""
    if context.invoked_subcommand is not None:
        return
    with bridge().database.read() as conn:
        found = [_hold(row) for row in rows.recent(conn, all_=all_, limit=limit)]
    if as_json:
        print_json(found)
        return
    columns = ("id", "kind", "mapping", "waiting", "since", "decided", "problem")
    print_table(columns, found, empty="Nothing is held for a decision.")


def _hold(row: sa.Row[Any]) -> dict[str, Any]:
    version = f" v{row.mapping_version}" if row.mapping_version is not None else ""
    return {
        "id": row.id,
        "kind": row.kind,
        "mapping": f"{row.mapping_name}{version}",
        "site": row.site,
        "course_id": row.course_id,
        "day": row.day,
        "waiting": row.waiting,
        "released": row.released,
        "discarded": row.discarded,
        "since": row.opened_at,
        "decided": row.outcome,
        "decided_at": row.closed_at,
        "decided_by": row.closed_by,
        "reason": row.reason,
        "problem": row.problem,
    }


@holds.command()
@click.argument("hold_id", metavar="HOLD")
@click.option(
    "--files",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each certificate's PDF into this folder.",
)
@click.option("--after", default="", metavar="ISSUANCE", help="Go on after this certificate.")
@LIMIT_OPTION
@JSON_OPTION
def show(hold_id: str, folder: Path | None, after: str, limit: int, as_json: bool) -> None:
    """Show the certificates that wait in a HOLD: what stands on each, and what is the matter.

    The first ones, in the order they came; --files writes those of all.
    """
    b = bridge()
    with b.database.read() as conn:
        hold = rows.by_id(conn, hold_id)
        waiting = rows.waiting_in(conn, hold_id)
        shown = [_certificate(row) for row in rows.members(conn, hold_id, after=after, limit=limit)]
    written = _write_files(b, hold_id, folder) if folder is not None else None
    if as_json:
        print_json({"id": hold.id, "waiting": waiting, "files": written, "certificates": shown})
        return
    click.echo(f"{hold.problem} {_decided(hold, waiting)}")
    columns = ("id", "site", "course_id", *_ENTRY[:4], "problem")
    print_table(columns, shown, empty="Nothing waits in it.")
    if shown and len(shown) < waiting:
        more = f"vaultbridge holds show {hold_id} --after {shown[-1]['id']}"
        click.echo(f"{len(shown):,} of {waiting:,}; the next: {more}")
    if written is not None:
        click.echo(f"{counted(written, 'file')} in {folder}.")


def _decided(hold: sa.Row[Any], waiting: int) -> str:
    if hold.outcome is None:
        return f"`vaultbridge release {hold.id}` or `vaultbridge discard {hold.id}` decides."
    when = f"{hold.closed_at:%Y-%m-%d %H:%M} UTC by {hold.closed_by}"
    said = f"It was {hold.outcome} on {when}: {hold.released} released, {hold.discarded} discarded."
    again = {HoldOutcome.RELEASED: "release", HoldOutcome.DISCARDED: "discard"}[hold.outcome]
    rest = f" That was interrupted: `vaultbridge {again} {hold.id}` goes on." if waiting else ""
    return said + rest


def _certificate(row: sa.Row[Any]) -> dict[str, Any]:
    names = ("id", "site", "course_id", "learner_id", "completion_id", *_ENTRY)
    # Of one that waits for nothing but the decision it is what they all say.
    of_its_own = row.hold_id not in (row.cause or "")
    return {
        **{name: getattr(row, name) for name in names},
        "file_sha256": row.file_sha256,
        "problem": row.problem if of_its_own else None,
        "remedy": row.remedy if of_its_own else None,
    }


def _write_files(b: Bridge, hold_id: str, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for row in _all(b, hold_id):
        if row.file_sha256 is not None:
            with b.database.read() as conn:
                content = issuances.file_content(conn, row.file_sha256)
            (folder / f"{row.id}.pdf").write_bytes(content)
            count += 1
    return count


def _all(b: Bridge, hold_id: str) -> Iterator[sa.Row[Any]]:
    after = ""
    while True:
        with b.database.read() as conn:
            found = rows.members(conn, hold_id, after=after, limit=CHUNK)
        yield from found
        if not found:
            return
        after = found[-1].id


def _deciding(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments and options of a decision."""
    decorations = (
        click.argument("hold_id", metavar="HOLD"),
        click.argument("ids", metavar="[ISSUANCE]...", nargs=-1),
        REASON_OPTION,
        AS_OPTION,
        JSON_OPTION,
    )
    for decorate in reversed(decorations):
        command = decorate(command)
    return command


@click.command()
@_deciding
def release(
    hold_id: str, ids: tuple[str, ...], reason: str | None, who: str | None, as_json: bool
) -> None:
    """Let the certificates of a HOLD be issued: all that wait in it, or those named.

    They are sent as they were shown. Safe to repeat: one that was interrupted goes on.
    """
    word = Word(outcome=HoldOutcome.RELEASED, who=person(who), reason=reason)
    _decide(hold_id, word, ids, as_json=as_json)


@click.command()
@_deciding
def discard(
    hold_id: str, ids: tuple[str, ...], reason: str | None, who: str | None, as_json: bool
) -> None:
    """Cancel the certificates of a HOLD: all that wait in it, or those named.

    Nothing was sent of them, and nothing is. Their completions are listed as discarded; each can
    be replayed, and is mapped anew then.
    """
    word = Word(outcome=HoldOutcome.DISCARDED, who=person(who), reason=reason)
    _decide(hold_id, word, ids, as_json=as_json)


def _decide(hold_id: str, word: Word, ids: Sequence[str], *, as_json: bool) -> None:
    b = bridge()
    try:
        done = [one for part in releasing.decide(b, hold_id, word, ids=ids) for one in part]
    except releasing.DecidedOtherwise as exc:
        raise click.ClickException(str(exc)) from exc
    with b.database.read() as conn:
        left = rows.waiting_in(conn, hold_id)
        strange = releasing.not_about(conn, hold_id, word, ids)
    if as_json:
        told = {"hold": hold_id, word.outcome.value: len(done), "waiting": left, "not": strange}
        print_json(told)
    else:
        for row_id, said in strange.items():
            click.echo(f"{row_id}: {said}")
        click.echo(f"{len(done):,} {word.outcome}, {left:,} still wait ({hold_id}).")
    if strange:
        raise SystemExit(1)
